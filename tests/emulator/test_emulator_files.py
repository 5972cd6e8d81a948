from __future__ import annotations

import hashlib
import threading
import time
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

av = pytest.importorskip("av")


def link_of(client, **changes):
    return client.query(client.created(**changes))["video_url"]


def probe(data):
    """Codec, width, height, seconds and number of frames, by decoding all of it."""
    with av.open(BytesIO(data)) as container:
        stream = container.streams.video[0]
        shape = (stream.codec_context.name, stream.width, stream.height, stream.codec_context.pix_fmt)
        seconds = float(stream.duration * stream.time_base)
        frames = sum(1 for _ in container.decode(video=0))
    return shape, seconds, frames


@pytest.mark.parametrize(
    ("orientation", "size", "duration", "model", "width", "height"),
    [
        ("portrait", "small", 10, "sora-2", 720, 1280),
        ("landscape", "small", 4, "veo3.1-fast", 1280, 720),
        ("portrait", "large", 4, "veo3.1-fast", 1024, 1792),
        ("landscape", "large", 15, "sora-2", 1792, 1024),
    ],
)
def test_a_video_is_real_h264_of_the_asked_shape_and_length(start, orientation, size, duration, model, width, height):
    client = start(canned=False)
    data = client.get(link_of(client, orientation=orientation, size=size, duration=duration, model=model)).content

    assert probe(data) == (("h264", width, height, "yuv420p"), float(duration), 24 * duration)
    assert data.index(b"moov") < data.index(b"mdat"), "a browser could not start before the end"


def test_frames_show_time_going_by_and_differ_by_prompt(start):
    client = start(canned=False)

    def frames(prompt):
        data = client.get(link_of(client, model="veo3.1", duration=4, prompt=prompt)).content
        with av.open(BytesIO(data)) as container:
            return [hashlib.sha256(bytes(frame.planes[0])).hexdigest() for frame in container.decode(video=0)]

    fox, crane = frames("a fox"), frames("a crane")
    assert len(set(fox)) == len(fox)
    assert fox[0] != crane[0]


@pytest.mark.parametrize(
    "prompt",
    ["狐狸在雪地里奔跑", "🦊" * 50, "x" * 20_000, "a\u0000b\ud800c\u202e", "line\n" * 500, "नमस्ते " * 40, "‌‍ "],
    ids=["chinese", "emoji", "one endless word", "broken characters", "many lines", "combining", "invisible"],
)
def test_any_prompt_is_drawn(start, prompt):
    client = start(canned=False)
    data = client.get(link_of(client, model="veo3.1", duration=4, prompt=f"{prompt}!")).content
    assert probe(data)[1] == 4.0


def test_what_no_font_has_is_written_as_a_code_and_counted():
    from sora2_provider.emulator.media.fonts import lettering

    letters = lettering("a\u0378\U000e0fff\U0010fffeb", 20)
    assert (letters.text, letters.escaped) == ("a\\u{378}\\u{e0fff}\\u{10fffe}b", 3)
    assert lettering("plain English", 20).escaped == 0


def frame_of(data):
    with av.open(BytesIO(data)) as container:
        return next(container.decode(video=0)).to_image()


def test_the_source_image_is_the_background(start):
    client = start(canned=False)
    with_image = link_of(client, model="veo3.1", duration=4, images=[f"{client.emulator.url}/images/sample.png"])
    without = link_of(client, model="veo3.1", duration=4)

    red, green, blue = frame_of(client.get(with_image).content).getpixel((446, 480))
    assert red > 220, "the sample's sun stands here"
    assert green > 190
    assert blue < 190
    assert frame_of(client.get(without).content).getpixel((446, 480)) != (red, green, blue)


@pytest.mark.parametrize(
    "image",
    ["http://127.0.0.1:1/a.png", "{url}/images/none.png", "{url}/v1/models", "http://", "http://[", "{url}/_emulator/"],
)
def test_a_source_image_that_cannot_be_had_leaves_a_video_all_the_same(start, image):
    client = start(canned=False)
    link = link_of(client, model="veo3.1", duration=4, images=[image.format(url=client.emulator.url)])
    assert probe(client.get(link).content)[1] == 4.0


def test_a_video_is_encoded_once_however_many_fetch_it_at_once(start):
    client = start(canned=False)
    link = link_of(client)
    assert client.emulator.encoded == 0, "it is encoded when first fetched"
    bodies = []
    threads = [threading.Thread(target=lambda: bodies.append(requests.get(link, timeout=60).content)) for _ in range(6)]
    for thread in threads:
        thread.start()
    # The loop goes on serving in the meantime.
    assert client.get("/v1/models").status_code == 200
    for thread in threads:
        thread.join()

    assert len(set(bodies)) == 1
    assert len(bodies) == 6
    assert client.emulator.encoded == 1


def test_the_cache_is_bounded_and_a_dropped_video_is_drawn_again_the_same(start):
    client = start(canned=False, cache_bytes=1)
    first, second = (link_of(client, model="veo3.1", duration=4, prompt=prompt) for prompt in ("one", "two"))
    data = client.get(first).content
    assert client.get(first).content == data
    assert client.emulator.encoded == 1
    client.get(second)
    assert client.get(first).content == data
    assert client.emulator.encoded == 3


def test_the_canned_clip_is_a_real_video_for_every_create(start):
    client = start(canned=True)
    data = client.get(link_of(client)).content
    assert client.get(link_of(client, prompt="another")).content == data
    assert probe(data) == (("h264", 216, 384, "yuv420p"), 1.0, 12)
    assert client.emulator.encoded == 0


