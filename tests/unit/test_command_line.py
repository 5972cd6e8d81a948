"""The commands ``doctor`` and ``get``: their arguments, their output and their exit codes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pendulum
import pytest
import yaml
from rich.console import Console

from sora2_provider.cli import definition, display
from sora2_provider.cli.doctor.examine import examine
from sora2_provider.emulator import Emulator
from sora2_provider.gateway.models import Video, VideoStatus
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

NOW = pendulum.datetime(2026, 3, 1, 12, 0, 0, tz="UTC")


def run(*arguments: str) -> int:
    """Run a command as ``python -m sora2_provider`` does."""
    parsed = definition.parser().parse_args(arguments)
    return definition.run(parsed.command, parsed)


@pytest.fixture
def video_id(gateway: Emulator, context: dict[str, Any]) -> str:
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)


def test_the_doctors_exit_code_tells_whether_something_must_be_fixed(gateway, connect, capsys) -> None:
    assert run("doctor") == 0
    assert "checks are fine" in capsys.readouterr().out
    connect(gateway.url, password="wrong-key-of-the-tests")
    assert run("doctor", "--output", "json") == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["healthy"] is False
    assert {one["check"]: one["state"] for one in shown["checks"]}["key"] == "fail"


def test_another_connection_can_be_named(gateway, connect, capsys) -> None:
    connect(gateway.url, conn_id="second")
    assert run("doctor", "--conn-id", "second", "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)["conn_id"] == "second"


def test_a_video_is_shown(gateway, video_id, capsys) -> None:
    gateway.finish(video_id)
    assert run("get", video_id) == 0
    shown = capsys.readouterr().out
    assert video_id in shown
    assert "completed" in shown
    (link,) = [line for line in shown.splitlines() if line.startswith("http")]
    assert link.startswith(f"{gateway.url}/files/")


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_video_is_shown_to_programs(gateway, video_id, capsys, output, read) -> None:
    assert run("get", video_id, "--output", output) == 0
    shown = read(capsys.readouterr().out)
    assert shown["id"] == video_id
    assert shown["conn_id"] == "sora2_default"
    assert shown["status"] in ("queued", "in_progress", "completed")


FAILURES = {
    "an unknown id": (["get", "video_nobody_has"], "The gateway has no video video_nobody_has: task_not_exist"),
    "an empty id": (["get", " "], "video_id"),
    "no such connection": (["get", "v", "--conn-id", "nowhere"], "There is no connection 'nowhere'"),
}


@pytest.mark.parametrize(("arguments", "text"), FAILURES.values(), ids=FAILURES)
def test_what_cannot_be_shown_goes_to_stderr_with_exit_code_1(gateway, capsys, arguments, text) -> None:
    assert run(*arguments, "-o", "json") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert text in err


def test_a_gateway_that_cannot_be_asked_is_told_without_the_key(gateway, capsys) -> None:
    gateway.fault(status=401, times=None, body={"error": {"message": "bad key sk-secret-of-the-tests-4711"}})
    assert run("get", "v") == 1
    err = capsys.readouterr().err
    assert "bad key ***" in err
    assert "API key field" in err


def printed(video: Video) -> str:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    display.print_video(video, "sora2_default", console, now=NOW)
    return console.export_text()


def test_a_failed_video_says_why_and_whether_to_try_again() -> None:
    failed = {"status": VideoStatus.FAILED, "error_message": "violates our policies", "error_code": "sentinel_block"}
    shown = printed(Video("v", failure_permanent=True, **failed))
    assert "violates our policies (code sentinel_block)" in shown
    assert "would fail again" in shown
    assert "may succeed when it is submitted again" in printed(Video("v", **failed))
    assert "gives no reason" in printed(Video("v", VideoStatus.FAILED))


def test_a_video_in_progress_shows_the_gateways_word_and_how_far_it_is() -> None:
    facts = {"status_word": "video_upsampling", "created_at": NOW.subtract(minutes=3)}
    shown = printed(Video("v", VideoStatus.IN_PROGRESS, 45, **facts))
    assert 'in_progress (the gateway says "video_upsampling"), 45 %' in shown
    assert "2026-03-01 11:57:00 UTC (3 minutes ago)" in shown
    assert "link" not in shown


URL = "https://cdn.example.com/v.mp4"
SOON = NOW.add(hours=23, minutes=59, seconds=5)
LINKS = {
    "none": ({}, "holds none"),
    "without an end": ({"url": URL}, "store the file soon"),
    "expired": ({"url": URL, "expires_at": NOW.subtract(hours=2)}, "It expired 2 hours ago."),
    "good": ({"url": URL, "expires_at": SOON}, "It works for another 23 hours 59 minutes."),
}


@pytest.mark.parametrize(("facts", "text"), LINKS.values(), ids=LINKS)
def test_a_link_comes_with_how_long_it_works(facts, text) -> None:
    shown = printed(Video("v", VideoStatus.COMPLETED, **facts))
    assert text in shown
    assert facts.get("url", "") in shown


def test_a_long_link_is_not_wrapped() -> None:
    link = "https://cdn.example.com/" + "x" * 300
    assert link in printed(Video("v", VideoStatus.COMPLETED, url=link)).splitlines()


def test_airflows_command_line_gets_the_same_commands_and_arguments() -> None:
    (group,) = definition.airflow_commands()
    assert group.name == "sora2"
    ours = definition.parser()
    (subparsers,) = [one for one in ours._actions if isinstance(one, argparse._SubParsersAction)]
    assert [one.name for one in group.subcommands] == list(subparsers.choices)
    for command in group.subcommands:
        made = argparse.ArgumentParser(add_help=False)
        for argument in command.args:
            argument.add_to_parser(made)
        words = ["x"] if command.name == "get" else []
        theirs = vars(made.parse_args(words))
        mine = vars(ours.parse_args([command.name, *words]))
        assert theirs == {name: value for name, value in mine.items() if name != "command"}
        with pytest.raises(SystemExit):
            made.parse_args([*words, "--output", "xml"])


def test_airflows_command_ends_with_the_exit_code(gateway, capsys) -> None:
    (group,) = definition.airflow_commands()
    get = next(one for one in group.subcommands if one.name == "get")
    with pytest.raises(SystemExit) as ended:
        get.func(argparse.Namespace(video_id="nobody", conn_id="sora2_default", output="table"))
    assert ended.value.code == 1


def test_the_docs_tell_of_every_check_and_every_option(gateway, connect) -> None:
    text = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    for result in examine("sora2_default").results:
        assert f"| `{result.check}` |" in text
    for command in definition.COMMANDS:
        assert f"## `airflow sora2 {command.name}" in text
        for option in command.options:
            assert option.flags[-1] in text or option.flags == ("video_id",)
