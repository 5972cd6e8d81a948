"""The film's link in places that no list names, links that must be mended, and answers about other videos."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing import videos as responses
from sora2_provider.gateway.parsing.links import mended_link
from tests.unit.gateway.reading import LINK, OTHER_LINK, as_bytes
from tests.unit.gateway.soundness import check_state_is_the_video

BASE = "https://gateway.example.com"
PLAIN = "https://cdn.example.com/v/4711"
KINDS = ("a_list_is_not_this_video", "link_in_a_place_nobody_listed", "link_that_every_client_mends")
SAMPLES = [
    row
    for row in json.loads((Path(__file__).parent / "gateway-answers.json").read_text("utf-8"))
    if row["kind"] in KINDS
]


def read(body: Any, video_id: str = "t", base_url: str = BASE) -> Video:
    check_state_is_the_video(200, {}, as_bytes(body))
    return responses.read_video(200, {}, as_bytes(body), video_id=video_id, base_url=base_url)


def read_as_asked(body: Any, video_id: str) -> Video:
    return responses.as_asked(read(body, video_id), video_id)


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: row["name"])
@pytest.mark.parametrize("base_url", ["", BASE])
def test_the_samples_of_these_kinds_are_read_as_wanted(row: dict[str, Any], base_url: str) -> None:
    want = row["want"]
    if error := want.get("error"):
        with pytest.raises(getattr(errors, error)) as caught:
            read(row["body"], base_url=base_url)
        assert caught.value.transient
        return
    video = read(row["body"], base_url=base_url)
    if "url" in want:
        assert video.url == want["url"]
    else:
        assert want["url_or_kept"] in (video.url or "") or want["url_or_kept"] in json.dumps(video.raw)
        assert video.url == (f"{BASE}/files/x.mp4" if base_url else None)


def done(**facts: Any) -> dict[str, Any]:
    return {"id": "t", "status": "completed", **facts}


IN_JSON = json.dumps({"videos": [{"url": LINK}]})
#: Beside each: a link that must not win.
ANYWHERE: list[dict[str, Any]] = [
    done(results=[{"url": LINK}]),
    done(outputs=[{"url": LINK}]),
    done(generations=[{"url": LINK, "thumbnail": OTHER_LINK}]),
    done(videoUrl=LINK, coverUrl=OTHER_LINK),
    done(VideoURL=LINK, FirstFrameURL=OTHER_LINK),
    done(video_urls=[LINK]),
    done(videos=[LINK]),
    done(video=LINK, input_video=OTHER_LINK),
    done(videos={"720p": {"src": LINK}}),
    done(output=[{"type": "image", "url": OTHER_LINK}, {"type": "video", "url": LINK}]),
    done(output={"media": [{"kind": "thumbnail", "uri": OTHER_LINK}, {"kind": "film", "uri": LINK}]}),
    done(assets={"cover": OTHER_LINK, "film": LINK}),
    done(artifacts=[{"mime_type": "image/png", "href": OTHER_LINK}, {"mime_type": "video/mp4", "href": LINK}]),
    done(creations=[{"id": "c", "url": LINK, "cover_url": OTHER_LINK}]),
    done(works=[{"resource": {"resource": LINK}, "cover": {"resource": OTHER_LINK}}]),
    done(response={"generateVideoResponse": {"generatedSamples": [{"video": {"uri": LINK}}]}}),
    done(download_url=LINK, callback_url=OTHER_LINK),
    done(downloadUrl=PLAIN) | {"docs": "https://docs.example.com/videos"},
    done(file={"signed_url": PLAIN}, webhook={"url": OTHER_LINK}),
    done(play_url=PLAIN, share_url="https://example.com/watch/4711"),
    done(urls={"get": f"{BASE}/v1/p/1", "cancel": f"{BASE}/v1/p/1/cancel", "download": LINK}),
    done(data={"works": [{"videoResource": LINK, "imageResource": "https://cdn.example.com/c.jpg"}]}),
    done(content=[{"type": "video_url", "video_url": {"url": LINK}}, {"type": "image_url", "image_url": {"url": OTHER_LINK}}]),
    done(message=f"Your video is ready: {LINK}."),
    done(text=f"![cover](https://cdn.example.com/c.png) <video src='{LINK}'></video>"),
    done(resultJson=IN_JSON),
    done(result=IN_JSON),
    done(data=json.dumps({"payload": {"mp4": LINK}})),
    done(extra=json.dumps(json.dumps({"video": LINK}))),
    done(request={"video": OTHER_LINK}, something={"nobody": {"knows": LINK}}),
    done(prompt=f"a cat as in {OTHER_LINK}", something=LINK),
    done(reference_video=OTHER_LINK, out=LINK),
    done(user={"avatar": OTHER_LINK}, link=LINK),
    done(link=PLAIN),
    done(hls="https://cdn.example.com/a.m3u8", mp4=LINK),
    done(video_no_watermark=LINK, video_watermark=OTHER_LINK),
    done(watermark_url=OTHER_LINK, download=LINK),
    done(preview_url=OTHER_LINK, media=LINK),
    done(images=[LINK], url=LINK, video_output=OTHER_LINK.replace("other", "out")) | {"images": [OTHER_LINK], "url": LINK},
    done(clips=[{"uri": LINK}, {"uri": OTHER_LINK}]),
    {"task": {"id": "t", "status": "succeeded", "content": {"url": LINK}}},
    {"task": {"id": "t", "status": "succeeded", "output": {"film": LINK}}, "request_id": "r"},
    {"code": 0, "data": {"task": {"id": "t", "status": "succeeded"}, "videos": [{"playUrl": LINK}]}},
    {"code": 200, "data": {"taskId": "t", "state": "success", "resultJson": json.dumps({"resultUrls": [LINK]})}},
    {"code": 200, "data": json.dumps({"id": "t", "status": "completed", "clip": {"href": LINK}})},
    {"response": {"id": "t", "status": "done", "film": LINK}},
    {"data": [{"id": "t", "status": "completed", "result": [{"link": LINK}]}]},
    {"object": "list", "data": [{"id": "o", "status": "completed", "url": OTHER_LINK}, {"id": "t", "status": "completed", "url": LINK}]},
    {"data": {"items": [{"task_id": "o", "status": "done", "url": OTHER_LINK}, {"task_id": "t", "status": "done", "url": LINK}]}},
    {"status": "success", "data": {"task_id": "t", "video_result": [{"url": LINK, "cover_image_url": OTHER_LINK}]}},
    {"视频": LINK, "封面": OTHER_LINK, "id": "t", "status": "completed"},
]  # fmt: skip


@pytest.mark.parametrize("body", ANYWHERE, ids=lambda body: json.dumps(body, ensure_ascii=False)[:100])
def test_the_one_link_that_can_be_the_film_is_found_wherever_it_stands(body: Any) -> None:
    video = read(body)
    assert video.status.value == "completed"
    assert video.url in (LINK, PLAIN)
    assert str(video.url) in json.dumps(body)


NOT_THE_FILM: list[dict[str, Any]] = [
    {"input": {"video": LINK}},
    {"inputs": [LINK]},
    {"input_video_url": LINK},
    {"request": {"video_url": LINK}},
    {"reference_videos": [{"url": LINK}]},
    {"first_frame": LINK, "lastFrameUrl": OTHER_LINK},
    {"cover": {"url": LINK}},
    {"cover_video": LINK},
    {"thumbnail": {"video": LINK}},
    {"preview": LINK},
    {"gif_url": LINK},
    {"callback_url": LINK, "notifyHook": OTHER_LINK},
    {"user": {"avatar": LINK}},
    {"prompt": f"as in {LINK}"},
    {"output": {"type": "image", "url": PLAIN + ".png"}},
    {"results": ["https://cdn.example.com/a.jpg?x=1", "https://cdn.example.com/a.mp3"]},
    {"documentation": "https://docs.example.com/a"},
    {"message": "See https://docs.example.com/videos"},
    {"links": {"self": f"{BASE}/v1/videos/t"}},
    {"something": "nothing"},
    {"images": [LINK], "something": {"video": LINK}},
    {"error": {"url": PLAIN}},
    {"options": {"type": "input", "url": LINK}},
]


@pytest.mark.parametrize("facts", NOT_THE_FILM, ids=str)
def test_what_the_caller_sent_or_what_shows_no_film_is_never_taken(facts: dict[str, Any]) -> None:
    video = read(done(**facts))
    assert (video.status.value, video.url, video.link_places) == ("completed", None, ())


def test_of_two_links_that_can_each_be_the_film_none_is_taken_and_both_places_are_told() -> None:
    video = read(done(one={"video": LINK}, two={"video": OTHER_LINK}))
    assert (video.url, video.link_places) == (None, ("one.video", "two.video"))
    assert "link_places" not in video.to_dict()


MENDED = {
    LINK: LINK,
    f" {LINK}\n": LINK,
    f'"{LINK}"': LINK,
    f"<{LINK}>": LINK,
    f"\ufeff{LINK}": LINK,
    "//cdn.example.com/a.mp4": "https://cdn.example.com/a.mp4",
    "https:\\/\\/cdn.example.com\\/a.mp4": "https://cdn.example.com/a.mp4",
    "https://cdn.example.com/my film.mp4": "https://cdn.example.com/my%20film.mp4",
    "https://cdn.example.com/影片.mp4": "https://cdn.example.com/%E5%BD%B1%E7%89%87.mp4",
    "https://cdn.example.com/a.mp4?x=1&amp;y=2": "https://cdn.example.com/a.mp4?x=1&y=2",
    "https://cdn.example.com/a%20b.mp4?sig=a%2Fb+c=": "https://cdn.example.com/a%20b.mp4?sig=a%2Fb+c=",
    "HTTPS://CDN.example.com/a.mp4": "HTTPS://CDN.example.com/a.mp4",
    "https://cdn.example.com/a\n.mp4": "https://cdn.example.com/a.mp4",
    f"{LINK}, {OTHER_LINK}": LINK,
    f"{LINK} (expires in 24 h)": LINK,
    "/files/x.mp4": f"{BASE}/files/x.mp4",
    "/v1/videos/t/content": f"{BASE}/v1/videos/t/content",
    "/files/my film.mp4?a=1&amp;b=2": f"{BASE}/files/my%20film.mp4?a=1&b=2",
    "files/x.mp4": f"{BASE}/files/x.mp4",
    "./x.mp4": f"{BASE}/x.mp4",
    "cdn.example.com/a.mp4": "https://cdn.example.com/a.mp4",
}  # fmt: skip


@pytest.mark.parametrize(("given", "mended"), MENDED.items())
@pytest.mark.parametrize("place", ["video_url", "videoUrl"])
def test_links_are_mended_as_other_clients_mend_them(given: str, mended: str, place: str) -> None:
    assert read(done(**{place: given})).url == mended


@pytest.mark.parametrize(
    "text",
    [
        "https://a b/x.mp4",
        "https://\\/@host/x",
        "http://foreign\\@home/x.mp4",
        "https://x\x00y/a.mp4",
        "https:// cdn.example.com/a.mp4",
        "//",
        "/ok",
        "n/a",
    ],
)
def test_what_cannot_be_mended_is_no_link(text: str) -> None:
    assert mended_link(text) is None


def litellm(video_id: str, model: str = "") -> str:
    inner = f"litellm:custom_llm_provider:openai;model_id:{model};video_id:{video_id}"
    return "video_" + base64.b64encode(inner.encode()).decode()


SAME: list[tuple[str, Any]] = [
    ("t", {"id": "t"}),
    ("sora-2:task_1", {"id": "task_1"}),
    ("task_1", {"id": "sora-2:task_1"}),
    ("video_0123456789", {"id": "0123456789"}),
    ("sora-2:task_1", {"id": "sora-2%3Atask_1"}),
    ("t", {"id": "request-7", "task_id": "t"}),
    ("t", {"data": {"id": 1532, "task_id": "t"}}),
    ("t", {"data": {"id": 1532, "status": "SUCCESS"}}),
    ("t", {"id": "req", "data": {"jobId": "t"}}),
    ("t", {"id": "chatcmpl-1", "choices": [{"message": {"content": LINK}}]}),
    ("t", {"result": {"id": "file-1", "url": LINK}}),
    ("t", {"video_url": LINK}),
    ("17", {"id": 17}),
    (litellm("video_1"), {"id": litellm("video_1", "gpt")}),
    (litellm("video_1"), {"id": "video_1"}),
    (litellm("video_1"), {"id": litellm(litellm("video_1"))}),
]
ANOTHER: list[tuple[str, Any]] = [
    ("t", {"id": "other"}),
    ("video_1", {"id": "1"}),
    ("sora-2:task_1", {"id": "veo:task_1"}),
    ("t", {"data": {"task_id": "other"}}),
    ("t", {"id": "other", "data": {"id": 5}}),
    ("17", {"id": 18}),
    ("t", {"result": {"task_id": "other"}}),
    (litellm("video_1"), {"id": litellm("video_2")}),
    (litellm("video_1"), {"id": "video_2"}),
]


@pytest.mark.parametrize(("asked", "body"), SAME, ids=str)
def test_an_answer_about_the_video_is_known_by_its_id_however_that_is_written(asked: str, body: dict[str, Any]) -> None:
    for word in ("completed", "failed", "processing"):
        facts = {"video_url": LINK, "model": "sora-2"} if word != "processing" else {}
        level = body if "data" not in body or "status" not in body["data"] else body["data"]
        told = {**facts, **body, **({} if level is not body else {"status": word})}
        assert read_as_asked(told, asked).id == asked


@pytest.mark.parametrize("word", ["completed", "failed", "processing", "cancelled", "queued"])
@pytest.mark.parametrize(("asked", "body"), ANOTHER, ids=str)
def test_an_answer_that_names_another_video_says_nothing_of_this_one(asked: str, body: Any, word: str) -> None:
    for told in ({"status": word, **body, "video_url": LINK}, [{"status": word, **body}]):
        with pytest.raises(errors.UnreadableResponse) as caught:
            read_as_asked(told, asked)
        assert caught.value.transient
        assert asked in str(caught.value)


ENTRY = {"id": "other", "status": "failed", "error": "boom"}
LISTS: list[Any] = [
    {"object": "list", "data": []},
    {"object": "list", "data": [ENTRY]},
    {"object": "list", "data": [ENTRY, ENTRY], "first_id": "other", "has_more": False},
    {"data": [ENTRY]},
    {"code": 0, "data": {"items": [ENTRY, ENTRY], "total": 2}},
    {"videos": [ENTRY, ENTRY]},
    {"success": True, "data": {"list": [ENTRY], "page": 1}},
    [ENTRY],
    [ENTRY, ENTRY],
]


@pytest.mark.parametrize("body", LISTS, ids=str)
def test_a_list_of_other_videos_says_nothing_of_this_one(body: Any) -> None:
    with pytest.raises(errors.UnreadableResponse) as caught:
        read(body)
    assert caught.value.transient
