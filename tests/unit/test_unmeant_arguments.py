"""Objects of Airflow and Python where a text belongs: refused when the DAG file is parsed, or before the task pays."""

from __future__ import annotations

import copy
import itertools
import threading
from collections import deque
from types import MappingProxyType
from typing import Any

import pendulum
import pytest

from sora2_provider.exceptions import InvalidParameter
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

try:
    from airflow.sdk import DAG, task, task_group
except ImportError:  # Airflow 2.11
    from airflow.decorators import task, task_group
    from airflow.models.dag import DAG

LINK = "https://example.com/a.png"
LINKS = [LINK, "https://example.com/b.png"]
DAYS_31 = 31 * 24 * 3600


@pytest.fixture
def dag():
    with DAG(
        "films", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), params={"colour": "red"}
    ) as dag:
        yield dag


@task
def subjects():
    return ["a cat"]


def objects(dag: Any) -> list[Any]:
    """Return what an author may have put into an f-string: XComs, what else Airflow resolves, and what it does not."""
    many = subjects()
    found = [many.map(lambda subject: subject), many.zip(many), many.concat(many), dag.param("colour")]
    found += [many.operator, subjects, dag]

    @task_group
    def group(subject):
        found.append(subject)

    group.expand(subject=many)
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "A film of {}"},
        {"prompt": "A film of {} on {{{{ ds }}}}"},
        {"images": ["https://example.com/{}.png"]},
        {"extra": {"style": "{}", "seed": "{{{{ params.seed }}}}"}},
        {"output_path": "/films/{}.mp4", "wait_for_completion": True},
        {"output_path": "/films/{{{{ ds }}}}/{}.mp4", "wait_for_completion": True},
    ],
    ids=str,
)
def test_an_object_in_an_f_string_is_refused_when_the_dag_is_parsed(dag, fields):
    def filled(value: Any, one: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(part, one) for name, part in value.items()}
        if isinstance(value, list):
            return [filled(part, one) for part in value]
        return value.format(one) if isinstance(value, str) else value

    for number, one in enumerate(objects(dag)):
        with pytest.raises(InvalidParameter, match="it holds an object as Python shows it"):
            Sora2CreateVideoOperator(task_id=f"c{number}", **{"prompt": "a cat", **filled(fields, one)})


def test_an_object_that_is_passed_itself_is_not_refused(dag):
    for number, one in enumerate(objects(dag)):
        if hasattr(one, "resolve"):
            Sora2CreateVideoOperator(task_id=f"c{number}", prompt=one, images=[one], extra={"style": one})
            Sora2VideoSensor(task_id=f"s{number}", video_id=one)
            Sora2DownloadVideoOperator(task_id=f"d{number}", video_id=one, path=one)
        else:
            with pytest.raises(InvalidParameter, match="it must be"):
                Sora2CreateVideoOperator(task_id=f"c{number}", prompt=one)


@pytest.mark.parametrize(
    "images", [iter(LINKS), map(str, LINKS), deque(LINKS), tuple(LINKS)], ids=["iterator", "map", "deque", "tuple"]
)
def test_images_that_can_be_read_only_once_become_a_list(gateway, context, images):
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat", images=images)
    for each in (copy.deepcopy(operator), operator):
        each.execute(context)
    assert [billed.request["images"] for billed in gateway.billed] == [LINKS, LINKS]


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("images", (link for link in LINKS), "list"),
        ("images", dict.fromkeys(LINKS).keys(), "list"),
        ("images", dict(enumerate(LINKS)).values(), "list"),
        ("extra", MappingProxyType({"watermark": False}), "dict"),
        ("extra", MappingProxyType({"watermark": "{{ params.it }}"}), "dict"),
    ],
    ids=["generator", "keys", "values", "proxy", "proxy with a template"],
)
def test_what_airflow_cannot_copy_is_refused_when_the_dag_is_parsed(name, value, instead):
    with pytest.raises(InvalidParameter, match=rf"Pass {name}={instead}\(...\) instead"):
        Sora2CreateVideoOperator(task_id="create", **{"prompt": "a cat", name: value})


NO_TEXTS = {
    "a lock": threading.Lock(),
    "a generator": (one for one in ("a cat",)),
    "a list": ["a cat"],
}


@pytest.mark.parametrize("value", NO_TEXTS.values(), ids=NO_TEXTS)
def test_what_is_no_text_is_refused_when_the_dag_is_parsed(value):
    for make, fields in (
        (Sora2CreateVideoOperator, {"prompt": value}),
        (Sora2CreateVideoOperator, {"prompt": "a cat", "extra": {"style": "{{ ds }}", "shots": iter([value])}}),
        (Sora2CreateVideoOperator, {"prompt": "a cat", "output_path": value, "wait_for_completion": True}),
        (Sora2DownloadVideoOperator, {"video_id": value, "path": "/films/"}),
        (Sora2DownloadVideoOperator, {"video_id": "video_1", "path": value}),
        (Sora2VideoSensor, {"video_id": value}),
    ):
        with pytest.raises(InvalidParameter, match="it must be|cannot be sent as JSON"):
            make(task_id="one", **fields)


def test_images_without_an_end_do_not_stop_the_parsing():
    with pytest.raises(InvalidParameter, match="more than 1000 links, or no end"):
        Sora2CreateVideoOperator(task_id="create", prompt="a cat", images=itertools.cycle(LINKS))


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), DAYS_31])
def test_a_wait_of_more_than_thirty_days_is_refused_everywhere(gateway, seconds):
    for name in ("timeout", "poll_interval"):
        with pytest.raises(InvalidParameter, match=f"{name}=.*30 days"):
            Sora2CreateVideoOperator(task_id="create", prompt="a cat", **{name: seconds})
        with pytest.raises(InvalidParameter, match=f"{name}=.*30 days"):
            Sora2Hook().wait_for_video("video_1", **{name: seconds})
    for name in ("timeout", "poke_interval"):
        with pytest.raises(InvalidParameter, match=f"{name}=.*30 days"):
            Sora2VideoSensor(task_id="wait", video_id="video_1", **{name: seconds})
    assert gateway.requests == ()


@pytest.mark.parametrize(
    "path",
    [
        "/films/None.mp4",
        "s3://bucket/None/cat.mp4",
        "/films/{{ ti.xcom_pull('sku') }}.mp4",
        "/films/<Task(EmptyOperator): a>.mp4",
    ],
)
def test_a_path_that_an_earlier_task_left_a_hole_in_is_refused_before_anything_is_sent(gateway, context, path):
    create = Sora2CreateVideoOperator(
        task_id="create", prompt="a cat", wait_for_completion=True, output_path="{{ params.path }}"
    )
    create.output_path = path
    store = Sora2DownloadVideoOperator(task_id="store", video_id="video_1", path="{{ params.path }}")
    store.path = path
    for operator in (create, store):
        with pytest.raises(InvalidParameter, match="path="):
            operator.execute(context)
    assert gateway.requests == ()
