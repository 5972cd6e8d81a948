"""Where a film comes from when its link does not serve it, and what is told where nothing does."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import tracemalloc
from types import SimpleNamespace

import pytest

from sora2_provider.exceptions import Sora2Error
from sora2_provider.gateway import async_client
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.download.transfer import download
from sora2_provider.gateway.models import VideoStatus
from sora2_provider.gateway.settings import GatewaySettings
from tests.exact_errors import raises_exactly
from tests.unit.link_hosts import LinkHost, answer
from tests.unit.test_download import asked, the_file
from tests.unit.test_hostile_links import KEY, gives_link, moved

pytestmark = pytest.mark.usefixtures("pauses")

NOT_READY = {"error": {"message": "Video is not ready yet.", "type": "invalid_request_error", "code": "400"}}
EXPIRED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
PAGE = b"<!DOCTYPE html><html><head><title>Hotlinking is forbidden</title></head></html>"
PICTURE = b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 2000

#: What a link's host answers (or its address), and what a person reads where the gateway has no file either.
DEAD = {
    "no such host": ("http://there-is-no-such-host.invalid/a.mp4", "cannot be resolved"),
    "a host that is down": ("http://127.0.0.1:9/a.mp4", "no connection to the host"),
    **{
        str(status): (answer(b"", status=f"{status} X"), said)
        for status, said in (
            (403, "probably expired"),
            (404, "probably expired"),
            (410, "probably expired"),
            (500, "HTTP 500"),
            (503, "HTTP 503"),
        )
    },
    "an expired link": (
        answer(EXPIRED, "Content-Type: application/xml", status="403 Forbidden"),
        "Request has expired",
    ),
    "a page about hotlinking": (answer(PAGE, "Content-Type: text/html"), "web page.*Hotlinking is forbidden"),
    "a page that refuses": (answer(PAGE, "Content-Type: text/html", status="403 Forbidden"), "Hotlinking is forbidden"),
    "a firewall": (
        answer(b"<title>Attention Required! | Cloudflare</title>", "Content-Type: text/html", status="403 Forbidden"),
        "A firewall in front of the link's host \\(Cloudflare\\) refuses this machine.*nothing was paid",
    ),
    "an error that is said to be compressed": (
        answer(b'{"message": "the bucket is gone"}', "Content-Encoding: gzip", status="403 Forbidden"),
        "the bucket is gone",
    ),
    "a picture": (answer(PICTURE, "Content-Type: image/jpeg"), "a picture, and not the video"),
    "a picture that is called a video": (answer(PICTURE, "Content-Type: video/mp4"), "a picture, and not the video"),
    "a playlist": (answer(b"#EXTM3U\n#EXT-X-VERSION:3\n", "Content-Type: application/vnd.apple.mpegurl"), "playlist"),
    "a playlist that is called a video": (
        answer(b"#EXTM3U\n#EXT-X-VERSION:3\n", "Content-Type: video/mp4"),
        "playlist",
    ),
    "nothing": (answer(b""), "empty"),
}


@pytest.fixture
def outside(connect, big):
    connect(big.url, allow_internal_links=True)
    return big


@pytest.mark.parametrize("serves", [True, False], ids=["the gateway serves it", "nobody serves it"])
@pytest.mark.parametrize(("host", "said"), DEAD.values(), ids=DEAD)
def test_where_a_link_serves_no_film_the_gateway_is_asked_and_the_first_cause_is_told(
    outside, video_id, fetch, host, said, serves
):
    whole = the_file(outside, video_id)
    if not serves:
        outside.fault(route="content", status=404, body={"error": {"message": "Task not found"}}, times=None)
    with LinkHost(b"" if isinstance(host, str) else host) as server:
        gives_link(outside, video_id, host if isinstance(host, str) else f"{server.url}/a.mp4")
        if serves:
            assert fetch() == whole
        else:
            with raises_exactly(Sora2Error, match=f"(?s){said}.*Task not found"):
                fetch()


REFUSALS = {
    "a firewall": (
        {"status": 403, "body": "error code: 1020"},
        "A firewall in front of .*Cloudflare.*Ask the gateway's operator",
    ),
    "an empty account": ({"status": 401, "body": {"message": "账户余额耗尽"}}, "余额耗尽.*Top up the account"),
}


@pytest.mark.parametrize("routes", [("query", "content", "file"), ("content", "file")])
@pytest.mark.parametrize(("fault", "said"), REFUSALS.values(), ids=REFUSALS)
def test_a_download_says_who_can_help_where_the_gateway_refuses(big, video_id, fetch, fault, said, routes):
    big.settings(shape="openai")
    for route in routes:
        big.fault(route=route, times=None, **fault)
    with raises_exactly(Sora2Error, match=f"The video could not be downloaded: .*{said}"):
        fetch()


@pytest.mark.parametrize(
    "encoding", ["aws-chunked", "none", "utf-8", "binary", "identity", "gzip", "br", "aws-chunked, gzip"]
)
def test_plain_bytes_are_stored_whatever_encoding_they_are_said_to_have(outside, video_id, fetch, encoding):
    whole = the_file(outside, video_id)
    outside.fault(route="content", status=404, times=None)
    with LinkHost(answer(whole, f"Content-Encoding: {encoding}")) as host:
        gives_link(outside, video_id, f"{host.url}/a.mp4")
        assert fetch() == whole


def test_a_file_that_is_really_compressed_is_had_from_the_gateway(outside, video_id, fetch):
    whole = the_file(outside, video_id)
    with LinkHost(answer(gzip.compress(whole), "Content-Encoding: gzip")) as host:
        gives_link(outside, video_id, f"{host.url}/a.mp4")
        assert fetch() == whole


LATE = {
    "404": {"status": 404, "body": {"error": {"message": "Video not found"}}},
    "425": {"status": 425},
    "202": {"status": 202, "body": ""},
    "empty": {"body": ""},
    "JSON that is called a video": {"body": NOT_READY, "content_type": "video/mp4"},
    "400 in words": {"status": 400, "body": {"error": {"message": "Task is not completed yet, current status: X"}}},
    "503": {"status": 503},
}


@pytest.mark.parametrize("fault", LATE.values(), ids=LATE)
def test_a_file_that_is_not_there_in_the_second_of_completion_is_asked_for_again(big, fetch, video_id, pauses, fault):
    whole = the_file(big, video_id)
    big.settings(shape="openai")
    big.fault(route="content", times=3, **fault)
    assert fetch() == whole
    assert pauses == [2.0, 4.0, 8.0]


def test_a_content_route_that_does_not_exist_is_not_asked_again(big, fetch, video_id, pauses):
    big.settings(shape="openai")
    gone = {"error": {"message": "Invalid URL (GET /v1/videos/x/content)", "type": "invalid_request_error"}}
    big.fault(route="content", status=404, body=gone, times=None)
    with raises_exactly(Sora2Error, match="Invalid URL"):
        fetch()
    assert pauses == []


def embedded(film: bytes, place: str = "video_url", prefix: str = "data:video/mp4;base64,") -> dict:
    return {"status": "completed", place: prefix + base64.b64encode(film).decode(), "model": "sora-2"}


FORMS = {
    "a data address": lambda film: json.dumps(embedded(film)),
    "base64 alone": lambda film: json.dumps(embedded(film, "b64_json", "")),
    "with escaped slashes": lambda film: json.dumps(embedded(film)).replace("/", "\\/"),
    "with line breaks": lambda film: json.dumps({"video": "data:video/mp4;base64," + base64.encodebytes(film).decode(), "status": "done"}),
    "URL-safe": lambda film: json.dumps({"video": base64.urlsafe_b64encode(film).decode(), "status": "done"}),
    "nested JSON": lambda film: json.dumps({"status": "done", "data": json.dumps(embedded(film)), "model": "x"}),
    "behind a film that the caller sent": lambda film: json.dumps(
        {"status": "done", "input_video": "data:video/mp4;base64," + base64.b64encode(b"\0\0\0\x18ftypmp42" * 50).decode(), **embedded(film)}
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("where", ["query", "content"])
def test_a_film_inside_the_answer_is_stored(big, video_id, fetch, form, where):
    whole = the_file(big, video_id)
    big.settings(shape="openai")
    if where == "query":
        big.fault(route="content", status=404, times=None)
    big.fault(route=where, body=form(whole), content_type="application/json", times=None)
    assert fetch() == whole


def test_a_film_of_tens_of_mb_inside_the_answer_is_stored_and_nobody_who_waits_holds_it(video_id):
    box = b"\0\0\0\x18ftypmp42" + b"\0" * 12 + b"\0\0\0\x08moov"
    size = 12 * 1024 * 1024
    whole = box + (size + 8).to_bytes(4, "big") + b"mdat" + bytes(range(256)) * (size // 256)
    body = json.dumps(embedded(whole)).encode()
    with LinkHost(answer(body, "Content-Type: application/json")) as host:
        settings = GatewaySettings(host.url, "sk-x")
        with Sora2Client(settings) as client:
            video = client.get_video(video_id)
            assert (video.status, video.url, len(str(video.raw)) < 64 * 1024) == (VideoStatus.COMPLETED, None, True)

        async def ask():
            client = await async_client.AsyncSora2Client.open(settings)
            try:
                return await client.get_state(video_id)
            finally:
                await client.close()

        assert asyncio.run(ask()).status is VideoStatus.COMPLETED

        stored = hashlib.sha256()
        sink = SimpleNamespace(write=stored.update)
        tracemalloc.start()
        with Sora2Client(settings) as client:
            got = download(client, video, sink, pause=pytest.fail, report=pytest.fail)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        tracemalloc.stop()
        assert (got.size, got.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())


@pytest.mark.parametrize("cut", [1, 100_000])
def test_a_film_inside_an_answer_that_is_cut_is_never_stored(big, video_id, fetch, tmp_path, cut):
    whole = the_file(big, video_id)
    big.settings(shape="openai")
    body = json.dumps({"status": "completed", "video": base64.b64encode(whole).decode()})
    big.fault(route="content", body=body[: -cut - 2], content_type="application/json", times=None)
    with raises_exactly(Sora2Error):
        fetch()
    assert list(tmp_path.iterdir()) == []


class TestAnotherFileUnderTheSameAddress:
    """A server without validators goes on with the bytes of another file."""

    def script(self, first, second):
        def answers(connection, request):
            if b"Range" not in request:
                connection.sendall(answer(first[:200_000], length=len(first)))
                return
            start = int(request.split(b"bytes=")[1].split(b"-")[0])
            lines = f"Content-Range: bytes {start}-{len(second) - 1}/{len(second)}"
            connection.sendall(answer(second[start:], lines, status="206 Partial Content"))

        return answers

    def test_is_seen_and_the_download_begins_anew(self, outside, video_id, fetch, tmp_path):
        first = the_file(outside, video_id)
        second = first[:100] + bytes(byte ^ 255 for byte in first[100:])
        with LinkHost(self.script(first, second)) as host:
            gives_link(outside, video_id, f"{host.url}/a.mp4")
            with raises_exactly(Sora2Error, match="changed"):
                fetch()
            assert len(host.heads) == 4
        assert list(tmp_path.iterdir()) == []

    def test_and_the_same_file_is_gone_on_with(self, outside, video_id, fetch):
        whole = the_file(outside, video_id)
        with LinkHost(self.script(whole, whole)) as host:
            gives_link(outside, video_id, f"{host.url}/a.mp4")
            assert fetch() == whole
            assert len(host.heads) == 2


def test_an_address_of_the_gateway_that_a_foreign_answer_names_gets_no_key(outside, video_id, fetch):
    own = f"{outside.url}/v1/models"
    with LinkHost(answer(json.dumps({"url": own}).encode(), "Content-Type: application/json")) as foreign:
        gives_link(outside, video_id, f"{foreign.url}/a.mp4")
        fetch()
        assert KEY not in b"".join(foreign.heads)
    (named,) = asked(outside, "models")
    assert not named.has_authorization


def test_a_content_route_that_redirects_gets_the_key_each_time(outside, video_id, fetch):
    whole = the_file(outside, video_id)
    outside.settings(shape="openai")
    with LinkHost(answer(b"", status="503 Busy")) as busy, LinkHost(answer(whole)) as host:
        outside.fault(route="content", redirect=f"{busy.url}/a.mp4", times=1)
        outside.fault(route="content", redirect=f"{host.url}/a.mp4", times=1)
        assert fetch() == whole
    assert all(request.has_authorization for request in asked(outside, "content"))


@pytest.mark.parametrize(
    "location", ["/films/a b.mp4", "//{host}/films/a.mp4", "{url}/films/影.mp4", "{url}/films/a.mp4?x=1&amp;y=2", " {url}/films/a.mp4 "]
)  # fmt: skip
def test_the_target_of_a_redirect_is_mended_as_a_link_is(outside, video_id, fetch, location):
    whole = the_file(outside, video_id)
    outside.fault(route="content", status=404, times=None)

    def script(connection, request):
        moves = request.startswith(b"GET /start")
        target = location.format(url=host.url, host=host.url[7:])
        # Without a scheme the link's own is meant.
        connection.sendall(moved(target) if moves else answer(whole))

    with LinkHost(script) as host:
        gives_link(outside, video_id, f"{host.url}/start.mp4")
        assert fetch() == whole
    assert all(head.splitlines()[0].isascii() for head in host.heads)


def test_a_link_that_is_relative_to_the_gateway_is_completed(big, video_id, fetch):
    whole = the_file(big, video_id)
    with Sora2Client(GatewaySettings(big.url, "sk-x")) as client:
        link = client.get_video(video_id).url
    gives_link(big, video_id, link.removeprefix(big.url))
    assert fetch() == whole
    assert [request.route for request in asked(big, "file", "content")][-1] == "file"
