"""Bad input is refused before anything is sent, and so before anything is paid, in words that name it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
import pytest

from sora2_provider.exceptions import InvalidParameter, Sora2Error
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from tests.exact_errors import raises_exactly

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow.models.dag import DAG

START = pendulum.datetime(2026, 1, 1, tz="UTC")
LIST = "a list of http(s) links"

# What is given, the value that a template renders to at run time, and what the message must name.
CASES: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "empty prompt": ("prompt", "", ("prompt=''", "non-empty text")),
    "blank prompt": ("prompt", " \n\t ", ("prompt=", "non-empty text")),
    "prompt is None": ("prompt", None, ("prompt=None", "non-empty text", "returned nothing")),
    "prompt renders to None": ("prompt", "None", ("prompt='None'", "returned nothing")),
    "prompt is a number": ("prompt", 7, ("prompt=7", "not int")),
    "square": ("orientation", "square", ("orientation='square'", "'portrait' or 'landscape'")),
    "orientation renders to None": ("orientation", "None", ("orientation='None'", "'portrait' or 'landscape'")),
    "huge": ("size", "huge", ("size='huge'", "'small' or 'large'")),
    "12 seconds": ("duration", 12, ("duration=12", "10 or 15 seconds")),
    "12 seconds in a string": ("duration", "12", ("duration='12'", "10 or 15 seconds")),
    "25 seconds of sora-2": ("duration", 25, ("duration=25", "10 or 15", "sora-2-pro")),
    "duration is True": ("duration", True, ("duration=True", "10 or 15")),
    "duration is half": ("duration", 10.5, ("duration=10.5", "10 or 15")),
    "duration renders to None": ("duration", "None", ("duration='None'", "returned nothing")),
    "ftp image": ("images", ["ftp://x"], ("images", "'ftp://x'", "http:// or https://")),
    "s3 image": ("images", ["s3://bucket/cat.png"], ("images", "s3://bucket/cat.png", "presigned")),
    "local image": ("images", "/data/cat.png", ("images", "/data/cat.png", "presigned")),
    "images are a number": ("images", 7, ("images=7", LIST)),
    "images are a dict": ("images", {"url": "https://x/y.png"}, ("images=", LIST, "not dict")),
    "images are None": ("images", None, ("images=None", LIST)),
    "images render to None": ("images", "None", ("images='None'", LIST, "returned nothing")),
    "an image is None": ("images", ["https://example.com/a.png", None], ("images", "None", "returned nothing")),
    "several links in one": ("images", "https://a.example/1.png,https://a.example/2.png", ("images", "several links")),
    "images are half a list": ("images", '["https://example.com/a.png"', ("images=", "JSON list", "tojson")),
    "blank model": ("model", " ", ("model=' '", "sora-2")),
    "extra overrides": ("extra", {"prompt": "another"}, ("extra=", "'prompt'", "prompt=...")),
    "extra overrides in JSON": ("extra", '{"duration": 15}', ("extra=", "'duration'", "duration=...")),
    "extra is a list": ("extra", ["watermark"], ("extra=", "a dict")),
    "extra cannot be JSON": ("extra", {"seed": float("nan")}, ("extra=", "JSON")),
}


@pytest.mark.parametrize(("name", "value", "said"), CASES.values(), ids=CASES)
def test_a_wrong_literal_fails_when_the_dag_is_parsed(gateway, name, value, said):
    with pytest.raises(InvalidParameter) as caught:
        Sora2CreateVideoOperator(task_id="create", **{"prompt": "a cat", name: value})
    assert all(text in str(caught.value) for text in (*said, "'create'")), str(caught.value)
    assert gateway.requests == ()


@pytest.mark.parametrize(("name", "value", "said"), CASES.values(), ids=CASES)
def test_a_template_that_renders_to_it_fails_before_any_request(gateway, context, name, value, said):
    # Native rendering keeps the types, so that numbers, dicts and None arrive as such.
    native = not isinstance(value, str)
    with DAG("templates", schedule=None, start_date=START, render_template_as_native_obj=native):
        operator = Sora2CreateVideoOperator(task_id="create", **{"prompt": "a cat", name: "{{ params.it }}"})
    operator.render_template_fields({**context, "params": {"it": value}})
    with pytest.raises(InvalidParameter) as caught:
        operator.execute(context)
    assert all(text in str(caught.value) for text in said), str(caught.value)
    assert "nothing was paid" in str(caught.value)
    assert gateway.requests == ()


CONNECTIONS = {
    "base URL without scheme": ({"host": "api.example.com"}, ("api.example.com", "https://", "Base URL field")),
    "base URL that is no address": ({"host": "https://"}, ("https://", "Base URL field")),
    "missing key": ({"host": "http://127.0.0.1:9", "password": ""}, ("no API key", "API key field")),
    "key with a line break": ({"host": "http://127.0.0.1:9", "password": "sk-a\nb"}, ("API key", "line breaks")),
    "extra header that would replace the key": (
        {"host": "http://127.0.0.1:9", "extra_headers": '{"Authorization": "x"}'},
        ("extra headers", "authorization"),
    ),
    "path without slash": ({"host": "http://127.0.0.1:9", "create_path": "v1/x"}, ("create path", "begins with /")),
    "query path with an unknown placeholder": (
        {"host": "http://127.0.0.1:9", "query_path": "/v1/videos/{video_id}"},
        ("query path", "{id}"),
    ),
    **{
        f"query path {path}": ({"host": "http://127.0.0.1:9", "query_path": path}, ("query path", said))
        for path, said in (
            ("/v1/video/query?task_id=", "/v1/video/query?task_id={id}"),
            ("/v1/video/query?task_id={task_id}", "the only placeholder is {id}"),
            ("/v1/video/query?{id}", "parameters such as task_id={id}"),
            ("/v1/video/query?a={id}?b=1", "joined with &"),
            ("/v1/video/query?a={id}#b", "begins with /"),
            ("https://g.example.com/query?id={id}", "begins with /"),
        )
    },
    "create path with a placeholder": (
        {"host": "http://127.0.0.1:9", "create_path": "/v1/videos/{id}"},
        ("create path", "without a placeholder"),
    ),
    "no CA bundle there": ({"host": "http://127.0.0.1:9", "verify_tls": "/no/ca.pem"}, ("no such CA bundle",)),
    "timeout of zero": ({"host": "http://127.0.0.1:9", "connect_timeout": 0}, ("connect timeout", "above 0")),
    "verify_tls is no word": ({"host": "http://127.0.0.1:9", "verify_tls": "perhaps"}, ("verify_tls", "CA bundle")),
}


@pytest.mark.parametrize(("connection", "said"), CONNECTIONS.values(), ids=CONNECTIONS)
def test_a_connection_that_cannot_work_fails_before_any_request(gateway, connect, context, connection, said):
    connect(**connection)
    with pytest.raises(InvalidParameter) as caught:
        Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    assert all(text in str(caught.value) for text in (*said, "'sora2_default'")), str(caught.value)
    assert gateway.requests == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": float("inf")}, "timeout=inf"),
        ({"timeout": "long"}, "timeout='long'"),
        ({"timeout": "30m"}, "timeout='30m'"),
        ({"timeout": "nan"}, "timeout='nan'.*returned nothing"),
        ({"timeout": None}, "timeout=None"),
        ({"timeout": "-15.0"}, "timeout='-15.0'"),
        ({"timeout": True}, "timeout=True"),
        ({"timeout": 10**400}, "timeout=1000"),
        ({"timeout": timedelta(0)}, "timeout=.*timedelta"),
        ({"timeout": timedelta(days=31)}, "timeout=.*30 days"),
        ({"poll_interval": -1}, "poll_interval=-1"),
        ({"poll_interval": timedelta(seconds=-1)}, "poll_interval=.*above 0"),
        ({"output_path": "/tmp/x.mp4"}, "wait_for_completion=True"),
        ({"output_path": "videos/cat.mp4", "wait_for_completion": True}, "absolute path"),
        ({"wait_for_completion": "false"}, "wait_for_completion='false'"),
    ],
)
def test_waiting_that_cannot_work_fails_when_the_dag_is_parsed(options, said):
    with pytest.raises(InvalidParameter, match=said):
        Sora2CreateVideoOperator(task_id="create", prompt="a cat", **options)


@pytest.mark.parametrize("value", ["long", "null", -1, ["15"], float("nan")])
@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
def test_a_template_of_a_wait_that_cannot_work_fails_before_any_request(gateway, context, name, value):
    with DAG("templates", schedule=None, start_date=START, render_template_as_native_obj=True):
        operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", **{name: "{{ params.it }}"})
    operator.render_template_fields({**context, "params": {"it": value}})
    with pytest.raises(InvalidParameter, match=rf"(?s){name}=.*number of seconds"):
        operator.execute(context)
    assert gateway.requests == ()


@pytest.mark.parametrize(
    ("path", "said", "error"),
    [
        ("file://videos/cat.mp4", "three slashes", InvalidParameter),
        ("{folder}", "End it with /", InvalidParameter),
        ("nowhere://bucket/cat.mp4", "cannot be opened here", Sora2Error),
    ],
)
def test_an_output_path_that_cannot_be_written_costs_nothing(gateway, context, tmp_path, path, said, error):
    output = path.format(folder=tmp_path)
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", wait_for_completion=True, output_path=output)
    with raises_exactly(error, match=said):
        operator.execute(context)
    assert gateway.requests == ()


@pytest.mark.parametrize(
    ("options", "said"), [({"if_exists": "skipp"}, "if_exists='skipp'"), ({"path": "videos/cat.mp4"}, "relative path")]
)
def test_a_download_that_cannot_work_fails_when_the_dag_is_parsed(options, said):
    with pytest.raises(InvalidParameter, match=said):
        Sora2DownloadVideoOperator(task_id="store", video_id="video_1", **{"path": "/tmp/cat.mp4", **options})


def test_good_arguments_are_not_refused_for_being_templates():
    images, extra = ["{{ params.image }}", "https://example.com/a.png"], {"seed": "{{ params.seed }}"}
    options = {"duration": "{{ params.seconds }}", "size": "{{ params.size }}", "images": images, "extra": extra}
    Sora2CreateVideoOperator(task_id="create", prompt="prompts/cat.prompt", **options)
