"""What a check of the doctor has found."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple


class State(StrEnum):
    """How a check ended. ``SKIP``: it could not be made, and its text says why."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Finding(NamedTuple):
    """One check.

    :param seen: what was seen, in one or two sentences.
    :param to_do: what a person does about it; empty where there is nothing to do.
    """

    check: str
    state: State
    seen: str
    to_do: str = ""


class Report(NamedTuple):
    """All that the doctor found about one connection.

    :param base_url: empty where the connection could not be read.
    """

    conn_id: str
    base_url: str
    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing must be fixed."""
        return not self.count(State.FAIL)

    def count(self, state: State) -> int:
        """Return how many checks ended so."""
        return sum(finding.state is state for finding in self.findings)

    def without(self, secrets: Iterable[str]) -> Report:
        """Return the report with each secret struck out, whoever has repeated it."""

        def struck(text: str) -> str:
            for secret in secrets:
                text = text.replace(secret, "***")
            return text

        secrets = sorted(secrets, key=len, reverse=True)
        cleaned = tuple(Finding(one.check, one.state, struck(one.seen), struck(one.to_do)) for one in self.findings)
        return Report(self.conn_id, self.base_url, cleaned)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "conn_id": self.conn_id,
            "base_url": self.base_url or None,
            "healthy": self.is_healthy,
            "checks": [finding._asdict() for finding in self.findings],
        }


def ok(check: str, seen: str) -> Finding:
    """Nothing to do."""
    return Finding(check, State.OK, seen)


def warn(check: str, seen: str, to_do: str) -> Finding:
    """It works, but not always, or not for long."""
    return Finding(check, State.WARN, seen, to_do)


def fail(check: str, seen: str, to_do: str) -> Finding:
    """It does not work, or must not stay so."""
    return Finding(check, State.FAIL, seen, to_do)


def skip(check: str, why: str) -> Finding:
    """The check could not be made."""
    return Finding(check, State.SKIP, why)
