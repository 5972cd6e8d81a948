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
        above = self.most is not None and self.value > self.most
        return above or (self.least is not None and self.value < self.least)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"missed": self.missed}

    def to_text(self, width: int) -> str:
        value = f"{self.value:.{2 if self.value < 100 else 0}f} {self.unit}".strip()
        target = f"at most {self.most:g}" if self.most is not None else ""
        if self.least is not None:
            target = f"at least {self.least:g}"
        verdict = ("MISSED" if self.missed else "ok") if target else ""
        return f"{self.measure:{width}} {value:>12} {target:>14} {verdict:7} {self.note}".rstrip()


def text_of(rows: list[Row]) -> str:
    width = max(len(row.measure) for row in rows)
    head = f"{'measure':{width}} {'measured':>12} {'must reach':>14}         note"
    return "\n".join([head, "-" * (width + 70), *(row.to_text(width) for row in rows)])