def test_a_padded_file_has_the_exact_length_and_still_plays(start):
    client = start(file_bytes=5_000_000)
    link = link_of(client)
    response = client.get(link)
    assert len(response.content) == int(response.headers["Content-Length"]) == 5_000_000
    assert probe(response.content)[2] == 12


@pytest.mark.parametrize(
    ("asked", "status", "start_at", "stop_at"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=100-", 206, 100, 300_000),
        ("bytes=-7", 206, 299_993, 300_000),
        ("bytes=299999-400000", 206, 299_999, 300_000),
        ("bytes=3900-3940", 206, 3900, 3941),
        ("bytes=-400000", 206, 0, 300_000),
        ("bytes=300000-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=999999-1000000", 416, 0, 0),
        ("bytes=5-2", 200, 0, 300_000),
        ("bytes=-", 200, 0, 300_000),
        ("items=0-5", 200, 0, 300_000),
        ("bytes=0-1,4-5", 200, 0, 300_000),
        ("nonsense", 200, 0, 300_000),
    ],
)
def test_a_range_is_served_exactly_refused_or_ignored(start, asked, status, start_at, stop_at):
    client = start(file_bytes=300_000)
    link = link_of(client)
    whole = client.get(link)
    part = client.get(link, headers={"Range": asked})

    assert whole.headers["Accept-Ranges"] == "bytes"
    assert part.status_code == status
    of = {206: f"bytes {start_at}-{stop_at - 1}/300000", 416: "bytes */300000"}
    assert part.headers.get("Content-Range") == of.get(status)
    assert part.content == whole.content[start_at:stop_at]
    assert part.headers["ETag"] == whole.headers["ETag"]


def test_a_range_of_another_version_of_the_file_gets_the_whole(client):
    link = link_of(client)
    etag = client.get(link).headers["ETag"]
    assert client.get(link, headers={"Range": "bytes=5-", "If-Range": etag}).status_code == 206
    assert client.get(link, headers={"Range": "bytes=5-", "If-Range": '"other"'}).status_code == 200


def test_head_tells_the_length_without_the_bytes(start):
    client = start(file_bytes=300_000)
    response = client.session.head(link_of(client), timeout=60)
    assert (response.status_code, response.headers["Content-Length"], response.content) == (200, "300000", b"")


def read_into(got, response):
    for chunk in response.iter_content(1000):
        got += chunk


@pytest.mark.parametrize("route", ["file", "content"])
def test_a_cut_download_is_short_and_can_be_resumed(start, route):
    client = start(file_bytes=300_000)
    video_id = client.created()
    link = client.query(video_id)["video_url"] if route == "file" else f"/v1/videos/{video_id}/content"
    client.emulator.fault(route=route, cut_after=100_000)

    response = client.get(link, stream=True)
    assert response.headers["Content-Length"] == "300000"
    got = bytearray()
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="100000 bytes read, 200000 more expected"):
        read_into(got, response)
    rest = client.get(link, headers={"Range": f"bytes={len(got)}-"})
    assert got + rest.content == client.get(link).content


def test_a_cut_before_the_first_byte_still_sends_the_headers(client, emulator):
    link = link_of(client)
    emulator.fault(route="file", cut_after=0)
    response = client.get(link, stream=True)
    assert response.status_code == 200
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="0 bytes read"):
        response.content  # noqa: B018


def test_a_slow_download_comes_no_faster_than_scripted(start):
    client = start(file_bytes=20_000)
    link = link_of(client)
    client.emulator.fault(route="file", bytes_per_second=100_000)
    begun = time.monotonic()
    assert len(client.get(link).content) == 20_000
    assert time.monotonic() - begun >= 0.19


def test_a_link_needs_no_key_and_the_emulator_sees_whether_one_came(client, emulator):
    link = link_of(client)
    assert requests.get(link, timeout=60).status_code == 200
    assert client.get(link).status_code == 200
    assert [r.has_authorization for r in emulator.requests if r.route == "file"] == [False, True]


def test_links_can_stand_on_another_host_than_the_gateway(start):
    client = start(link_host="localhost")
    link = link_of(client)
    assert urlsplit(link).hostname == "localhost"
    assert requests.get(link, timeout=60).status_code == 200


def test_a_link_expires_and_the_next_query_makes_a_fresh_one(start):
    client = start(link_seconds=3600)
    video_id = client.created()
    old = client.query(video_id)["video_url"]
    client.emulator.advance(3500)
    assert client.query(video_id)["video_url"] == old, "a link that lives stays the same"
    client.emulator.advance(100)

    refused = client.get(old)
    assert refused.status_code == 403
    assert "AuthenticationFailed" in refused.text
    fresh = client.query(video_id)["video_url"]
    assert client.get(fresh).status_code == 200
    assert client.get(old).status_code == 403
    assert parse_qs(urlsplit(fresh).query)["se"] != parse_qs(urlsplit(old).query)["se"]


@pytest.mark.parametrize(
    "change", [("sig=", "sig=0"), ("se=2", "se=3"), ("sv=1", "sv=2"), (".mp4", "x.mp4"), ("sig=", "s=")]
)
def test_a_link_that_was_changed_opens_nothing(client, change):
    link = link_of(client)
    assert client.get(link.replace(*change)).status_code in (403, 404)


def test_three_hundred_megabytes_are_streamed_in_constant_memory(start):
    resource = pytest.importorskip("resource")
    client = start(file_bytes=300_000_000)
    link = link_of(client)
    client.get(link, headers={"Range": "bytes=0-9"})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = sum(len(chunk) for chunk in client.get(link, stream=True).iter_content(2**20))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert total == 300_000_000
    assert grown_kib < 50_000
