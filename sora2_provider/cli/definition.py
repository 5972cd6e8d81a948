"""The names and arguments of the commands, for Airflow's command line and for ``python -m sora2_provider``.

Airflow loads this at every start of ``airflow``, so it imports nothing but what Airflow's command line has loaded by then.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

DEFAULT_CONN_ID = "sora2_default"

GROUP_HELP = "Check the connection to a Sora 2 gateway, and look at its videos"


class Option(NamedTuple):
    """One argument, as ``argparse`` and Airflow's ``Arg`` both take it."""

    flags: tuple[str, ...]
    about: Mapping[str, Any]


class Command(NamedTuple):
    """One command.

    :param name: also that of its function in :mod:`sora2_provider.cli.commands`, which takes the parsed arguments.
    """

    name: str
    help: str
    description: str
    options: tuple[Option, ...]


def _output(*formats: str) -> Option:
    about = {"choices": formats, "default": "table", "help": f"{', '.join(formats)} (default: table)"}
    return Option(("-o", "--output"), about)


_CONN_ID = Option(
    ("--conn-id",), {"default": DEFAULT_CONN_ID, "help": f"id of the connection (default: {DEFAULT_CONN_ID})"}
)

COMMANDS = (
    Command(
        "doctor",
        "Check a connection end to end, for free, and say what to fix",
        "Checks the connection; the gateway's address, key, routes, models, balance and clock; where create tasks keep their "
        "records; the triggerer; and the installed versions. Costs nothing, because the create route is not called. Run it where "
        "your tasks run. The exit code is 1 if something must be fixed.",
        (_CONN_ID, _output("table", "json")),
    ),
    Command(
        "get",
        "Show a video: status, progress, link, error, times",
        "Asks the gateway once for a video's state. Costs nothing. The exit code is 1 if the gateway does not know the id, or "
        "cannot be asked.",
        (
            Option(("video_id",), {"metavar": "ID", "help": "the video's id, as the create task returned it"}),
            _CONN_ID,
            _output("table", "json", "yaml"),
        ),
    ),
)


def run(command: Command, arguments: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        # Airflow 2.11 announces Airflow 3 whenever it is loaded.
        warnings.simplefilter("ignore")
        function = getattr(import_module("sora2_provider.cli.commands"), command.name)
    return int(function(arguments))


def airflow_commands() -> list[Any]:
    """Return the group ``airflow sora2`` (provider info ``cli``, Airflow 3.2 and later)."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    make_argument: Callable[..., Any] = Arg

    def action(command: Command) -> ActionCommand:
        def start(arguments: argparse.Namespace) -> None:
            raise SystemExit(run(command, arguments))

        return ActionCommand(
            name=command.name,
            help=command.help,
            description=command.description,
            func=start,
            args=tuple(make_argument(flags=option.flags, **option.about) for option in command.options),
        )

    return [GroupCommand(name="sora2", help=GROUP_HELP, subcommands=[action(command) for command in COMMANDS])]


def parser() -> argparse.ArgumentParser:
    """Return the same commands for ``python -m sora2_provider``, which works on every Airflow."""
    made = argparse.ArgumentParser(prog="python -m sora2_provider", description=GROUP_HELP + ".")
    subparsers = made.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        one = subparsers.add_parser(command.name, help=command.help, description=command.description)
        one.set_defaults(command=command)
        for option in command.options:
            one.add_argument(*option.flags, **option.about)
    return made
