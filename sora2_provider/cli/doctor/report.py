"""What the doctor's checks have found."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple


class State(StrEnum):
    """How a check ended.

    ``WARN``: it works, but not always or not for long. ``SKIP``: it could not be made, and its text says why.
    """

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class CheckResult(NamedTuple):
    """The result of one check.

    :param seen: what was found, in one or two sentences.
    :param to_do: what a person does about it; empty where there is nothing to do.
    """

    check: str
    state: State
    seen: str
    to_do: str = ""


class Report(NamedTuple):
    """The results of all checks of one connection.

    :param base_url: empty where the connection could not be read.
    """

    conn_id: str
    base_url: str
    results: tuple[CheckResult, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing must be fixed."""
        return not self.count(State.FAIL)

    def count(self, state: State) -> int:
        return sum(result.state is state for result in self.results)

    def redacted(self, redact: Callable[[str], str]) -> Report:
        """Return the report with each text as ``redact`` returns it."""
        results = (one._replace(seen=redact(one.seen), to_do=redact(one.to_do)) for one in self.results)
        return self._replace(results=tuple(results))

    def to_dict(self) -> dict[str, Any]:
        return {
            "conn_id": self.conn_id,
            "base_url": self.base_url or None,
            "healthy": self.is_healthy,
            "checks": [result._asdict() for result in self.results],
        }


def ok(check: str, seen: str) -> CheckResult:
    return CheckResult(check, State.OK, seen)


def warn(check: str, seen: str, to_do: str) -> CheckResult:
    return CheckResult(check, State.WARN, seen, to_do)


def fail(check: str, seen: str, to_do: str) -> CheckResult:
    return CheckResult(check, State.FAIL, seen, to_do)


def skip(check: str, why: str) -> CheckResult:
    return CheckResult(check, State.SKIP, why)
