"""No body and no header, however hostile, costs a reader a tenth of a second: all readers run in the triggerer's loop."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable

import pytest

from tests.unit.gateway.soundness import READERS, check_all_readers, outcome

MEGABYTE = 1_000_000


def filled(start: str, unit: str, end: str = "") -> bytes:
    room = MEGABYTE - len(start.encode()) - len(end.encode())
    return (start + unit * (room // len(unit.encode())) + end).encode()


def message(unit: str) -> bytes:
    return json.dumps({"error": {"message": unit * (MEGABYTE // len(unit)), "code": unit[:1] * 10_000}}).encode()


def nested_strings(text: str) -> bytes:
    """JSON in a string in a string, to a megabyte: each layer doubles the backslashes of the one inside."""
    while len(further := json.dumps({"message": text})) < MEGABYTE:
        text = further
    return (json.dumps({"error": text}) + " " * MEGABYTE)[:MEGABYTE].encode()


HEAVY: dict[str, bytes] = {
    **{f"body of {unit!r}": filled("", unit) for unit in ("[", "{", '{"a":', "<", " ", "9")},
    **{
        f"error of {unit!r}": filled('{"error": "', unit, '"}')
        for unit in ("{", "[", "{'a':1}", '{\\"a\\":', '{\\"message\\":\\"\\"}', "\\ud800", "\\u0007")
    },
    "nested lists": b"[" * 500_000 + b"]" * 500_000,
    "nested data": b'{"data":' * 100_000 + b"1" + b"}" * 100_000,
    "lists of nothing": filled("[", "[],", "[]]"),
    "objects of nothing": filled('{"data": [', "{},", "{}]}"),
    "objects under known names": filled('{"data": [', '{"id":"a","status":"x"},', "{}]}"),
    "one string": filled('"', "a", '"'),
    "one escaped string": filled('{"id": "', "\\u4e2d", '"}'),
    "many keys": ("{" + ",".join(f'"k{number}":0' for number in range(80_000)) + "}").encode(),
    "many keys in an error": ('{"error":{' + ",".join(f'"k{number}":0' for number in range(80_000)) + "}}").encode(),
    "the same key": filled('{"id": "v"', ',"status":"x"', "}"),
    "many models": filled('{"data": ["m"', ',"m"', "]}"),
    "many different models": ('{"data":[' + ",".join(f'"m{number}"' for number in range(100_000)) + "]}").encode(),
    "many errors": filled('{"errors": [', '{"msg":"a"},', "{}]}"),
    "many choices": filled('{"id":"v","choices":[', '{"finish_reason":"stop"},', "{}]}"),
    "many images": filled('{"id":"v","status":"done","images":[', '"https://a.b/c",', '""]}'),
    "white space before JSON": filled("", "\n", '{"id": "v"}'),
    "white space before a page": filled("", " ", "<html>"),
    "white space in texts": filled('{"id": "v", "status": "failed", "error": "', " ", '"}'),
    "long id": filled('{"id": ', "9", "}"),
    "many long integers": filled("[", "9" * 4_000 + ",", "1]"),
    "long fraction": filled('{"progress": 0.', "1", "}"),
    "long exponent": filled('{"progress": 1e', "9", "}"),
    "long progress": filled('{"progress": "', "9", '%"}'),
    "long time": filled('{"id":"v","created_at": "', "9", '"}'),
    "long status": filled('{"id":"v","status": "', "failed ", '"}'),
    "long id text": filled('{"id": "', "v", '"}'),
    "long link": filled('{"id":"v","status":"done","url":"https://a.b/', "c", '"}'),
    "long query of a link": filled('{"id":"v","status":"done","url":"https://a.b/?', "se=1&", '"}'),
    "links in no known place": filled('{"id":"v","status":"done","x":[', '{"u":"https://a.b/c"},', "{}]}"),
    "different links": (
        '{"id":"v","status":"done","x":[' + ",".join(f'"https://a.b/{number}.mp4"' for number in range(40_000)) + "]}"
    ).encode(),
    "texts with links": filled('{"id":"v","status":"done","x":[', '"a https://a.b/c.mp4 b",', '""]}'),
    "one text of links": filled('{"id":"v","status":"done","x":"a ', "https://a.b/c.mp4 ", '"}'),
    "JSON in texts": filled('{"id":"v","status":"done","x":[', '"[1, [2, {}]]",', '""]}'),
    "long base64": filled('{"id":"v","status":"done","x":"data:video/mp4;base64,', "AAAA", '"}'),
    "many entries of a list": filled(
        '{"object":"list","data":[', '{"id":"a","status":"done","x":"sora-2:v1"},', "{}]}"
    ),
    "titles": filled("<", "<title"),
    "titles with attributes": filled("<", "<title a>"),
    "one endless title": filled("<title", ">"),
    "a page of text": filled("<html><title>", "a ", "</title>"),
    "zeros": b"\0" * MEGABYTE,
    "bytes that are no text": b"\xff" * MEGABYTE,
    "JSON in strings": nested_strings("x"),
    "braces in strings in strings": nested_strings("{" * 1_000),
    "page in another encoding": ("<title>" + "中" * 400_000).encode("utf-16"),
}
for _name, _unit in {
    "Markdown": "[a](https://a.b/c) ",
    "open Markdown": "[a](https://a.b/",
    "Markdown brackets": "[" + "a" * 200,
    "Markdown pictures": "![a](https://a.b/c.png)",
    "bare links": "https://a.b/c ",
    "bare link starts": "https://",
    "one bare link": "https://a.b/c" + "d" * 100,
    "exclamations": "![",
    "bad ports": "[a](https://a:b/)",
}.items():
    HEAVY[f"chat of {_name}"] = json.dumps(
        {"id": "v", "choices": [{"message": {"content": _unit * (MEGABYTE // len(_unit))}, "finish_reason": "stop"}]}
    ).encode()[: MEGABYTE + 1_000]
for _unit in (
    "model ", "task ", "video ", "(request id: ", "request id: a) (", "（request id:", "status code ", "bad upstream ", "upstream ",
    "error ", "insufficient user ", "invalid api", "connection ", "quota is ", "content ", "_error", "invalid_", "unknown_",
    "timed_", "response ", "http 50", "no available ", "x_not_", "model model model not ", "\n", "饱", "a.", "50 ",
):  # fmt: skip
    HEAVY[f"refusal of {_unit!r}"] = message(_unit)
    HEAVY[f"failure of {_unit!r}"] = json.dumps(
        {"id": "v", "status": "failed", "fail_reason": _unit * (MEGABYTE // len(_unit))}
    ).encode()


def is_fast(call: Callable[[], object]) -> bool:
    """Whether the best of three calls takes less than a tenth of a second of CPU."""
    for _ in range(3):
        begun = time.process_time()
        call()
        if time.process_time() - begun < 0.1:
            return True
    return False


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY.keys())
def test_a_megabyte_is_read_in_less_than_a_tenth_of_a_second(body: bytes) -> None:
    assert len(body) >= 450_000
    check_all_readers(200, {}, body)
    check_all_readers(500, {}, body)
    slow = [
        (status, name)
        for status, names in ((200, READERS), (500, ("created", "video")))
        for name in names
        if not is_fast(functools.partial(outcome, name, status, {}, body))
    ]
    assert slow == []


@pytest.mark.parametrize("unit", ["9", " ", "a", "(", "https://", "Wed, ", "\ud800", "-"])
def test_megabytes_of_headers_are_read_in_less_than_a_tenth_of_a_second(unit: str) -> None:
    names = ("retry-after", "date", "location", "x-request-id", "content-type", "cf-ray")
    long = dict.fromkeys(names, unit * (MEGABYTE // len(unit)))
    for status in (200, 302, 429):
        check_all_readers(status, long, b"")
        assert is_fast(functools.partial(outcome, "created", status, long, b""))
