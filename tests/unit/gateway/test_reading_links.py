"""Where a video's link is found, and which links are none of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sora2_provider.gateway.models import VideoStatus
from tests.unit.gateway.reading import LINK, OTHER_LINK, queried

LINK_PLACES = [
    "video_url", "url", "result_url", "detail.video_url", "detail.url", "metadata.url", "metadata.video_url",
    "data.video_url", "data.url", "data.result_url", "data.data.video_url", "data.data.content.video_url",
    "data.output", "data.outputs.0", "content.video_url", "output.video_url", "result.video_url", "result.url",
    "result.result_url", "result.output", "result.outputs.0", "task_result.videos.0.url", "video.url",
    "fail_reason", "data.fail_reason",
]  # fmt: skip


def placed(path: str, value: Any) -> Any:
    for step in reversed(path.split(".")):
        value = [value] if step == "0" else {step: value}
    return value


def merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merged(one.get(key), other.get(key)) for key in {**one, **other}}
    return other if one is None else one


@pytest.mark.parametrize("path", LINK_PLACES)
@pytest.mark.parametrize("dress", ["{}", " {}\n", "`{}`", " ` {} ` "])
def test_the_link_is_found_wherever_it_stands_without_blanks_and_backticks(path: str, dress: str) -> None:
    video = queried({"id": "v", "status": "completed", **placed(path, dress.format(LINK))})
    assert (video.status, video.url) == (VideoStatus.COMPLETED, LINK)


@pytest.mark.parametrize("path", LINK_PLACES)
@pytest.mark.parametrize("word", ["processing", "queued", "cancelled", "failed", "unknown", "video_upsampling"])
def test_a_link_is_no_link_before_the_status_says_completed(path: str, word: str) -> None:
    video = queried({"id": "v", "status": word, **placed(path, LINK)})
    assert video.url is None
    assert video.status.value == {"processing": "in_progress", "video_upsampling": "in_progress"}.get(word, word)


@pytest.mark.parametrize(("first", "second"), [*itertools.pairwise(LINK_PLACES)])
def test_the_first_place_of_two_wins(first: str, second: str) -> None:
    both = merged(placed(first, LINK), placed(second, OTHER_LINK))
    assert queried({"id": "v", "status": "completed", **both}).url == LINK


@pytest.mark.parametrize(
    "text",
    ["", "upstream returned error", "ftp://x/out.mp4", "s3://bucket/out.mp4", "/v1/videos/v/content", "https://",
     "https:///out.mp4", "javascript:alert(1)", "https://host:port/x", "https://a b/x.mp4", "data:video/mp4;base64,AA"],
)  # fmt: skip
def test_a_text_that_is_no_http_link_is_passed_over(text: str) -> None:
    body = {"id": "v", "status": "completed", "video_url": text, "metadata": {"url": text}, "result_url": LINK}
    assert queried(body).url == LINK


@pytest.mark.parametrize(
    "body",
    [
        {"detail": {"input": {"images": [OTHER_LINK]}}},
        {"images": [OTHER_LINK], "input": OTHER_LINK, "request": {"images": [OTHER_LINK]}},
        {"images": [OTHER_LINK], "url": OTHER_LINK},
        {"data": {"images": [OTHER_LINK], "url": OTHER_LINK}},
        {"detail": {"input": {"images": [OTHER_LINK]}, "url": OTHER_LINK}},
        {"thumbnail_url": OTHER_LINK, "gif_url": OTHER_LINK, "detail": {"draft_info": {"url": OTHER_LINK}}},
        {"url": "https://caller.example.com/mine.PNG?sig=1"},
        {"choices": [{"message": {"content": "![source](https://caller.example.com/mine.jpg)"}}]},
        {"choices": [{"message": {"content": "[source](https://caller.example.com/mine.jpg)"}}]},
        {"choices": [{"message": {"content": "from https://caller.example.com/image?id=1"}}]},
    ],
)
def test_the_callers_own_pictures_are_never_the_video(body: dict[str, Any]) -> None:
    video = queried({"id": "v", "status": "completed", **body})
    assert (video.status, video.url) == (VideoStatus.COMPLETED, None)


def test_the_video_is_found_behind_the_callers_own_picture_in_a_chat() -> None:
    for own in (
        "![a](https://c.example.com/a.jpg)",
        "[a](https://c.example.com/a.webp)",
        "[a](https://c.example.com/a)",
    ):
        for film in (f"[video]({LINK})", f"<video src='{LINK}'></video>", f"video: {LINK}\n"):
            body = {"id": "v", "choices": [{"message": {"content": f"{own}\n{film}"}, "finish_reason": "stop"}]}
            assert queried(body).url == LINK


def test_a_markdown_link_without_a_films_name_is_the_video_where_there_is_no_other() -> None:
    body = {"id": "v", "status": "completed", "choices": [{"message": {"content": "[a](https://c.example.com/a?b=c)"}}]}
    assert queried(body).url == "https://c.example.com/a?b=c"


def test_a_signed_link_says_when_it_ends() -> None:
    video = queried({"id": "v", "status": "completed", "url": LINK + "?st=1&se=2025-10-12T15%3A04%3A21Z&sig=x%3D"})
    assert video.to_dict()["expires_at"] == "2025-10-12T15:04:21+00:00"
