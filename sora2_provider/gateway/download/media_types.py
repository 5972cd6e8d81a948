"""Tells a video from anything else by its first bytes, and a whole MP4 from a cut one by its boxes."""

from __future__ import annotations

_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
#: Pictures that use the boxes of MP4.
_PICTURE_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis")
_SIGNATURES = ((b"\x1a\x45\xdf\xa3", "video/webm"), (b"OggS", "video/ogg"), (b"FLV\x01", "video/x-flv"))
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM")
#: Other things that come under a video's link: pictures, archives, documents.
_NO_VIDEOS = (*_PICTURES, b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"ID3", b"fLaC")
_PACKINGS = ("gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress")
_NO_VIDEO_TYPES = ("image/", "audio/", "text/", "application/zip", "application/pdf", "application/gzip", "font/")
_UNKNOWN = "application/octet-stream"
#: How pages and JSON begin, whatever they are called; and what stands near the beginning of a page.
_TEXT_STARTS = (b"<", b"{", b"[")
_TEXT_BLANKS = bytes(range(33)) + b"\xef\xbb\xbf\xff\xfe"
_PAGE_MARKS = (b"<!doctype", b"<html", b"<head", b"<body", b"<script")


def media_type(head: bytes, declared: str) -> str:
    """Return the media type, by the first bytes where they tell, else as the server declared it.

    :param head: the first bytes of the file.
    :param declared: the ``Content-Type`` header.
    """
    stated = _stated(declared)
    if _begins_with_a_box(head) and head[8:12] not in _PICTURE_BRANDS:
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "video/x-msvideo"
    if head[:1] == b"\x47" and head[188:189] == b"\x47":
        return "video/mp2t"
    found = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)
    return found or (stated if stated.startswith("video/") else _UNKNOWN)


def is_packed(encoding: str) -> bool:
    """Whether a ``Content-Encoding`` says that the bytes are compressed: others are put there by mistake."""
    return any(one.strip().lower() in _PACKINGS for one in encoding.split(","))


def is_known(head: bytes) -> bool:
    """Whether a file's first bytes tell that it is a video."""
    return media_type(head, "") != _UNKNOWN


def no_video_said(head: bytes, declared: str) -> str:
    """Return what a link serves instead of a video, for people; empty where that is not known."""
    stated = _stated(declared)
    if head.lstrip(_TEXT_BLANKS).startswith((b"#EXTM3U", b"<MPD")) or "mpegurl" in stated:
        return "The link serves a playlist (m3u8), and not the video's file: what a playlist lists is not put together."
    if stated.startswith("image/") or head.startswith(_PICTURES) or head[8:12] in (*_PICTURE_BRANDS, b"WEBP"):
        return "The link serves a picture, and not the video."
    return ""


def is_video(head: bytes, declared: str) -> bool:
    """Whether these can be the first bytes of a video, and not of a page, a JSON answer, a picture or an archive.

    The bytes count first, then the declared type: file servers call a video ``text/plain``, and a proxy's page
    ``video/mp4``.
    """
    if _is_text(head):
        return False
    if is_known(head):
        return True
    stated = _stated(declared)
    if stated.startswith(_NO_VIDEO_TYPES) or stated.endswith(("json", "xml", "html")):
        return False
    return not (head.startswith(_NO_VIDEOS) or head[:4] == b"RIFF" or head[4:8] in _BOXES)


def _is_text(head: bytes) -> bool:
    """Whether these are the first bytes of a text or a page, in whichever encoding, and with odd bytes thrown in."""
    # Control characters other than white space stand in every binary file's beginning, and in no text.
    if not _has_controls(head):
        return True
    if _begins_with_a_box(head):
        return False
    # UTF-16 puts a zero beside each letter.
    letters = head.replace(b"\0", b"").lower()
    return letters.lstrip(_TEXT_BLANKS).startswith(_TEXT_STARTS) or any(mark in letters for mark in _PAGE_MARKS)


def _begins_with_a_box(head: bytes) -> bool:
    """Whether an MP4's box stands here. Four letters before its name are no size, but a text in which that word stands."""
    return head[4:8] in _BOXES and _has_controls(head[:4])


def _has_controls(data: bytes) -> bool:
    return any(byte < 9 or 13 < byte < 32 for byte in data)


class Mp4Boxes:
    """Follows an MP4's top-level boxes through the stream, to tell at its end whether it is whole.

    Needed only where a server names no length: a connection that breaks looks like the end of the file there.
    """

    def __init__(self) -> None:
        self._next_box = 0
        self._position = 0
        self._header = b""
        self._has_moov = False
        self._open_ended = False

    def feed(self, data: bytes) -> None:
        offset = 0
        while offset < len(data) and not self._open_ended:
            skip = self._next_box - (self._position + offset)
            if skip > 0 and not self._header:
                offset += min(skip, len(data) - offset)
                continue
            taken = data[offset : offset + 16 - len(self._header)]
            self._header += taken
            offset += len(taken)
            if len(self._header) >= 8 and (self._header[:4] != b"\0\0\0\x01" or len(self._header) == 16):
                offset -= self._open_box(len(self._header))
        self._position += len(data)

    def _open_box(self, read: int) -> int:
        """Take a box's header; return how many of the bytes read behind it must be looked at again."""
        size, name = int.from_bytes(self._header[:4]), self._header[4:8]
        length = 8
        if size == 1:
            size, length = int.from_bytes(self._header[8:16]), 16
        self._has_moov = self._has_moov or name == b"moov"
        self._open_ended = size == 0
        self._next_box += max(size, length)
        self._header = b""
        return read - length

    @property
    def is_whole(self) -> bool:
        """Whether the file ends where its last box does, and holds its index."""
        ends = self._open_ended or (self._position == self._next_box and not self._header)
        return ends and self._has_moov


def _stated(declared: str) -> str:
    return declared.partition(";")[0].strip().lower()
