"""Writes what was measured into the docs, and says whether they are current.

    python -m dev.measured_docs            # take over what build/ has, and write it into the pages
    python -m dev.measured_docs --check    # exit with 1 where a page does not show what docs/measured/ holds

``make system-celery`` leaves its figures in ``build/fleet.json``, ``make bench`` in ``build/benchmarks.json``; those that are
kept, in ``docs/measured/``, come with the repository. What stands between ``<!-- measured: NAME -->`` and ``<!-- end -->`` is made here, never typed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from dev import capacity, fleet_figures

DOCS = Path(__file__).parents[1] / "docs"

PARTS: dict[str, Callable[[], str]] = {
    "fleet": lambda: fleet_figures.tables(fleet_figures.FleetFigures.read()),
    "capacity": lambda: capacity.text(
        capacity.Capacity(capacity.BenchFigures.read(), fleet_figures.FleetFigures.read())
    ),
}
PAGES = (DOCS / "scaling.md", DOCS / "kubernetes.md")

_PART = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def current(page: str) -> str:
    """Return a page's text with its measured parts made anew."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n\n{part[3]}", page)


def parts_of(page: str) -> list[str]:
    """Return the names of a page's measured parts."""
    return [part[2] for part in _PART.finditer(page)]


def take_over(build: Path) -> None:
    """Keep the newest figures, where there are any."""
    if (run := build / "fleet.json").exists():
        fleet_figures.FleetFigures.read(run).write(fleet_figures.KEPT)
    if (bench := build / "benchmarks.json").exists():
        capacity.BenchFigures.of_bench(bench).write(capacity.KEPT)


def main() -> int:
    """Write, or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    if not options.check:
        take_over(DOCS.parent / "build")
    outdated = [page for page in PAGES if current(text := page.read_text(encoding="utf-8")) != text]
    if options.check:
        for page in outdated:
            print(f"{page.name} does not show what docs/measured holds: run make measured-docs", file=sys.stderr)
        return 1 if outdated else 0
    for page in outdated:
        page.write_text(current(page.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"wrote {page.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
