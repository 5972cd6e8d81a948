"""Every code block of the documentation is run, or checked as far as it can be; or it says why not."""

from __future__ import annotations

import configparser
import csv
import gc
import io
import json
import re
import sqlite3
import subprocess
import sys
import tomllib
import urllib.request

import pytest
import yaml

from sora2_provider import get_provider_info
from tests.docs.blocks import Block, all_blocks, blocks_of
from tests.docs.commands import BadCommand, check, commands_of
from tests.docs.kinds import COMMANDS, DRAWING, NOT_RUN, PARSED, SNIPPET, UNKNOWN, kind_of, of_kind

BLOCKS = all_blocks()
#: How a line begins that is a command after all, and belongs into a shell block.
_TYPED = re.compile(r"^\s*(\$ |make [a-z]|airflow [a-z]|pip3? install|python3? -m |export [A-Z]|curl )", re.MULTILINE)
_INSTRUCTIONS = ("FROM", "USER", "RUN", "COPY", "ENV", "ARG", "WORKDIR")


def test_there_are_blocks_to_run():
    assert len(BLOCKS) > 30
    assert {"README.md", "README.zh-CN.md", "docs/tour.md", "docs/emulator.md"} <= {block.page for block in BLOCKS}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_of_a_kind_that_is_tested(block):
    assert kind_of(block) != UNKNOWN, f"{block}: {block.language!r} has no test; is it a fence with a language?"
    if kind_of(block) == NOT_RUN:
        assert len(block.reason.split()) >= 3, f"{block}: say why it is not run"


@pytest.mark.parametrize("block", of_kind(BLOCKS, SNIPPET), ids=str)
def test_python_runs(block, gateway, ti, monkeypatch):
    thresholds = gc.get_threshold()
    names = {"__name__": "a_file", "emulator": gateway, "fault": gateway.fault, "ti": ti, "monkeypatch": monkeypatch}
    try:
        exec(compile(block.text, str(block), "exec"), names)
    finally:
        gc.set_threshold(*thresholds)


@pytest.mark.parametrize("block", of_kind(BLOCKS, COMMANDS), ids=str)
def test_commands_exist(block, gateway):
    commands = [words for words in commands_of(block.text) if words]
    assert commands, f"{block} holds no command"
    for words in commands:
        program = check(words)
        if words[:3] == ["python", "-m", "sora2_provider.emulator"]:
            _start_emulator(words[3:])
        if program == "curl":
            _ask(words[1:], gateway.url)


@pytest.mark.parametrize("block", of_kind(BLOCKS, PARSED), ids=str)
def test_data_can_be_read(block):
    READERS[block.language](block)


@pytest.mark.parametrize("block", of_kind(BLOCKS, DRAWING), ids=str)
def test_output_and_drawings_hold_no_command(block):
    assert not _TYPED.search(block.text), f"{block}: fence it as shell, so that it is checked"


@pytest.mark.parametrize(
    "line",
    [
        "make no-such-target",
        "make demo NO_SUCH=1",
        "pip install 'airflow-provider-sora2[no-such-extra]'",
        "pip install airflow-provider-sora",
        "airflow dags no-such-command",
        "airflow pools set sora2 8 creates --no-such-option",
        "python -m sora2_provider.no_such_module",
        "python -m sora2_provider.emulator --no-such-option",
        "export AIRFLOW__SORA2__NO_SUCH_OPTION=1",
        "export AIRFLOW__CORE__NO_SUCH_OPTION=1",
        "no-such-program --help",
        "curl https://example.com",
    ],
)
def test_a_command_that_does_not_exist_is_found(line):
    [words] = commands_of(line)
    with pytest.raises(BadCommand):
        check(words)


def test_an_unmarked_block_fails_and_a_remark_belongs_to_a_block(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: needs a cluster -->\n\n```shell\nhelm install\n```\n\n```perl\nprint\n```\n")
    marked, unmarked = blocks_of(page)
    assert (kind_of(marked), marked.reason) == (NOT_RUN, "needs a cluster")
    assert kind_of(unmarked) == UNKNOWN
    page.write_text("<!-- not run: needs a cluster -->\n\nA paragraph.\n")
    with pytest.raises(AssertionError, match="no code block"):
        blocks_of(page)


def _start_emulator(arguments: list[str]) -> None:
    """Start it as the page says, but on a free port, and see that it serves."""
    free = [*arguments, "--port", "0", "--canned"]
    command = [sys.executable, "-m", "sora2_provider.emulator", *free]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            greeting = process.stdout.readline()
            url = re.search(r"http://\S+", greeting)[0]
            with urllib.request.urlopen(f"{url}/_emulator/", timeout=30) as answer:
                assert answer.status == 200
        finally:
            process.terminate()


def _ask(arguments: list[str], url: str) -> None:
    """Do what curl would do, at the test's own emulator."""
    method, headers, body, address = "GET", {}, None, ""
    rest = iter(arguments)
    for argument in rest:
        if argument == "-X":
            method = next(rest)
        elif argument == "-H":
            name, _, value = next(rest).partition(":")
            headers[name] = value.strip()
        elif argument == "-d":
            body = next(rest)
            json.loads(body)
        elif argument.startswith("-"):
            raise BadCommand(f"curl's option {argument} is not known here")
        else:
            address = re.sub(r"^(http://)?(127\.0\.0\.1|localhost):8900", url, argument)
    request = urllib.request.Request(address, method=method, headers=headers, data=body.encode() if body else None)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def _read_ini(block: Block) -> None:
    read = configparser.ConfigParser(interpolation=None)
    read.read_string(block.text)
    assert read.sections(), f"{block} has no section"
    known = get_provider_info()["config"]["sora2"]["options"]
    for name in read["sora2"] if read.has_section("sora2") else ():
        assert name in known, f"{block}: there is no option [sora2] {name}"


def _read_csv(block: Block) -> None:
    header, *rows = csv.reader(io.StringIO(block.text))
    assert rows, f"{block} has no rows"
    assert {len(row) for row in rows} == {len(header)}


def _read_sql(block: Block) -> None:
    sqlite3.connect(":memory:").executescript(block.text)


def _read_dockerfile(block: Block) -> None:
    lines = [line for line in block.text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    assert all(line.split(" ")[0] in _INSTRUCTIONS for line in lines), lines


def _read_yaml(block: Block) -> None:
    assert all(isinstance(one, (dict, list)) for one in yaml.safe_load_all(block.text))


READERS = {
    "csv": _read_csv,
    "dockerfile": _read_dockerfile,
    "ini": _read_ini,
    "json": lambda block: json.loads(block.text),
    "sql": _read_sql,
    "toml": lambda block: tomllib.loads(block.text),
    "yaml": _read_yaml,
}
