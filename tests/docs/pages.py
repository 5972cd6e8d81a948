"""The Markdown pages that users read, and their code blocks as Sybil finds and evaluates them."""

from __future__ import annotations

from pathlib import Path

from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from tests.docs.evaluators import EVALUATORS

PROJECT = Path(__file__).parents[2]
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]
SYBIL = Sybil([SkipParser(), *(CodeBlockParser(language, evaluate) for language, evaluate in EVALUATORS.items())])
#: By the page's path in the repository.
DOCUMENTS: dict[str, Document] = {page.relative_to(PROJECT).as_posix(): SYBIL.parse(page) for page in PAGES}
EXAMPLES: list[Example] = [example for document in DOCUMENTS.values() for example in document]


def place_of(example: Example) -> str:
    return f"{Path(example.path).relative_to(PROJECT).as_posix()}:{example.line}"


def language_of(example: Example) -> str | None:
    """Return the fence's language; ``None`` for ``<!-- skip: next "why" -->``, which is an example to Sybil."""
    return example.region.lexemes.get("arguments")


def blocks(language: str, page: str | None = None) -> list[str]:
    """Return the texts in a language, of one page or of all."""
    found = EXAMPLES if page is None else list(DOCUMENTS[page])
    return [example.parsed for example in found if language_of(example) == language]
