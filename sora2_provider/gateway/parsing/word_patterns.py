"""Patterns of words, as the tables of what gateways say are written."""

from __future__ import annotations

import re

_LETTER = "a-zà-ÿ"


def words(*latin: str, other: str = "") -> re.Pattern[str]:
    """Return a pattern of alternatives: words in Latin letters, and parts of texts in other scripts.

    :param latin: each with ``*`` for the rest of a word, so ``*`` is no quantifier here.
    """
    whole = "|".join(latin).replace("*", f"[{_LETTER}]{{0,20}}")
    return re.compile(f"(?<![{_LETTER}])(?:{whole})(?![{_LETTER}])" + (f"|{other}" if other else ""), re.I)


def near(these: str, those: str, gap: str) -> str:
    """Return a pattern of one of these before one of those, or the other way round, with no more than a gap between."""
    return f"(?:{these}){gap}(?:{those})|(?:{those}){gap}(?:{these})"
