"""Checks that what a shell block tells a user to type exists: commands, targets, modules, options, variables."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import io
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
#: Harmless commands of every system, whose use needs no check.
PLAIN = ("cd", "mkdir", "find", "ls", "cat", "echo", "source", ".", "jq", "git")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


class BadCommand(AssertionError):
    """A command that a user could not type."""


def commands_of(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a block."""
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip().removeprefix("$ ")
        if not line or line.startswith("#"):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        command: list[str] = []
        for word in lexer:
            if word and set(word) <= set("|&;"):
                yield command
                command = []
            else:
                command.append(word)
        if command:
            yield command


def check(words: list[str]) -> str:
    """Check one command, and return its program's name.

    :raises BadCommand: it cannot be typed like this.
    """
    rest = words[1:] if words[0] == "export" else words
    while rest and (assigned := _ASSIGNMENT.fullmatch(rest[0])):
        _check_variable(assigned[1], assigned[2])
        rest = rest[1:]
    if not rest:
        return "export"
    if words[0] == "export":
        raise BadCommand(f"export takes assignments: {words}")
    program, arguments = rest[0], rest[1:]
    if program in ("python", "python3", "python3.12") and arguments[:1] == ["-m"]:
        _check_module(arguments[1], arguments[2:])
    elif program in CHECKS:
        CHECKS[program](arguments)
    elif program not in PLAIN:
        raise BadCommand(
            f"nothing is known of the command {program!r}: check it in commands.py, or say why it is not run"
        )
    return program


def _check_make(arguments: list[str]) -> None:
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z_]+) *[?:]?=", text, re.MULTILINE))
    for argument in arguments:
        assigned = _ASSIGNMENT.fullmatch(argument)
        if assigned and assigned[1] not in variables:
            raise BadCommand(f"the Makefile has no variable {assigned[1]}")
        if not assigned and argument not in targets:
            raise BadCommand(f"the Makefile has no target {argument!r}")


def _check_pip(arguments: list[str]) -> None:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    for argument in arguments:
        named = re.fullmatch(r"(?:airflow-provider-sora2|\.)(?:\[([\w,]+)\])?(?:[=<>~!].*)?", argument)
        for extra in (named[1] or "").split(",") if named and named[1] else []:
            if extra not in project["optional-dependencies"]:
                raise BadCommand(f"there is no extra {extra!r}")
        if ("sora" in argument or argument.startswith("airflow-provider-")) and not named:
            raise BadCommand(f"{argument!r} is not this distribution's name")


def _check_module(module: str, arguments: list[str]) -> None:
    if module == "pip":
        _check_pip(arguments)
        return
    try:
        found = importlib.util.find_spec(f"{module}.__main__") or importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise BadCommand(f"there is no module {module!r}")
    if module == "sora2_provider.emulator":
        from sora2_provider.emulator.__main__ import _parser

        _parse(_parser(), arguments)


def _check_airflow(arguments: list[str]) -> None:
    _parse(_airflow_parser(), arguments)


@functools.cache
def _airflow_parser() -> argparse.ArgumentParser:
    from airflow.cli.cli_parser import get_parser

    made: argparse.ArgumentParser = get_parser()
    return made


def _parse(parser: argparse.ArgumentParser, arguments: list[str]) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parser.parse_args(arguments)
    except SystemExit as exit_:
        if exit_.code:
            raise BadCommand(f"{' '.join(arguments)}: {said.getvalue()[-400:]}") from None


def _check_curl(arguments: list[str]) -> None:
    if not any("127.0.0.1:8900/_emulator" in one or "localhost:8900" in one for one in arguments):
        raise BadCommand("curl is only known to ask the emulator")


def _check_kubectl(arguments: list[str]) -> None:
    """Check what is run in a pod; the rest is the cluster's business."""
    if "--" in arguments:
        check(arguments[arguments.index("--") + 1 :])


def _check_variable(name: str, value: str) -> None:
    if name.startswith("AIRFLOW_CONN_") and value.startswith("{"):
        fields = json.loads(value)
        if fields["conn_type"] != "sora2":
            raise BadCommand(f"{name}: another connection type")
    elif name.startswith("AIRFLOW__SORA2__"):
        from sora2_provider import get_provider_info

        if name.removeprefix("AIRFLOW__SORA2__").lower() not in get_provider_info()["config"]["sora2"]["options"]:
            raise BadCommand(f"there is no option {name}")
    elif name.startswith("AIRFLOW__"):
        from airflow.configuration import conf

        section, _, option = name.removeprefix("AIRFLOW__").lower().partition("__")
        if not conf.has_option(section, option):
            raise BadCommand(f"Airflow has no option [{section}] {option}")


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": _check_make,
    "pip": _check_pip,
    "airflow": _check_airflow,
    "curl": _check_curl,
    "kubectl": _check_kubectl,
}
