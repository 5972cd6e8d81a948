"""Reads the tables of the documentation."""

from __future__ import annotations


def table_of(page: str, *head: str) -> list[list[str]]:
    """Return the cells of the one table with this head, row by row."""
    (_, rest) = page.split(f"| {' | '.join(head)} |\n")
    lines = rest.splitlines()[1:]
    end = next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[:end]]
