"""What is a video is told by its bytes, and nobody can talk a page into one."""

from __future__ import annotations

import pytest

from sora2_provider.gateway.download.media_types import Mp4Boxes, is_packed, is_video, media_type, no_video_said

PAGE = "<!DOCTYPE html><html><head><title>Not found</title></head><body>Gone</body></html>" * 20

NO_VIDEOS = {
    "a page": PAGE.encode(),
    "a page with control characters": b"\x01\x02" + PAGE.encode() + b"\0\x03",
    "a page behind binary bytes": b"\x01\xfe\x80" * 20 + PAGE.encode(),
    "a page in UTF-16": PAGE.encode("utf-16"),
    "a page in UTF-16 without a mark": PAGE.encode("utf-16-be"),
    "a page in UTF-32": PAGE.encode("utf-32"),
    "a page with a mark": b"\xef\xbb\xbf" + PAGE.encode(),
    "a page whose comment names a box": b"<!--free hosting-->\0" + PAGE.encode(),
    "a text in which a box's name stands": b"The moov is full\x01" * 20,
    "JSON": b'{"error": {"message": "gone"}}',
    "JSON with control characters": b' \x01{"error": {"message": "gone"}}',
    "a list": b"\x01[1, 2]",
    "a text that looks like a transport stream": (b"G" * 188 + b"ood bye. ") * 3,
    "a playlist": b"#EXTM3U\n#EXT-X-VERSION:3\n",
    "nothing": b"",
    "a PNG": b"\x89PNG\r\n\x1a\n\0\0",
    "a JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 2000,
    "an AVIF": b"\0\0\0\x1cftypavif" + b"\0" * 2000,
    "a text with all blanks that texts have": b"a\tb\n\x0bc\x0cd\r\n" * 20,
    "a sound in AVI's boxes": b"RIFF\0\1\2\3WAVEfmt " + b"\0" * 2000,
    "an archive": b"PK\x03\x04\0\0" + b"\0" * 2000,
}


@pytest.mark.parametrize("head", NO_VIDEOS.values(), ids=NO_VIDEOS)
@pytest.mark.parametrize("declared", ["video/mp4", "application/octet-stream", ""])
def test_no_page_and_no_text_is_a_video_whatever_it_is_called(head, declared):
    assert not is_video(head, declared)


def test_bytes_that_could_be_anything_are_what_they_are_called():
    head = b"\0\1\2\3" + b"\0" * 2000
    assert is_video(head, "video/mp4")
    assert not is_video(head, "image/png")


VIDEOS = {
    "MP4": (b"\0\0\0\x18ftypmp42" + b"\0" * 100, "video/mp4"),
    "MP4 whose first box is as long as a bracket's code": (b"\0\0\0<ftypmp42" + b"\0" * 100, "video/mp4"),
    "MP4 with a page in its metadata": (b"\0\0\0\x18ftypmp42\0\0\0\0" + PAGE.encode(), "video/mp4"),
    "MP4 that begins with a large box": (b"\0\0\0\x01mdat" + b"\x20" * 100, "video/mp4"),
    "QuickTime": (b"\0\0\0\x14ftypqt  " + b"\0" * 100, "video/quicktime"),
    "WebM": (b"\x1a\x45\xdf\xa3\x9f" + b"\x42" * 100, "video/webm"),
    "AVI": (b"RIFF\0\1\2\3AVI LIST" + b"\0" * 100, "video/x-msvideo"),
    "MPEG transport stream": ((b"\x47\x40\0\x10" + b"\xff" * 184) * 4, "video/mp2t"),
    "Flash video": (b"FLV\x01\x05\0\0\0\x09" + b"\0" * 100, "video/x-flv"),
}


@pytest.mark.parametrize(("head", "kind"), VIDEOS.values(), ids=VIDEOS)
@pytest.mark.parametrize("declared", ["video/mp4", "text/html", ""])
def test_a_video_is_one_whatever_it_is_called(head, kind, declared):
    assert is_video(head, declared)
    assert media_type(head, "") == kind


NEARLY = {
    "AVI's boxes of another kind": b"RIFF\0\1\2\3WAVE",
    "AVI's name in another place": b"\0\0\0\0\0\0\0\0AVI ",
    "one mark of a transport stream": b"\x47" + b"\0" * 300,
    "the second mark of a transport stream": b"\0" * 188 + b"\x47" + b"\0" * 300,
}


