"""Builds the documentation with Sphinx, from the Markdown as it lies in the repository: ``make docs``.

The source folder is the repository itself, so that a link works in both places. Any warning fails the build.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

# Airflow writes into its home when it is imported; it must not be the user's.
os.environ.setdefault("AIRFLOW_HOME", str(Path(__file__).parents[1] / "build" / "airflow-home"))

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from sora2_provider import __version__

PROJECT = Path(__file__).resolve().parents[1]
INDEX = "docs/index"

project = "airflow-provider-sora2"
author = "The airflow-provider-sora2 authors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = INDEX
include_patterns = ["*.md", "docs/*.md"]
exclude_patterns = [".*", "build", "dist", "demo-output", "constraints", "tests", "dev", "sora2_provider"]
needs_sphinx = "8.0"
nitpicky = True
# Only the package's own names are looked up, and its modules have no pages of their own.
nitpick_ignore_regex = [("py:.*", r"(?!sora2_provider\.).*"), ("py:mod", ".*")]

myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "mixed"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"Sora 2 for Airflow {release}"
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^()\s]+)\)")


def navigation(text: str) -> str:
    """Return the site's navigation, as directives, from the headings and lists of the page that lists all pages."""
    made = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        links = re.findall(r"^- \[(.+?)\]\(([^()\s]+)\)", body, re.MULTILINE)
        entries = [f"{title.replace('`', '')} <{target.removesuffix('.md')}>" for title, target in links]
        if entries:
            made.append("\n".join(["```{toctree}", ":hidden:", f":caption: {heading}", "", *entries, "```"]))
    return "\n\n".join(made)


def without_dead_ends(text: str, folder: Path) -> str:
    """Turn links into plain text that only the repository can follow: to its folders."""

    def kept(match: re.Match[str]) -> str:
        target = match[2].partition("#")[0]
        if "://" in target or not target:
            return match[0]
        path = os.path.relpath(folder / target, PROJECT)
        return match[1] if (PROJECT / path).is_dir() else match[0]

    return _LINK.sub(kept, text)


def read_source(app: Sphinx, docname: str, source: list[str]) -> None:
    """Prepare a page before it is parsed."""
    source[0] = without_dead_ends(source[0], (PROJECT / docname).parent)
    if docname == INDEX:
        others = "```{toctree}\n:hidden:\n\nREADME <../README>\n中文 <../README.zh-CN>\n```"
        source[0] = f"{source[0]}\n\n{others}\n\n{navigation(source[0])}\n"


def finish(app: Sphinx, failure: Exception | None) -> None:
    """Let the site's root lead to its first page."""
    if failure is None and app.builder.format == "html":
        page = f'<!doctype html><meta http-equiv="refresh" content="0; url={INDEX}.html"><a href="{INDEX}.html">{project}</a>\n'
        Path(app.outdir, "index.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Hook into the build."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", read_source)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
