"""No answer goes on without end: not in bytes, not in time, not when it is unpacked."""

from __future__ import annotations

import gzip
import time
import tracemalloc

import pytest

from sora2_provider.compat import AirflowFailException
from sora2_provider.exceptions import Sora2Error
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.download import transfer as downloading
from sora2_provider.gateway.errors import GatewayError, GatewayUnavailable, SubmissionUnknown
from sora2_provider.gateway.models import Video, VideoRequest, VideoStatus
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.gateway.transport import bodies, deadlines
from sora2_provider.gateway.transport.deadlines import ReadBudget
from tests.exact_errors import raises_exactly
from tests.unit.link_hosts import LinkHost, answer
from tests.unit.test_download import asked, download
from tests.unit.test_hostile_links import gives_link
from tests.unit.two_clients import CLIENTS, ask_as_the_triggerer

pytestmark = pytest.mark.usefixtures("pauses")

MB = 1024 * 1024
FILM = b"\0\0\0\x18ftypmp42" + b"\0" * 12
QUICK = 0.4


def trickles(start: bytes, drop: bytes = b" ", every: float = 0.05, drops: int = 400):
    """Send something at once and then a few bytes now and then, each well within the read timeout."""

    def script(connection, _):
        connection.sendall(start)
        for _ in range(drops):
            time.sleep(every)
            connection.sendall(drop)

    return script


