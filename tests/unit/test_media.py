"""What is a video is told by its bytes, and nobody can talk a page into one."""

from __future__ import annotations

import pytest

from sora2_provider.gateway.download.media_types import is_video, media_type

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
