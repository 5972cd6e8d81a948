"""The table that is printed: what was measured, what it must reach, and whether it does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of the table.

    :param most: what the value may reach at most; with ``least`` instead: what it must reach. Neither: for comparison.
    :param note: what the value was made of, and what stands beside it.
    """

    measure: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def missed(self) -> bool:
        """Whether the value does not reach what it must."""
        above = self.most is not None and self.value > self.most
        return above or (self.least is not None and self.value < self.least)

    @property
    def target(self) -> str:
        """What it must reach, in words."""
        if self.most is not None:
            return f"at most {self.most:g}"
        return f"at least {self.least:g}" if self.least is not None else ""

    @property
    def verdict(self) -> str:
        """Whether it does."""
        if not self.target:
            return ""
        return "MISSED" if self.missed else "ok"

    def to_json(self) -> dict[str, Any]:
        """Return the row with its verdict."""
        return asdict(self) | {"missed": self.missed if self.target else None}


def text_of(rows: list[Row]) -> str:
    """Return the table."""
    width = max(len(row.measure) for row in rows)
    lines = [f"{'measure':{width}} {'measured':>12} {'must reach':>14}         note", "-" * (width + 70)]
    for row in rows:
        value = f"{row.value:.2f} {row.unit}".strip() if row.value < 100 else f"{row.value:.0f} {row.unit}".strip()
        lines.append(f"{row.measure:{width}} {value:>12} {row.target:>14} {row.verdict:7} {row.note}".rstrip())
    return "\n".join(lines)
