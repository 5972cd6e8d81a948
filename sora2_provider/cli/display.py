"""How results and videos look in a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pendulum
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sora2_provider.cli.doctor.report import Report, State
from sora2_provider.gateway.models import Video, VideoStatus

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red", State.SKIP: "dim"}
_STATUS_STYLES = {VideoStatus.COMPLETED: "green", VideoStatus.FAILED: "bold red", VideoStatus.CANCELLED: "yellow"}


def print_values(values: Mapping[str, Any], output: str) -> None:
    """Print ``json`` or ``yaml`` in the order given, unwrapped and without colours."""
    if output == "json":
        print(json.dumps(values, indent=2, ensure_ascii=False))  # noqa: T201
    else:
        print(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True), end="")  # noqa: T201


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the doctor's report: one check per line, and below it what to do."""
    console = console or Console(highlight=False)
    console.print()
    console.print(Text.assemble(("Sora 2 doctor", "bold"), f"  {report.conn_id}  {report.base_url}".rstrip()))
    console.print()
    rows = _grid()
    for result in report.results:
        text = Text(result.seen, "dim" if result.state is State.SKIP else "")
        if result.to_do:
            text.append(f"\nTo do: {result.to_do}", "cyan")
        rows.add_row(Text(result.state, _STYLES[result.state]), Text(result.check, "bold"), text)
    console.print(rows)
    console.print()
    console.print(_summary(report))


def _summary(report: Report) -> Text:
    counted = {"to fix": State.FAIL, "to look at": State.WARN, "not checked": State.SKIP}
    rest = ", ".join(f"{count} {what}" for what, state in counted.items() if (count := report.count(state)))
    total = len(report.results)
    text = f"{report.count(State.OK)} of {total} checks are fine; {rest}." if rest else f"All {total} checks are fine."
    return Text(f"{text} Nothing was paid.", "bold" if report.is_healthy else "bold red")


def print_video(
    video: Video, conn_id: str, console: Console | None = None, *, now: pendulum.DateTime | None = None
) -> None:
    """Print a video, one fact per line."""
    console = console or Console(highlight=False)
    now = now or pendulum.now("UTC")
    facts = {
        "id": Text(video.id),
        "connection": Text(conn_id),
        "status": _status(video),
        "created": _time(video.created_at, now),
        "updated": _time(video.updated_at, now),
        "completed": _time(video.completed_at, now),
        "model": Text(video.model or ""),
        "error": _error(video) if video.status is VideoStatus.FAILED else None,
        "link": _link(video, now) if video.status is VideoStatus.COMPLETED else None,
    }
    rows = _grid(1)
    for name, fact in facts.items():
        if fact:
            rows.add_row(Text(name, "bold"), fact)
    console.print(rows)
    if video.url:
        # Whole, on a line of its own: a link that is wrapped cannot be copied.
        console.print(Text(video.url), soft_wrap=True)


def _status(video: Video) -> Text:
    status = Text(video.status.value, _STATUS_STYLES.get(video.status, ""))
    if video.status_word and video.status_word.lower() != video.status.value:
        status.append(f' (the gateway says "{video.status_word}")')
    if video.progress is not None and not video.status.is_terminal:
        status.append(f", {video.progress} %")
    return status


def _error(video: Video) -> Text:
    said = video.error_message or "The gateway gives no reason."
    code = f" (code {video.error_code})" if video.error_code and video.error_code != said else ""
    again = (
        "The same request would fail again: change the prompt or the images."
        if video.failure_permanent
        else "The same request may succeed when it is submitted again, which is a new create."
    )
    return Text.assemble(f"{said}{code}\n", (again, "cyan"))


def _link(video: Video, now: pendulum.DateTime) -> Text:
    if not video.url:
        return Text("The answer holds none. Sora2DownloadVideoOperator gets the file from the gateway's content route.")
    if video.expires_at is None:
        return Text("It does not say when it expires: store the file soon.")
    if video.expires_at < now:
        return Text(f"It expired {_span(video.expires_at, now)} ago.", "yellow")
    return Text(f"It works for another {_span(now, video.expires_at)}.")


def _time(moment: pendulum.DateTime | None, now: pendulum.DateTime) -> Text | None:
    if moment is None:
        return None
    ago = f" ({_span(moment, now)} ago)" if (now - moment).total_seconds() >= 1 else ""
    return Text(f"{moment.format('YYYY-MM-DD HH:mm:ss')} UTC{ago}")


def _span(start: pendulum.DateTime, end: pendulum.DateTime) -> str:
    """Return how long that is, in its two largest units."""
    return " ".join((end - start).in_words(locale="en").split()[:4])


def _grid(fixed: int = 2) -> Table:
    rows = Table.grid(padding=(0, 2))
    for _ in range(fixed):
        rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    return rows