@pytest.mark.parametrize("head", NEARLY.values(), ids=NEARLY)
def test_what_only_looks_like_a_video_is_called_what_it_was_declared(head):
    assert media_type(head, "") == "application/octet-stream"
    assert media_type(head, " Video/MPEG; a=b") == "video/mpeg"
    assert media_type(head, "text/plain") == "application/octet-stream"


@pytest.mark.parametrize(
    "declared", ["application/json", "a/problem+json", "application/xml", "text/plain", "audio/mp4"]
)
def test_bytes_that_could_be_anything_are_no_video_where_they_are_called_something_else(declared):
    assert not is_video(b"\0\1\2\3" + b"\0" * 2000, declared)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", True),
        (" BR ", True),
        ("identity, zstd", True),
        ("", False),
        ("identity", False),
        ("utf-8, aws-chunked", False),
    ],
)
def test_only_what_compresses_counts_as_packed(encoding, packed):
    assert is_packed(encoding) is packed


SAID = {
    "a playlist": (b"\xef\xbb\xbf#EXTM3U\n", "", "playlist"),
    "a playlist of DASH": (b"<MPD>", "", "playlist"),
    "what is called a playlist": (b"\0", "application/vnd.apple.mpegurl", "playlist"),
    "what is called a picture": (b"\0", "image/png", "picture"),
    "a JPEG": (b"\xff\xd8\xff", "", "picture"),
    "an AVIF": (b"\0\0\0\x1cftypavif", "", "picture"),
    "a WebP": (b"RIFF\0\0\0\0WEBP", "", "picture"),
}


@pytest.mark.parametrize(("head", "declared", "said"), SAID.values(), ids=SAID)
def test_what_a_link_serves_instead_is_said(head, declared, said):
    assert said in no_video_said(head, declared)


def test_and_of_anything_else_nothing():
    assert no_video_said(b"RIFF\0\0\0\0AVI ", "video/mp4") == ""


def box(name: bytes, content: bytes = b"", *, size: int | None = None) -> bytes:
    return (8 + len(content) if size is None else size).to_bytes(4) + name + content


FTYP, MOOV, MDAT = box(b"ftyp", b"mp42"), box(b"moov", b"x" * 30), box(b"mdat", b"y" * 100)
LARGE = box(b"mdat", (16 + 50).to_bytes(8) + b"y" * 50, size=1)
#: An MP4's bytes, and whether it is whole.
MP4S = {
    "whole": (FTYP + MOOV + MDAT, True),
    "whole, with the index at its end": (FTYP + MDAT + MOOV, True),
    "whole, with a large box": (FTYP + LARGE + MOOV, True),
    "whole, with an empty box": (FTYP + box(b"free") + MOOV, True),
    "whole, with a box that says less than its own head has": (FTYP + box(b"free", size=3) + MOOV, True),
    "whole, with a last box that is open": (FTYP + MOOV + box(b"mdat", b"y" * 9, size=0), True),
    "of the index alone": (MOOV, True),
    "without an index": (FTYP + MDAT, False),
    "without an index, with a last box that is open": (FTYP + box(b"mdat", b"y" * 9, size=0), False),
    "cut in a box": ((FTYP + MOOV + MDAT)[:-1], False),
    "cut in the head of a box": (FTYP + MOOV + MDAT[:7], False),
    "cut in the head of a large box": (FTYP + MOOV + LARGE[:15], False),
    "cut in a large box": (FTYP + MOOV + LARGE[:-1], False),
    "with bytes behind it": (FTYP + MOOV + b"z", False),
    "nothing": (b"", False),
}


@pytest.mark.parametrize(("data", "is_whole"), MP4S.values(), ids=MP4S)
@pytest.mark.parametrize("step", [1, 7, 8, 16, 17, 1000])
def test_an_mp4_is_whole_where_its_last_box_ends_however_it_comes(data, is_whole, step):
    boxes = Mp4Boxes()
    for start in range(0, len(data), step):
        boxes.feed(data[start : start + step])
    assert boxes.is_whole is is_whole
