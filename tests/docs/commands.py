"""Checks that what a shell block tells a user to type exists. What cannot be typed is an AssertionError."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import io
import json
import re
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sora2_provider import get_provider_info

PROJECT = Path(__file__).parents[2]


def commands_of(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        command: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("|&;"):
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def check(words: list[str], emulator: str) -> None:
    """Check one command; what asks an emulator on its usual port asks the one at this URL."""
    match words:
        case ["export", *assignments] if assignments:
            for one in assignments:
                _check_variable(*one.split("=", 1))
        case ["pip" | "make" as program, *arguments]:
            for one in arguments:
                (_check_requirement if program == "pip" else _check_target)(one)
        case ["python", "-m", "pip", *arguments]:
            check(["pip", *arguments], emulator)
        case ["python", "-m", "sora2_provider.emulator", *arguments]:
            _start_emulator(arguments)
        case ["python", "-m", module, *_]:
            found = importlib.util.find_spec(module)
            is_package = found and found.submodule_search_locations
            assert importlib.util.find_spec(f"{module}.__main__") if is_package else found, f"there is no {module}"
        case ["airflow", *arguments]:
            _parse(_airflow_parser(), arguments)
        case ["curl", *arguments]:
            _ask(arguments, emulator)
        case ["kubectl", *arguments]:
            # What runs in a pod is ours; the rest is the cluster's business.
            if "--" in arguments:
                check(arguments[arguments.index("--") + 1 :], emulator)
        case _:
            assert words[0] == "jq", f"nothing is known of {words}: check it in commands.py, or say why it is not run"


def _check_target(argument: str) -> None:
    variable, is_assigned, _ = argument.partition("=")
    definition = rf"^{variable} *[?:]?=" if is_assigned else rf"^{argument}:.*## "
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert re.search(definition, makefile, re.MULTILINE), f"the Makefile has no {argument}"


def _check_requirement(argument: str) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if "sora" in argument or argument.startswith("airflow-provider-"):
        named = re.fullmatch(rf"{project['name']}(?:\[([\w,]+)\])?(?:[=<>~!].*)?", argument)
        assert named, f"{argument!r} is not this distribution's name"
        assert set((named[1] or "emulator").split(",")) <= set(project["optional-dependencies"]), argument


def _check_variable(name: str, value: str) -> None:
    from airflow.configuration import conf

    if name.startswith("AIRFLOW_CONN_"):
        assert not value.startswith("{") or json.loads(value)["conn_type"] == "sora2", value
        return
    section, _, option = name.removeprefix("AIRFLOW__").lower().partition("__")
    ours = get_provider_info()["config"]["sora2"]["options"]
    assert option in ours if section == "sora2" else conf.has_option(section, option), f"there is no option {name}"


def _start_emulator(arguments: list[str]) -> None:
    """Start it as the page says, but on a free port, and see that it serves."""
    command = [sys.executable, "-m", "sora2_provider.emulator", *arguments, "--port", "0", "--canned"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout
            url = re.search(r"http://\S+", process.stdout.readline())
            assert url, f"the emulator does not start with {arguments}"
            urllib.request.urlopen(f"{url[0]}/_emulator/", timeout=30).close()
        finally:
            process.terminate()


@functools.cache
def _airflow_parser() -> argparse.ArgumentParser:
    from airflow.cli.cli_parser import get_parser

    made: argparse.ArgumentParser = get_parser()
    return made


def _parse(parser: argparse.ArgumentParser, arguments: list[str]) -> Any:
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            return parser.parse_args(arguments)
        except SystemExit:
            raise AssertionError(f"{' '.join(arguments)}: {said.getvalue()[-400:]}") from None


def _ask(arguments: list[str], emulator: str) -> None:
    """Do what curl would do, at the test's own emulator."""
    parser = argparse.ArgumentParser("curl")
    parser.add_argument("-X")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d", type=str.encode)
    parser.add_argument("url")
    asked = _parse(parser, arguments)
    url, ours = re.subn(r"^http://(127\.0\.0\.1|localhost):8900(?=/_emulator)", emulator, asked.url)
    assert ours, "curl is only known to ask the emulator"
    headers = dict(re.split(r":\s*", header, maxsplit=1) for header in asked.H)
    urllib.request.urlopen(urllib.request.Request(url, asked.d, headers, method=asked.X), timeout=30).close()
