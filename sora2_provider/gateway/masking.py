"""Secrets that do not show themselves, and how to find one in a text however it is written there."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAMES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos", "/": "sol", "+": "plus", "=": "equals"}


class Secret(str):
    """A text whose repr hides it: error trackers and debuggers show the repr of each value that a frame holds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def every_spelling(secrets: Iterable[str]) -> re.Pattern[str]:
    r"""Return a pattern for secrets of ASCII, and for each spelling of them that JSON, HTML, JavaScript or a URL makes.

    Each character may be written in a way of its own: some encoders of JSON write ``\/``, others ``\u0026``, in as many layers
    as there are strings in strings.

    :param secrets: the first that fits is taken, so the longest should come first.
    """
    return re.compile("|".join("".join(map(_spellings, secret)) for secret in secrets) or r"(?!)")


def is_surely_without(secret: bytes, body: bytes) -> bool:
    """Whether a body holds no spelling of a secret, where that can be told fast: what is not plain begins with a mark."""
    return secret not in body and b"\\" not in body and b"%" not in body and b"&" not in body


def _spellings(character: str) -> str:
    # Every repetition is bounded, and a run of backslashes is tried from its first one only: else a text of nothing else
    # takes for ever. Every alternative begins with a character of its own, for which the whole text is searched fast.
    code = ord(character)
    digits = "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{code:02x}")
    plain = re.escape(character)
    backslashed = rf"\\(?<!\\\\)\\{{0,31}}+(?:u00{digits}|x{digits}{'' if character.isalnum() else f'|{plain}'})"
    percent = f"%(?:25){{0,3}}{digits}"
    named = _NAMES.get(character)
    entity = f"&(?:amp;){{0,3}}(?:#0{{0,5}}{code};?|#[xX]0{{0,5}}{digits};?{f'|{named};?' if named else ''})"
    first = r"\\{1,63}+" if character == "\\" else plain
    return f"(?:{backslashed}|{percent}|{entity}|{first})"
