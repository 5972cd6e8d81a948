"""A transfer that breaks goes on where it stopped, and only if the file is still the same one."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.download.transfer import CannotResume, Downloaded, download
from sora2_provider.gateway.errors import UnreadableResponse
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.gateway.settings import GatewaySettings
from tests.unit.link_hosts import LinkHost, answer

SIZE, CUT, OVERLAP = 300_000, 100_000, 16 * 1024
ASKED = CUT - OVERLAP
FILE = b"\0\0\0\x18ftypmp42" + bytes(number * 7 % 251 for number in range(SIZE - 12))
#: Of the same length, and the same from where the transfer goes on: only its beginning tells.
OTHER_BEGINNING = FILE[:50] + b"another" + FILE[57:]
#: The same but for one byte of what is asked for again: its first, or its last.
OTHER_FIRST, OTHER_LAST = (FILE[:at] + bytes([FILE[at] ^ 1]) + FILE[at + 1 :] for at in (ASKED, CUT - 1))
ETAG, WEAK, DATE = 'ETag: "one"', 'ETag: W/"one"', "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT"


class Server:
    """Serves a file whose first transfer is cut, and then what is there by then, by the range and the condition that it is asked with.

    :param now: the file of later requests.
    :param then: headers of the first answer.
    :param later: of all later ones; a condition that they do not hold brings the whole file.
    """

    def __init__(self, now: bytes, then: tuple[str, ...], later: tuple[str, ...]) -> None:
        self._now, self._then, self._later = now, then, later
        self.asked: list[tuple[int | None, str | None]] = []

    def __call__(self, connection: object, head: bytes) -> None:
        ranged, condition = (
            re.search(pattern, head) for pattern in (rb"Range: bytes=(\d+)-\r", rb"If-Range: ([^\r]+)")
        )
        start = int(ranged[1]) if ranged else None
        held = condition[1].decode() if condition else None
        self.asked.append((start, held))
        if len(self.asked) == 1:
            connection.sendall(answer(FILE[:CUT], *self._then, length=SIZE))
        elif start is None or (held is not None and not any(line.endswith(f": {held}") for line in self._later)):
            connection.sendall(answer(self._now, *self._later))
        else:
            part = f"Content-Range: bytes {start}-{len(self._now) - 1}/{len(self._now)}"
            connection.sendall(answer(self._now[start:], part, *self._later, status="206 Partial Content"))


def fetched(server: Callable[[object, bytes], None]) -> tuple[bytes, Downloaded]:
    sink = io.BytesIO()
    with LinkHost(server) as host, Sora2Client(GatewaySettings(host.url, "sk-x")) as client:
        video = Video("video_1", VideoStatus.COMPLETED, url=f"{host.url}/cat.mp4")
        got = download(client, video, sink, pause=lambda _: None, report=lambda _: None)
    return sink.getvalue(), got


#: The headers of both answers, and the condition under which the transfer goes on.
SAME_FILES = {
    "an ETag": ((ETAG, DATE), '"one"'),
    "a weak ETag, which tells of no bytes, and a date": ((WEAK, DATE), DATE.partition(": ")[2]),
    "a date": ((DATE,), DATE.partition(": ")[2]),
    "a weak ETag": ((WEAK,), None),
    "nothing that tells": ((), None),
}


@pytest.mark.parametrize(("headers", "condition"), SAME_FILES.values(), ids=SAME_FILES)
def test_it_asks_for_the_rest_and_a_bit_before_it_under_the_best_condition_that_there_is(headers, condition):
    server = Server(FILE, headers, headers)
    stored, got = fetched(server)
    assert stored == FILE
    assert (got.size, got.length_known) == (SIZE, True)
    assert server.asked == [(None, None), (ASKED, condition)]


def other(line: str) -> str:
    return line.replace("one", "two").replace("07:28", "07:29")


#: What is there when the transfer goes on, and the headers of both answers. All but the last have the same length.
CHANGED_FILES = {
    "by its ETag": (OTHER_BEGINNING, (ETAG, DATE), (other(ETAG), DATE)),
    "by its date": (OTHER_BEGINNING, (DATE,), (other(DATE),)),
    "by its date, beside a weak ETag": (OTHER_BEGINNING, (WEAK, DATE), (WEAK, other(DATE))),
    "by the first byte that comes again": (OTHER_FIRST, (), ()),
    "by the last byte that comes again": (OTHER_LAST, (), ()),
    "by its length": (FILE + b"more", (), ()),
}


@pytest.mark.parametrize(("now", "then", "later"), CHANGED_FILES.values(), ids=CHANGED_FILES)
def test_a_file_that_is_another_one_by_now_is_noticed(now, then, later):
    server = Server(now, then, later)
    with pytest.raises(CannotResume, match="The file changed while it was fetched"):
        fetched(server)
    assert len(server.asked) == 2


def part(start: int, total: int | str = SIZE, *, status: str = "206 Partial Content") -> bytes:
    return answer(FILE[start:], f"Content-Range: bytes {start}-{SIZE - 1}/{total}", status=status)


NOTHING_LEFT = "416 Range Not Satisfiable"
#: What a server answers when it is asked to go on, and what becomes of the transfer.
ODD_ANSWERS: dict[str, tuple[bytes, type[Exception] | None, str]] = {
    "the whole file": (answer(FILE), None, ""),
    "a part of which it does not tell the length": (part(ASKED, "*"), None, ""),
    "a part that begins before": (part(ASKED - 1), CannotResume, f"from {ASKED}, the server sends from {ASKED - 1}"),
    "a part that begins behind": (part(CUT), CannotResume, f"from {ASKED}, the server sends from {CUT}"),
    "a part of which it does not tell where it begins": (
        answer(FILE[ASKED:], status="206 Partial Content"),
        UnreadableResponse,
        "without saying which",
    ),
    "that the file ends sooner": (
        answer(b"", "Content-Range: bytes */5000", status=NOTHING_LEFT),
        CannotResume,
        f"ends at byte 5000, but {CUT} bytes came before",
    ),
    "that nothing is left, and not where it ends": (
        answer(b"", status=NOTHING_LEFT),
        CannotResume,
        "ends at byte None",
    ),
}


@pytest.mark.parametrize(("said", "error", "why"), ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_whatever_a_server_answers_the_file_is_whole_or_not_taken(said, error, why):
    first = iter([answer(FILE[:CUT], length=SIZE)])

    def server(connection, _):
        connection.sendall(next(first, said))

    if error is None:
        assert fetched(server)[0] == FILE
    else:
        with pytest.raises(error, match=why):
            fetched(server)


def test_a_file_without_a_length_is_whole_where_the_server_has_nothing_behind_it():
    chunk = b"%x\r\n%s\r\n" % (SIZE, FILE)
    first = iter([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk])

    def server(connection, _):
        end = answer(b"", f"Content-Range: bytes */{SIZE}", status=NOTHING_LEFT)
        connection.sendall(next(first, end))

    stored, got = fetched(server)
    assert stored == FILE
    assert got.length_known


def test_a_file_that_comes_in_parts_is_put_together():
    """Each answer is whole, and none brings the rest. What is asked for again is what came last, also of few bytes."""
    asked = []

    def server(connection, head):
        ranged = re.search(rb"Range: bytes=(\d+)-\r", head)
        start = int(ranged[1]) if ranged else 0
        asked.append(start)
        end = min(SIZE, start + (1_000, 3_000, 30_000, SIZE)[len(asked) - 1])
        part = f"Content-Range: bytes {start}-{end - 1}/{SIZE}"
        connection.sendall(answer(FILE[start:end], part, status="206 Partial Content"))

    stored, got = fetched(server)
    assert stored == FILE
    assert got.size == SIZE
    assert asked == [0, 0, 0, 30_000 - OVERLAP]