TRICKLES = {
    "a body": trickles(answer(b'{"data": [', length=100_000)),
    "a body without a length": trickles(b"HTTP/1.1 200 OK\r\n\r\n{"),
    "headers": trickles(b"HTTP/1.1 200 OK\r\nX-Filler: ", b"x"),
    "the status": trickles(b"HTTP/1.1 200 ", b"O"),
    "the length of a chunk": trickles(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
    "chunks": trickles(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "trailers": trickles(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "interim answers": trickles(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("script", TRICKLES.values(), ids=TRICKLES)
def test_an_answer_that_trickles_is_given_up(script):
    with LinkHost(script) as host, Sora2Client(GatewaySettings(host.url, "sk-x", read_timeout=QUICK)) as client:
        started = time.monotonic()
        with pytest.raises(GatewayUnavailable, match=f"not complete within {QUICK} s|read timeout"):
            client.list_models()
        with pytest.raises(SubmissionUnknown):
            client.create_video(VideoRequest("a cat"))
        assert time.monotonic() - started < 10 * QUICK


@pytest.mark.parametrize("kind", ["a body", "headers", "the length of a chunk"])
def test_an_answer_that_trickles_to_the_triggerer_is_given_up(kind):
    with LinkHost(TRICKLES[kind]) as host, pytest.raises(GatewayUnavailable, match="timeout"):
        ask_as_the_triggerer(GatewaySettings(host.url, "sk-x", connect_timeout=0.1, read_timeout=0.1))


def test_an_answer_that_comes_slowly_but_in_time_is_read():
    script = trickles(answer(b"", length=20), b'{"data": []}        ', every=QUICK / 2, drops=1)
    with LinkHost(script) as host, Sora2Client(GatewaySettings(host.url, "sk-x", read_timeout=QUICK)) as client:
        assert client.list_models() == ()


def test_a_kept_connection_starts_with_its_whole_timeout():
    def script(connection, _):
        for _ in range(3):
            for part in (b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", b'{"data"', b": []}"):
                connection.sendall(part)
                time.sleep(QUICK * 0.3)
            connection.recv(65536)

    with LinkHost(script) as host, Sora2Client(GatewaySettings(host.url, "sk-x", read_timeout=60)) as client:
        for _ in range(3):
            client.list_models()
            (pool,) = client.transport._session.get_adapter(host.url).poolmanager.pools._container.values()
            kept = pool._get_conn()
            assert kept.sock.gettimeout() == 60
            pool._put_conn(kept)
        assert host.connections == 1


def test_a_read_budget_ends_with_the_waiting_and_is_refilled_by_bytes():
    whole, flow = ReadBudget(60), ReadBudget(60, refill=1000)
    for one in (whole, flow):
        one.spend(50, 999)
    assert (whole.left, flow.left) == (10, 10)
    for one in (whole, flow):
        one.spend(9, 1)
    assert (whole.left, flow.left) == (1, 60)
    assert whole.exceeded_reason == "the answer was not complete within 60 s"


@pytest.fixture
def quick(monkeypatch, connect, big):
    """A file must bring 4 KiB in 0.4 s of waiting."""
    monkeypatch.setattr(deadlines, "LEAST_BYTES", 4096)
    monkeypatch.setattr(deadlines, "LEAST_BYTES_WITHIN", QUICK)
    connect(big.url, read_timeout=QUICK)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_that_trickles_is_given_up_though_each_try_brings_a_little(
    quick, big, video_id, tmp_path, chunked, fetch
):
    first = FILM + b"\0" * 50_000
    script = trickles(answer(first, length=400_000), b"\0")
    if chunked:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        script = trickles(head + b"%x\r\n%s\r\n" % (len(first), first), b"1\r\n\0\r\n")
    big.fault(route="content", status=404, times=None)
    with LinkHost(script) as host:
        gives_link(big, video_id, f"{host.url}/cat.mp4")
        started = time.monotonic()
        with raises_exactly(Sora2Error, match="too slowly, less than 4 KiB in 0.4 s"):
            fetch()
    assert time.monotonic() - started < 30 * QUICK
    assert host.connections == 5
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_comes_slowly_but_honestly_is_fetched(quick, big, fetch):
    big.fault(route="file", bytes_per_second=200_000)
    started = time.monotonic()
    fetch()
    assert time.monotonic() - started > 3 * QUICK
    assert [request.status for request in asked(big, "file")] == [200]


def test_a_slow_storage_does_not_count_against_the_file(quick, big, video_id):
    class SlowSink:
        size = 0

        def write(self, data):
            time.sleep(QUICK / 2)
            self.size += len(data)

    sink = SlowSink()
    with Sora2Client(GatewaySettings(big.url, "sk-x", read_timeout=QUICK)) as client:
        got = downloading.download(client, client.get_video(video_id), sink, pause=time.sleep, report=pytest.fail)
    assert got.size == sink.size


def test_a_download_ends_after_half_a_day_however_well_it_goes_on(big, video_id):
    hours = iter(range(100))
    with Sora2Client(GatewaySettings(big.url, "sk-x")) as client, pytest.raises(GatewayError, match="12 hours"):
        downloading.download(
            client,
            Video(video_id, VideoStatus.COMPLETED),
            type("Sink", (), {"write": len})(),
            pause=time.sleep,
            report=pytest.fail,
            clock=lambda: next(hours) * 6 * 3600.0,
        )


ENDLESS = {
    "without a length": b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n",
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "with a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
}


class TestTheSizeLimit:
    @pytest.fixture
    def small(self, connect, big):
        connect(big.url, max_video_mb=1)

    def refused(self, video_id, context, path):
        path.write_bytes(b"the old one")
        with pytest.raises(AirflowFailException) as caught:
            download(video_id, path).execute(context)
        assert path.read_bytes() == b"the old one"
        assert [one.name for one in path.parent.iterdir()] == [path.name]
        said = str(caught.value)
        assert "allows 1,048,576 (max_video_mb=1)" in said
        assert "raise Max video size (extra.max_video_mb, in MB) in the connection" in said
        return said

    def test_a_file_that_says_that_it_is_larger_is_not_fetched_and_one_of_just_the_limit_is(
        self, small, big, video_id, context, tmp_path, fetch
    ):
        big.settings(file_bytes=MB + 1)
        assert "has 1,048,577 bytes" in self.refused(video_id, context, tmp_path / "cat.mp4")
        big.settings(file_bytes=MB)
        assert len(fetch()) == MB

    @pytest.mark.parametrize("head", ENDLESS.values(), ids=ENDLESS)
    def test_a_stream_without_end_ends_at_the_limit(self, small, big, video_id, context, tmp_path, head):
        def script(connection, _):
            connection.sendall(head)
            part = FILM + b"\0" * 65536
            part = b"%x\r\n%s\r\n" % (len(part), part) if b"chunked" in head else part
            for _ in range(1000):
                connection.sendall(part)

        with LinkHost(script) as host:
            gives_link(big, video_id, f"{host.url}/cat.mp4")
            said = self.refused(video_id, context, tmp_path / "cat.mp4")
            assert "has at least 1," in said
            assert host.connections == 1

    def test_a_part_of_a_larger_file_is_not_fetched(self, small, big, video_id, context, tmp_path):
        def script(connection, head):
            if b"Range" in head:
                lines = "Content-Range: bytes 583616-2999999/3000000"
                connection.sendall(answer(b"\0", lines, status="206 Partial Content", length=2_416_384))
            else:
                # An earlier answer that does not say how long the file is.
                body = FILM + b"\0" * (600_000 - len(FILM))
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n927c0\r\n" + body + b"\r\nzz")

        with LinkHost(script) as host:
            gives_link(big, video_id, f"{host.url}/cat.mp4")
            assert "has 3,000,000 bytes" in self.refused(video_id, context, tmp_path / "cat.mp4")

    @pytest.mark.parametrize("given", [0, -1, 1.5, "many", True, 10**9, "1e400", "nan"])
    def test_a_limit_that_is_none_is_named(self, connect, context, tmp_path, given):
        connect("http://127.0.0.1:9", max_video_mb=given)
        with pytest.raises(AirflowFailException, match="max_video_mb"):
            download("video_1", tmp_path / "cat.mp4").execute(context)


BOMB = gzip.compress(b"\0" * 100 * MB)
BOMBS = {
    "a file": answer(BOMB, "Content-Encoding: gzip", "Content-Type: video/mp4"),
    "an error": answer(BOMB, "Content-Encoding: gzip", status="404 Not Found"),
    "an error, packed twice": answer(gzip.compress(BOMB), "Content-Encoding: gzip, gzip", status="404 Not Found"),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_what_a_stranger_has_compressed_is_not_unpacked(big, video_id, tmp_path, bomb, fetch):
    big.fault(route="content", status=404, times=None)
    with LinkHost(bomb) as host:
        gives_link(big, video_id, f"{host.url}/cat.mp4")
        tracemalloc.start()
        try:
            with raises_exactly(Sora2Error):
                fetch()
            assert tracemalloc.get_traced_memory()[1] < 20 * MB
        finally:
            tracemalloc.stop()
        assert b"Accept-Encoding: identity" in host.heads[0]
    assert list(tmp_path.iterdir()) == []


API_BOMBS = {
    "once": answer(BOMB, "Content-Encoding: gzip"),
    "twice": answer(gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
    "without a word of it": answer(BOMB),
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (len(BOMB), BOMB),
}


@pytest.mark.parametrize("ask", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("bomb", API_BOMBS.values(), ids=API_BOMBS)
def test_an_answer_that_unpacks_to_more_than_any_answer_has_is_given_up(bomb, ask):
    with LinkHost(bomb) as host:
        settings = GatewaySettings(host.url, "sk-x")
        tracemalloc.start()
        try:
            with pytest.raises(GatewayUnavailable, match="longer than 4194304 bytes"):
                ask(settings)
            assert tracemalloc.get_traced_memory()[1] < 30 * MB
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("ask", CLIENTS.values(), ids=CLIENTS)
def test_a_film_within_an_answer_that_does_not_end_is_given_up(monkeypatch, ask):
    """Little of it is kept, so only what was read tells."""
    monkeypatch.setattr(bodies, "MAX_READ", MB)

    def script(connection, _):
        connection.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"b64_json": "')
        for _ in range(4):
            connection.sendall(b"A" * MB)

    with LinkHost(script) as host, pytest.raises(GatewayUnavailable, match="longer than 4194304 bytes"):
        ask(GatewaySettings(host.url, "sk-x"))
