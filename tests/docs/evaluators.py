"""What becomes of a code block, by its language. An evaluator returns what is wrong, or raises it.

The test puts its ``request`` into the namespace, by which an evaluator asks for the fixtures that it needs.
"""

from __future__ import annotations

import configparser
import csv
import io
import json
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import yaml
from sybil import Example
from sybil.evaluators.python import PythonEvaluator
from sybil.typing import Evaluator

from sora2_provider import get_provider_info
from tests.docs.commands import check, commands_of

#: How a line begins that is a command after all, and belongs into a shell block.
_TYPED = re.compile(r"^\s*(\$ |make [a-z]|airflow [a-z]|pip3? install|python3? -m |export [A-Z]|curl )", re.MULTILINE)
_INSTRUCTION = re.compile(r"(FROM|USER|RUN|COPY|ENV|ARG|WORKDIR) |#|$")


def is_dag(python: str) -> bool:
    return re.search(r"^@dag\b|\bDAG\(", python, re.MULTILINE) is not None


def file_of(python: str) -> str:
    """Return the file that a block says it is: its first line is a comment such as ``# dags/fox_video.py``."""
    named = re.match(r"# ((?:[\w.-]+/)+[\w.-]+\.py)\b", python)
    return named[1] if named else ""


def evaluate_python(example: Example) -> str | None:
    """A DAG has run to its end, a test file passes, and anything else runs, in a namespace of its own."""
    fixture = example.namespace.pop("request").getfixturevalue
    if is_dag(example.parsed):
        return fixture("dag_failures")[example.parsed]
    if file_of(example.parsed).startswith("tests/"):
        return fixture("test_file_failures")[example.parsed]
    example.namespace.update(fixture("names"))
    return PythonEvaluator()(example)


def evaluate_shell(example: Example) -> None:
    """Each command can be typed; those that only talk to the emulator are run."""
    gateway = example.namespace["request"].getfixturevalue("sora2_emulator")
    commands = list(commands_of(example.parsed))
    assert commands, "no command"
    for words in commands:
        check(words, gateway.url)


def _ini(text: str) -> None:
    read = configparser.ConfigParser(interpolation=None)
    read.read_string(text)
    ours = get_provider_info()["config"]["sora2"]["options"]
    assert set(read["sora2"] if read.has_section("sora2") else ()) <= set(ours)


def _csv(text: str) -> None:
    header, *rows = csv.reader(io.StringIO(text))
    assert {len(row) for row in rows} == {len(header)}


def _yaml(text: str) -> None:
    assert all(isinstance(one, (dict, list)) for one in yaml.safe_load_all(text))


def _dockerfile(text: str) -> None:
    assert all(_INSTRUCTION.match(line) for line in text.replace("\\\n", " ").splitlines())


def _text(text: str) -> None:
    assert not _TYPED.search(text), "output and drawings hold no command: fence it as shell, so that it is checked"


def _sql(text: str) -> None:
    sqlite3.connect(":memory:").executescript(text)


READERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "ini": _ini,
    "csv": _csv,
    "sql": _sql,
    "yaml": _yaml,
    "dockerfile": _dockerfile,
    "text": _text,
    # Sphinx does these, and `make docs` fails where it cannot.
    "{eval-rst}": len,
}


def evaluate_data(example: Example) -> None:
    """It can be read."""
    READERS[example.region.lexemes["arguments"]](example.parsed)


EVALUATORS: dict[str, Evaluator] = {
    "python": evaluate_python,
    "shell": evaluate_shell,
    **dict.fromkeys(READERS, evaluate_data),
}
