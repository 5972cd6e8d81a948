"""Texts that nobody can have meant are refused in every field that is sent; what a person may mean passes."""

from __future__ import annotations

import collections
import datetime
import decimal
import functools
import io
import json
import pathlib
import re
import threading
import types
import uuid
from typing import Any

import pytest

from sora2_provider.gateway.models import Balance, Usage, Video, VideoRequest, VideoStatus
from sora2_provider.gateway.parameters import checked_seconds, checked_video_id


async def coroutine() -> None: ...


def text_of_a_coroutine() -> str:
    made = coroutine()
    made.close()
    return str(made)


class Thing:
    def method(self) -> None: ...


OBJECTS = {
    "object": Thing(),
    "class": Thing,
    "function": text_of_a_coroutine,
    "lambda": lambda: None,
    "bound method": Thing().method,
    "built-in": len,
    "built-in method": [].append,
    "module": json,
    "generator": (one for one in ()),
    "map": map(str, ()),
    "file": io.TextIOWrapper(io.BytesIO()),
    "lock": threading.Lock(),
    "partial": functools.partial(len),
    "enum": repr(VideoStatus.COMPLETED),
    "match": re.match("a", "a"),
    "keys": {"a": 1}.keys(),
    "deque": collections.deque(["a"]),
    "frozen": frozenset("a"),
    "proxy": repr(types.MappingProxyType({"a": 1})),
    "path": repr(pathlib.PurePosixPath("/a")),
    "time": repr(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
    "uuid": repr(uuid.UUID(int=1)),
    "decimal": repr(decimal.Decimal(1)),
    "video": Video("video_1", VideoStatus.COMPLETED),
    "request": VideoRequest("a cat"),
    "coroutine": text_of_a_coroutine(),
    # As pandas and openpyxl show a table.
    "column": "0    a cat\nName: prompt, dtype: object",
    "index": "Index(['a cat'], dtype='object')",
    "row": "Pandas(Index=0, prompt='a cat')",
    "cell": "<Cell 'Sheet1'.A1>",
    # As Airflow 2.11 and 3 show them.
    "xcom": "XComArg(<Task(_PythonDecoratedOperator): one>)",
    "mapped xcom": "XComArg(<Mapped(PythonOperator): many>).map(<lambda>)",
    "zipped xcoms": "ZipXComArg(XComArg(<Task(EmptyOperator): a>))",
    "mapped argument": "MappedArgument(_input=ListOfDictsExpandInput(value=[]), _key='sku')",
    "dag param": "<airflow.sdk.definitions.param.DagParam object at 0x7f77cadc1b90>",
    "lazy sequence": "LazyXComSequence([2 items])",
    "unevaluated sequence": "LazyXComSequence(<unevaluated length>)",
    "task": "<Task(Sora2CreateVideoOperator): create>",
    "dag": "<DAG: films>",
    "task instance": "<TaskInstance: films.create manual__1 [running]>",
    "partial operator": "Sora2CreateVideoOperator.partial(task_id='p')",
    "answer": "<Response [200]>",
}
TEMPLATES = (
    "{{ task_instance.xcom_pull(task_ids='one', dag_id='d', key='return_value') }}",
    "a cat {{ti.xcom_pull('one')}}",
    "{ ti.xcom_pull('one') }",
    "a cat in { params.colour }",
    "on { ds }",
)
VALUES = (
    "['a cat', 'a dog']",
    "{'prompt': 'a cat', 'duration': 10}",
    "('a cat', 1)",
    '["It\'s a cat", None]',
    "[]",
    "{}",
    "b'a cat'",
    str(Usage(1)),
    str(Balance(1.0)),
)
WORDS = ("True", "False", " None\n", "NaN", "NaT", "<NA>")

MEANT = (
    "None of the people look up",
    "True love, shot on film",
    "Nan waves from the porch",
    "a sign that reads <EXIT> at 0x10",
    "<lora:film:0.8> a cat <3",
    "a cat (sleeping) at dawn",
    "(wide shot) a cat",
    "[wide shot] a cat [cut]",
    "[Scene 1: a cat] [Scene 2: a dog]",
    "Camera(pan, slow), a cat",
    '{"shot": {"subject": "a cat", "lens": {"mm": 35}}}',
    '["a cat", "a dog"]',
    "{{ product.name }} {% raw",
    "{ close-up } a cat",
    "a cat {slow}",
    "She says: 'class' is over <class> dismissed",
    "a task (in Airflow): a cat, a map, an object at rest",
    "the words None, True and False on a blackboard",
    "a prompt.promptly",
)


def refusal(**given: Any) -> str:
    with pytest.raises(ValueError, match=r"\S") as caught:
        VideoRequest(**{"prompt": "a fox", **given})
    return str(caught.value)


@pytest.mark.parametrize("text", [*map(str, OBJECTS.values())], ids=OBJECTS)
@pytest.mark.parametrize("around", ["{}", "A film of {}, slow dolly in"])
def test_the_text_of_an_object_is_refused_in_every_field(text, around):
    text = around.format(text)
    for name in ("prompt", "model", "orientation", "size"):
        assert refusal(**{"model": "veo", name: text}).startswith(f"{name}=")
    assert "images: " in refusal(images=[f"https://example.com/{text}.png"])
    for extra in ({"style": text}, {"shots": [{"text": text}]}, {text: 1}, json.dumps({"style": text})):
        assert "it holds an object" in refusal(extra=extra)
    with pytest.raises(ValueError, match="^video_id="):
        checked_video_id(text)


@pytest.mark.parametrize("prompt", [*TEMPLATES, *VALUES, *WORDS, "cat.prompt", " prompts/cat.prompt\n"])
def test_a_prompt_that_no_person_wrote_is_refused(prompt):
    assert refusal(prompt=prompt).startswith(f"prompt={prompt!r}: it ")


@pytest.mark.parametrize("text", [*TEMPLATES, *VALUES[:4], *WORDS, "null"])
def test_so_is_a_text_in_extra(text):
    assert refusal(extra={"shots": [{"style": text}]}).startswith("extra: ")


@pytest.mark.parametrize("prompt", MEANT)
def test_what_a_person_may_mean_is_sent_as_it_is(prompt):
    sent = VideoRequest(prompt, extra={"style": prompt}).to_json()
    assert sent["prompt"] == sent["style"] == prompt


def test_values_that_are_no_texts_are_sent_in_extra():
    extra = {
        "watermark": False,
        "seed": None,
        "hd": True,
        "audio": "none",
        "flag": "true",
        "negative": "",
        "list": [None, True],
    }
    body = VideoRequest("a fox", extra=extra).to_json()
    assert {name: body[name] for name in extra} == extra


@pytest.mark.parametrize(
    "image",
    [
        "https://example.com/{{ds}}.png",
        "https://example.com/None",
        "https://example.com/None.png",
        "https://None/a.png",
    ],
)
def test_a_link_with_a_hole_in_it_is_refused(image):
    problem = refusal(images=[image])
    assert "no http(s) link" in problem, problem


@pytest.mark.parametrize(
    "video_id",
    [
        {"status": "completed"},
        ["video_1"],
        ("video_1",),
        iter(["video_1"]),
        {"id": ["video_1"]},
        "['video_1']",
        "{'id': 'video_1'}",
        '{"id": "video_1"}',
        "video 1",
        "{{ ti.xcom_pull('create') }}",
        "True",
        "<Task(Sora2CreateVideoOperator): create>",
        Usage(),
        7,
        b"video_1",
    ],
    ids=lambda one: re.sub(r" at 0x\w+", "", repr(one)),
)  # fmt: skip
def test_what_is_no_id_is_not_asked_for(video_id):
    with pytest.raises(ValueError, match="^video_id=.* it ") as caught:
        checked_video_id(video_id)
    assert not isinstance(
        video_id, (list, tuple)
    ) or "Sora2VideoSensor.partial(task_id=..., ...).expand(video_id=create.output)" in str(caught.value)


@pytest.mark.parametrize(
    "video_id", ["video_1", "sora-2:task_01/ab+c==", "4f3d-11", {"id": "video_1", "status": "queued"}]
)
def test_ids_of_every_gateway_are_asked_for(video_id):
    assert checked_video_id(video_id) == (video_id["id"] if isinstance(video_id, dict) else video_id)


@pytest.mark.parametrize(
    "seconds", [0, -1, float("inf"), float("nan"), 30 * 24 * 3600 + 1, 1e300, 10**400, "60s", "-60", "nan", True, None]
)
def test_a_wait_without_an_end_is_refused(seconds):
    with pytest.raises(ValueError, match=r"^timeout=.*above 0, at most 2592000 \(30 days\)"):
        checked_seconds("timeout", seconds)


def test_a_wait_of_thirty_days_is_one():
    checked_seconds("timeout", 30 * 24 * 3600)
