"""The code blocks of the Markdown pages, and what is said of each in the comments before it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PROJECT = Path(__file__).parents[2]
#: What a comment before a block may say of it.
_REMARK = re.compile(r"<!--\s*(not run|file|database):\s*(.+?)\s*-->", re.DOTALL)

PYTHON = ("python",)
SHELL = ("shell", "bash", "sh", "console")
DATA = ("yaml", "json", "ini", "toml", "csv", "sql", "dockerfile")
TEXT = ("text", "")
#: Not fenced: nobody can say what it is.
INDENTED = "indented"
#: Sphinx does them, and `make docs` fails where it cannot.
DIRECTIVES = ("{eval-rst}",)


@dataclass(frozen=True)
class Block:
    """One block.

    :param page: path of its page in the repository.
    :param line: of its first line, for people.
    :param language: the fence's; empty where it names none.
    :param remarks: ``not run`` (the reason), ``file`` and ``database`` (what the block is the content of).
    """

    page: str
    line: int
    language: str
    text: str
    remarks: dict[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why it is not run; ``None`` where it is."""
        return self.remarks.get("not run")

    @property
    def file_name(self) -> str | None:
        """The file that a Python block says it is: its first line is a comment such as ``# dags/fox_video.py``."""
        named = re.match(r"# ((?:[\w.-]+/)+[\w.-]+\.py)\b", self.text)
        return named[1] if named else None

    @property
    def is_dag(self) -> bool:
        """Whether it defines a DAG."""
        return self.language in PYTHON and re.search(r"^@dag\b|\bDAG\(", self.text, re.MULTILINE) is not None


def pages() -> list[Path]:
    """Return the Markdown that users read."""
    return [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]


@functools.cache
def all_blocks() -> tuple[Block, ...]:
    """Return the blocks of all pages."""
    return tuple(block for page in pages() for block in blocks_of(page))


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of one page, indented ones too."""
    name = page.relative_to(PROJECT).as_posix() if page.is_relative_to(PROJECT) else page.name
    return list(_blocks(name, MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))))


def _blocks(page: str, tokens: list[Token]) -> Iterator[Block]:
    remarks: dict[str, str] = {}
    for token in tokens:
        if token.type == "html_block":
            remarks.update({kind: " ".join(said.split()) for kind, said in _REMARK.findall(token.content)})
        elif token.type in ("fence", "code_block"):
            assert token.map is not None
            language = token.info.strip().split(" ")[0] if token.type == "fence" else INDENTED
            first = token.map[0] + (2 if token.type == "fence" else 1)
            yield Block(page, first, language, token.content, dict(remarks))
            remarks.clear()
        elif remarks and token.nesting >= 0 and token.type not in ("list_item_open",):
            raise AssertionError(f"{page}: the remark {remarks} stands before something that is no code block")
