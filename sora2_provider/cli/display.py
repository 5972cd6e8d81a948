"""How findings and videos look in a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pendulum
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sora2_provider.cli.doctor.report import Finding, Report, State
from sora2_provider.gateway.models import Video, VideoStatus

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red", State.SKIP: "dim"}
_STATUS_STYLES = {VideoStatus.COMPLETED: "green", VideoStatus.FAILED: "bold red", VideoStatus.CANCELLED: "yellow"}


def print_json(value: Mapping[str, Any]) -> None:
    """Print JSON, unwrapped and without colours."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201


def print_yaml(value: Mapping[str, Any]) -> None:
    """Print YAML in the order given."""
    print(yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True), end="")  # noqa: T201


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the doctor's report: one check a line, and below it what to do."""
    console = console or Console(highlight=False)
    console.print()
    console.print(Text.assemble(("Sora 2 doctor", "bold"), f"  {report.conn_id}  {report.base_url}".rstrip()))
    console.print()
    rows = _grid()
    for finding in report.findings:
        rows.add_row(Text(finding.state, _STYLES[finding.state]), Text(finding.check, "bold"), _told(finding))
    console.print(rows)
    console.print()
    console.print(_summary(report))


def _told(finding: Finding) -> Text:
    told = Text(finding.seen, "dim" if finding.state is State.SKIP else "")
    if finding.to_do:
        told.append(f"\nTo do: {finding.to_do}", "cyan")
    return told


def _summary(report: Report) -> Text:
    failed, warned, skipped = (report.count(state) for state in (State.FAIL, State.WARN, State.SKIP))
    parts = [
        f"{failed} to fix" if failed else "",
        f"{warned} to look at" if warned else "",
        f"{skipped} not checked" if skipped else "",
    ]
    rest = ", ".join(part for part in parts if part)
    fine = f"{report.count(State.OK)} of {len(report.findings)} checks are fine"
    text = f"{fine}; {rest}." if rest else f"All {len(report.findings)} checks are fine."
    return Text(f"{text} Nothing was paid.", "bold red" if failed else "bold")


def print_video(
    video: Video, conn_id: str, console: Console | None = None, *, now: pendulum.DateTime | None = None
) -> None:
    """Print a video, one fact a line."""
    console = console or Console(highlight=False)
    now = now or pendulum.now("UTC")
    rows = _grid(1)
    rows.add_row(Text("id", "bold"), Text(video.id))
    rows.add_row(Text("connection", "bold"), Text(conn_id))
    rows.add_row(Text("status", "bold"), _status(video))
    for name, moment in (
        ("created", video.created_at),
        ("updated", video.updated_at),
        ("completed", video.completed_at),
    ):
        if moment is not None:
            rows.add_row(Text(name, "bold"), _time(moment, now))
    if video.model:
        rows.add_row(Text("model", "bold"), Text(video.model))
    if video.status is VideoStatus.FAILED:
        rows.add_row(Text("error", "bold"), _error(video))
    if video.status is VideoStatus.COMPLETED:
        rows.add_row(Text("link", "bold"), _link(video, now))
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
    said = video.error_message or "The gateway does not say why."
    code = f" (code {video.error_code})" if video.error_code and video.error_code != said else ""
    error = Text(f"{said}{code}")
    again = (
        "The same request would fail again: change the prompt or the images."
        if video.failure_permanent
        else "The same request may work when it is submitted again, which is a new create."
    )
    error.append(f"\n{again}", "cyan")
    return error


def _link(video: Video, now: pendulum.DateTime) -> Text:
    if not video.url:
        return Text("The answer holds none; Sora2DownloadVideoOperator asks the gateway's content route for the file.")
    if video.expires_at is None:
        return Text("It does not say how long it works: store the file soon.")
    if video.expires_at < now:
        return Text(f"It expired {_span(video.expires_at, now)} ago.", "yellow")
    return Text(f"It works for another {_span(now, video.expires_at)}.")


def _time(moment: pendulum.DateTime, now: pendulum.DateTime) -> Text:
    seconds = (now - moment).total_seconds()
    ago = f" ({_span(moment, now)} ago)" if seconds >= 1 else ""
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
