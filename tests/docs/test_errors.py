"""docs/errors.md names every class that a user may catch, and says nothing that the package does not."""

from __future__ import annotations

import ast
import functools
import inspect
import re

import pytest

from sora2_provider import exceptions
from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.reporting.endings import End, Ending
from sora2_provider.reporting.failures import failure
from tests.docs.pages import DOCUMENTS, PROJECT

PAGE = DOCUMENTS["docs/errors.md"].text
#: Line, message, and the cells beside it: what happened, what to do, whether retries apply.
ROWS = [
    (f"line {number}", match[1], [cell.strip() for cell in match[2].split("|")])
    for number, line in enumerate(PAGE.splitlines(), 1)
    if (match := re.fullmatch(r"\| `([^`]+)` \|(.+\|.+\|.+)\|", line))
]
#: The hook's errors that are not retried are left out: they are caught as what they stand for.
CLASSES = {
    name: one
    for module, base in ((errors, errors.GatewayError), (exceptions, exceptions.Sora2Error))
    for name, one in inspect.getmembers(module, inspect.isclass)
    if issubclass(one, base)
}


@functools.cache
def written() -> str:
    """Return all that the package's sources hold in quotes, with ``…`` where a value stands, blanks made single."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted((PROJECT / "sora2_provider").rglob("*.py"))]
    return "\n".join(" ".join(_text(node).split()) for tree in trees for node in ast.walk(tree) if _text(node))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def longest_part(message: str) -> str:
    """Return the most that a message says between two values, in one sentence."""
    return max(re.split(r"…|(?<=[.:;,]) |it must be ", message), key=len).strip(" .")


@pytest.mark.parametrize(("line", "message", "cells"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_is_about_a_message_of_the_package_and_says_what_to_do(line, message, cells):
    assert longest_part(message) in written(), f"docs/errors.md, {line}: no message says this any more"
    assert all(cells), line
    assert cells[-1] in ("yes", "no", "any", "–")


def row_of(message: str) -> str | None:
    """Return the most telling row that a whole message fits."""
    fits = [row for _, row, _ in ROWS if re.search(".*".join(map(re.escape, row.split("…"))), message)]
    return max(fits, key=len, default=None)


@pytest.mark.parametrize("durable", [True, False], ids=["with a record", "without a record"])
@pytest.mark.parametrize("transient", [True, False], ids=["for now", "for good"])
@pytest.mark.parametrize("end", [end for end in End if end is not End.COMPLETED])
def test_whatever_way_a_video_ends_the_page_has_a_row_for_what_the_task_says(end, transient, durable):
    error = (
        errors.SubmissionUnknown("away") if "UNKNOWN" in end.name else errors.GatewayError("away", transient=transient)
    )
    video = Video("video_1", VideoStatus.FAILED, failure_permanent=not transient)
    ending = Ending(end, "video_1", "sora2_default", durable, video, error, "2 min", 1.0, transient, "/videos/")
    said = failure(ending)
    row = row_of(str(said))
    assert row is not None, said
    retries = next(cells[-1] for _, message, cells in ROWS if message == row)
    assert retries in ("–", "yes" if said.retry else "no"), (said, row)


def test_every_class_is_on_the_page_with_its_remedy():
    table = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", PAGE, re.MULTILINE))
    assert set(table) == set(CLASSES)
    remedies = {name: one.remedy for name, one in CLASSES.items() if isinstance(getattr(one, "remedy", None), str)}
    assert {name: table[name] for name in remedies} == remedies


def test_a_message_that_is_not_in_the_package_is_noticed():
    assert len(ROWS) > 100
    assert longest_part("Video … went for a walk.") not in written()
