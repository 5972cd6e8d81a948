"""Tells a video from a page or a JSON text by its first bytes."""

from __future__ import annotations

_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
_MARKS = ((b"\x1a\x45\xdf\xa3", "video/webm"), (b"OggS", "video/ogg"), (b"FLV\x01", "video/x-flv"))


def media_type(head: bytes, declared: str) -> str:
    """Return the media type, by the first bytes where they tell, else as the server declared it.

    :param head: the first bytes of the file.
    :param declared: the ``Content-Type`` header.
    """
    stated = declared.partition(";")[0].strip().lower()
    if head[4:8] in _BOXES:
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "video/x-msvideo"
    if head[:1] == b"\x47" and head[188:189] == b"\x47":
        return "video/mp2t"
    found = next((kind for mark, kind in _MARKS if head.startswith(mark)), None)
    return found or (stated if stated.startswith("video/") else "application/octet-stream")


def is_text(head: bytes, declared: str) -> bool:
    """Whether these are the first bytes of a page, a JSON answer or any other text instead of a video.

    The bytes count, not the declared type: file servers call a video ``text/plain`` and a proxy's page ``video/mp4``.
    """
    if media_type(head, "") != "application/octet-stream":
        return False
    stated = declared.partition(";")[0].strip().lower()
    if stated.startswith("text/") or stated.endswith(("json", "xml", "html")):
        return True
    # Control characters other than white space stand in every binary file's beginning, and in no text.
    return not any(byte < 9 or 13 < byte < 32 for byte in head)
