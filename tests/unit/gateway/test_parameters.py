"""What a create may ask for: everything else is refused before anything is sent, and so before anything is paid."""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora2_provider.gateway import parameters
from sora2_provider.gateway.models import VideoRequest

LINK = "https://example.com/img1.jpg"


class Integer:
    """An integer as numpy has them: no ``int``, but usable as an index."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


def shown(value: object) -> str:
    """Return what a test is named after: without addresses, which differ in each process of a parallel run."""
    return re.sub(r" at 0x\w+", "", repr(value))


class Text(str):
    """A string of another library."""


def request(**given: Any) -> VideoRequest:
    return VideoRequest(**{"prompt": "a fox", **given})


def refusal(**given: Any) -> str:
    with pytest.raises(ValueError, match=r"\S") as caught:
        request(**given)
    return str(caught.value)


def test_a_prompt_alone_is_a_text_to_video_of_ten_seconds() -> None:
    choices = {"model": "sora-2", "orientation": "portrait", "size": "small", "duration": 10}
    assert VideoRequest("a fox").to_json() == {"prompt": "a fox", "images": [], **choices}


@pytest.mark.parametrize(
    "prompt",
    ["a fox", "一只狐狸 🦊", "x" * 20_000, 'say "None"', "None of them", " leading and trailing ", "line\nline", "{{ x }}",
     "\u202eright to left", "\u200bfox", "🦊", "👩\u200d🚀", "❄\ufe0f", "。", "狐", Text("a fox"), "e\u0301"],
)  # fmt: skip
def test_a_prompt_is_sent_as_it_was_given(prompt: str) -> None:
    assert request(prompt=prompt).to_json()["prompt"] == prompt


@pytest.mark.parametrize(
    "prompt",
    ["", " ", "\n\t ", "\u3000", "\u200b", " \u200b\ufeff\u200e\n", "\u2800", "\u3164", "\u200d\ufe0f", "None", " None ", "null", "undefined", "nan", None, 5, 1.5, True, b"a fox", ["a fox"], {}, object],
    ids=shown,
)  # fmt: skip
def test_a_prompt_that_says_nothing_is_refused(prompt: Any) -> None:
    message = refusal(prompt=prompt)
    assert message.startswith(f"prompt={prompt!r}: it must be a non-empty text")


@pytest.mark.parametrize("name", ["prompt", "model", "orientation", "size", "duration", "images"])
@pytest.mark.parametrize("value", [None, "None", "", "null", " "], ids=shown)
def test_a_template_that_came_out_as_nothing_is_named_as_such(name: str, value: Any) -> None:
    message = refusal(**{name: value})
    assert message.startswith(f"{name}={value!r}: it must be ")
    assert "the earlier task returned nothing" in message


def test_half_a_character_is_refused() -> None:
    assert "lone surrogate" in refusal(prompt="a \ud83d fox")
    assert "images" in refusal(images=["https://example.com/\ud83d.jpg"])


@pytest.mark.parametrize(
    ("images", "sent"),
    [
        ([], []),
        ((), []),
        ("[]", []),
        ([LINK], [LINK]),
        ((LINK, LINK), [LINK, LINK]),
        (LINK, [LINK]),
        (f" {LINK}\n", [LINK]),
        (f'["{LINK}", "{LINK}"]', [LINK, LINK]),
        (f' [\n"{LINK}"]', [LINK]),
        ((link for link in [LINK]), [LINK]),
        (map(str, [LINK]), [LINK]),
        (collections.deque([LINK]), [LINK]),
        (dict.fromkeys([LINK]).keys(), [LINK]),
        ([Text(LINK)], [LINK]),
        ("HTTPS://EXAMPLE.COM/A.JPG", ["HTTPS://EXAMPLE.COM/A.JPG"]),
        ("http://example.com", ["http://example.com"]),
        (" \u00a0https://example.com/a.jpg\u200b\n", ["https://example.com/a.jpg"]),
        ("https://example.com/a b\u3000c.jpg?name=d e", ["https://example.com/a%20b%E3%80%80c.jpg?name=d%20e"]),
        ("https://example.com/a%20b c.jpg", ["https://example.com/a%20b%20c.jpg"]),
        ("https://[2001:db8::1]:8443/a.jpg", ["https://[2001:db8::1]:8443/a.jpg"]),
        ("https://user:p%40ss@example.com/a", ["https://user:p%40ss@example.com/a"]),
        ("https://例え.jp/画像.png", ["https://例え.jp/画像.png"]),
        (
            "https://b.s3.amazonaws.com/a%20b/(1)'~!$&*;=,@:+.jpg?X-Amz-Signature=ab%2F+==&X-Amz-Expires=3600#x",
            ["https://b.s3.amazonaws.com/a%20b/(1)'~!$&*;=,@:+.jpg?X-Amz-Signature=ab%2F+==&X-Amz-Expires=3600#x"],
        ),
        ("https://a.blob.core.windows.net/c/a.png?sv=2022&sig=a%2Bb%3D", ["https://a.blob.core.windows.net/c/a.png?sv=2022&sig=a%2Bb%3D"]),
    ],
    ids=shown,
)  # fmt: skip
def test_images_are_understood_in_every_form_that_means_links(images: Any, sent: list[str]) -> None:
    assert request(images=images).to_json()["images"] == sent


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    "image",
    ["ftp://x", "http://", "https://", "https:///a.jpg", "http:/example.com/a", "example.com/a.jpg", "//example.com/a.jpg", "/tmp/a.jpg",
     "./a.jpg", "a.jpg", "s3://bucket/a.jpg", "gs://bucket/a.jpg", "file:///a.jpg", "data:image/png;base64,AAAA", "javascript:x",
     "https://exam ple.com/a.jpg", "https://example.com/a\tb.jpg", "https://[::1", "https://example.com:port/a", "https://example.com\u2028/a",
     "https://example.com/\x00", "None", "", " ", None, 5, True, b"https://example.com/a", [LINK], [], {"url": LINK}],
    ids=shown,
)  # fmt: skip
def test_an_image_that_is_no_http_link_is_refused_by_name(image: Any, as_json: bool) -> None:
    images = json.dumps([LINK, image], default=str) if as_json else [LINK, image]
    message = refusal(images=images)
    assert message.startswith("images: ")
    assert "link" in message
    assert as_json or repr(image) in message


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("https://exam ple.com/a.jpg", "holds ' ' at character 13, which no link can hold"),
        ("https://example.com/a\nb.jpg", "holds '\\n' at character 22"),
        ("https://example.com/a\u200bb.jpg", "holds '\\u200b' at character 22"),
        ("https://example.com/a.jpg https://example.com/b.jpg", "holds several links"),
        ("https://example.com/a.jpg\nhttps://example.com/b.jpg", "holds several links"),
    ],
)  # fmt: skip
def test_what_no_link_can_hold_is_shown_with_its_place(link: str, said: str) -> None:
    assert said in refusal(images=[link])


@pytest.mark.parametrize(
    ("images", "said"),
    [
        *((images, "it must be a list of http(s) links") for images in (5, 1.5, True, {"a": LINK}, {}, b"https://a.b/c", Integer(5))),
        *((images, "{{ the_list | tojson }}") for images in (f"['{LINK}']", "[", "[1", f"[{LINK}]", '["a",]')),
    ],
    ids=shown,
)  # fmt: skip
def test_images_that_are_no_list_are_refused_with_their_type_or_the_way_out(images: Any, said: str) -> None:
    message = refusal(images=images)
    assert message.startswith(f"images={images!r}: it ")
    assert said in message
    assert isinstance(images, str) or f"not {type(images).__name__}" in message


@pytest.mark.parametrize(
    "duration",
    [15, "15", " 15 ", "015", 15.0, "15.0", "15.", Decimal(15), timedelta(seconds=15), Integer(15)],
    ids=shown,
)
def test_a_duration_is_sent_as_an_integer_whatever_it_was(duration: Any) -> None:
    sent = request(duration=duration).to_json()["duration"]
    assert (sent, type(sent)) == (15, int)


@pytest.mark.parametrize(
    "duration",
    [12, 0, -10, "12", "7.5", "-15", "1_5", timedelta(seconds=7.5), timedelta(days=10**8), "15s", "1e1", "nan", "inf", "１５", "²", "ten", 10.5, float("nan"), float("inf"), 1e300, True, False, None, [10],
     {}, b"10", 10**30, "9" * 5_000, Integer(12)],
    ids=lambda value: shown(value)[:20],
)  # fmt: skip
def test_a_duration_that_sora_2_does_not_offer_is_refused(duration: Any) -> None:
    message = refusal(duration=duration)
    assert message.startswith("duration=")
    assert repr(duration)[:100] in message
    assert "10 or 15 seconds for sora-2" in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("model", "duration", "allowed"),
    [("sora-2", 25, False), ("sora-2-pro", 25, True), ("sora-2-pro", 10, True), ("sora-2-pro", 12, False),
     ("veo3.1-fast", 8, True), ("veo3.1-fast", "8", True), ("veo3.1-fast", 0, False), ("veo3.1-fast", "eight", False), ("sora-2-all", 10.5, False)],
)  # fmt: skip
def test_the_model_decides_which_durations_there_are(model: str, duration: Any, allowed: bool) -> None:
    if allowed:
        assert request(model=model, duration=duration).duration == int(duration)
    else:
        message = refusal(model=model, duration=duration)
        assert f"duration={duration!r}" in message
        assert ("25 seconds: model='sora-2-pro'" in message) is (duration == 25)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [("orientation", "square", "'portrait' or 'landscape'"), ("orientation", "PORTRAIT", "'portrait' or 'landscape'"),
     ("orientation", 5, "'portrait' or 'landscape'"), ("orientation", ["portrait"], "'portrait' or 'landscape'"),
     ("size", "huge", "'small' or 'large'"), ("size", "1280x720", "'small' or 'large'"), ("size", True, "'small' or 'large'")],
)  # fmt: skip
@pytest.mark.parametrize("model", ["sora-2", "sora-2-pro"])
def test_a_word_that_is_no_choice_is_refused_with_the_choices(name: str, value: Any, allowed: str, model: str) -> None:
    message = refusal(model=model, **{name: value})
    assert message.startswith(f"{name}={value!r}: it must be {allowed}")


def test_of_a_model_that_is_not_known_only_the_types_are_checked() -> None:
    sent = request(model="veo3.1-fast", orientation="square", size="1280x720", duration=8).to_json()
    assert (sent["orientation"], sent["size"], sent["duration"]) == ("square", "1280x720", 8)
    for name in ("orientation", "size"):
        assert refusal(model="veo3.1-fast", **{name: 5}).startswith(f"{name}=5: ")
        assert refusal(model="veo3.1-fast", **{name: ""}).startswith(f"{name}='': ")


EXTRA = {
    "watermark": False,
    "prompts": 1,
    "image": "a",
    "duration_ms": 5,
    "storyboard": [{"x": 1}],
    "seconds": "15",
    "notify_hook": None,
    "名": "值",
}
ENDLESS: dict[str, Any] = {}
ENDLESS["a"] = ENDLESS


@pytest.mark.parametrize("extra", [EXTRA, json.dumps(EXTRA), MappingProxyType(EXTRA), collections.OrderedDict(EXTRA)])
def test_extra_fields_are_sent_untouched(extra: Any) -> None:
    body = request(extra=extra).to_json()
    assert {name: body[name] for name in EXTRA} == EXTRA
    assert len(body) == 6 + len(EXTRA)


@pytest.mark.parametrize("name", ["prompt", "images", "model", "orientation", "size", "duration"])
def test_extra_may_not_override_a_parameter(name: str) -> None:
    spelled = (f"{name} ", f" {name}", name.capitalize(), name.upper())
    for extra in ({name: "x"}, {"watermark": True, name: None}, json.dumps({name: 1}), *({one: 1} for one in spelled)):
        message = refusal(extra=extra)
        assert message.startswith("extra=")
        assert name in message.lower()
        assert f"pass {name}=... instead" in message


@pytest.mark.parametrize(
    "extra",
    [None, "None", "", 5, [], [("a", 1)], "a=1", "{", "{'a': 1}", {5: 1}, {None: 1}, {"a": {1, 2}}, {"a": b"x"}, {"a": float("nan")},
     {"a": float("inf")}, {"a": object()}, '{"a": NaN}', ENDLESS],
    ids=shown,
)  # fmt: skip
def test_extra_that_cannot_be_sent_is_refused(extra: Any) -> None:
    assert refusal(extra=extra).startswith("extra")


def test_a_request_is_frozen_and_equal_to_one_that_means_the_same() -> None:
    one = request(images=[LINK], duration="15", extra={"watermark": False})
    assert one == request(images=LINK, duration=15.0, extra='{"watermark": false}')
    assert one == request(
        images=LINK, duration=" 15 ", model="sora-2\n", orientation=" portrait ", size="small\n", extra=one.extra
    )
    assert one != request(images=[LINK], duration=15)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.prompt = "another"  # type: ignore[misc]
    assert dataclasses.replace(one, duration=10).duration == 10


def test_what_the_caller_changes_afterwards_does_not_change_the_request() -> None:
    images, extra = [LINK], {"watermark": False, "storyboard": ["a"]}
    one = request(images=images, extra=extra)
    images.append("ftp://x")
    extra["prompt"] = "another"
    one.to_json()["images"].append("ftp://x")
    one.to_json()["prompt"] = "another"
    assert one.to_json()["images"] == [LINK]
    assert one.to_json()["prompt"] == "a fox"


def test_what_is_left_out_is_not_checked_and_what_is_no_parameter_is_refused() -> None:
    assert parameters.checked({}) == {}
    assert parameters.checked({"size": "large"}) == {"size": "large"}
    assert parameters.checked({"duration": "25"}) == {"duration": 25}
    assert parameters.checked({"model": "sora-2-pro", "duration": 25}) == {"model": "sora-2-pro", "duration": 25}
    with pytest.raises(ValueError, match="duration=12"):
        parameters.checked({"duration": 12, "model": "sora-2"})
    with pytest.raises(ValueError, match="seconds is not a parameter"):
        parameters.checked({"seconds": 10})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.sampled_from([LINK, "[", "{", '["a"]', "10", "sora-2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner.filter(lambda one: not isinstance(one, (list, dict))), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from([*parameters.NAMED, "extra"]), anything, max_size=3))
def test_whatever_is_given_is_sendable_or_refused_with_a_short_reason(given: dict[str, Any]) -> None:
    try:
        one = request(**given)
    except ValueError as error:
        reason = str(error)
        assert any(name in reason for name in given)
        assert len(reason) < 700
        return
    body = one.to_json()
    assert json.loads(json.dumps(body, allow_nan=False).encode("utf-8")) == body
    assert one.prompt.strip()
    assert type(one.duration) is int
