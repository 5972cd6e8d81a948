"""docs/errors.md holds every message that the package can end with, and none that it cannot."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sora2_provider.gateway import errors
from tests.docs import error_inventory
from tests.docs.error_inventory import Message

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
#: An entry that fits more messages than this says too little.
_MOST = 6

#: Errors that carry another message on, by the file and what they are made of: that message is in the inventory itself.
PASSED_ON = {
    ("cli/address.py", "str(error)"): "an error of the network, in a finding of the doctor",
    ("cli/definition.py", "run(command, arguments)"): "an exit code",
    ("limits.py", "f'{place}: {name}={given!r}: {error}'"): "a ValueError of the limits",
    ("tally.py", "target"): "_failures(where): the folder",
    ("tally.py", "path"): "_failures(where): the file",
    ("tally.py", "f'{where}: {type(error).__name__}: {error}'"): "an error of the storage, after the file's name",
    ("gateway/answers.py", "f'{what}.'"): "unreadable(what): its callers' texts are collected",
    ("gateway/download.py", "error"): "a DeadLink around an error that was read from an answer",
    ("gateway/video_source.py", "error"): "a DeadLink around an error of the client",
    ("gateway/transport.py", "message"): "as_error(what): its callers' texts and the reasons are collected",
    ("gateway/transport.py", "_diagnosis(error)"): "each Broken is collected",
    ("gateway/transport.py", "str(slow)"): "a TooSlow, whose complaints are collected",
    ("hooks/connection.py", "f'Connection {connection.conn_id!r}: {error}'"): "a ValueError of the settings",
    ("hooks/sora2.py", "str(error)"): "a ValueError of the settings, the path or the id",
    ("operators/arguments.py", "f'Task {task_id!r}: {error}'"): "a ValueError of the parameters",
    ("operators/download.py", "str(error)"): "the hook's FileExistsError",
    ("outcomes.py", "f'{text} {error.remedy}'"): "refused(error, doing): its callers' texts and the remedies",
    ("outcomes.py", "str(error)"): "a rendering that ended without a file",
    ("records.py", "f'{what}: {type(error).__name__}: {error}'"): "_failures(what): its callers' texts are collected",
    ("sensors/sora2.py", "str(rendering_ended(video))"): "the two messages of a rendering that ended",
}
#: Exceptions that only carry another one, which is collected where it is made.
CARRIERS = ("DeadLink", "ExchangeBroken")


class Entry(NamedTuple):
    """One row of the page."""

    line: int
    pattern: str
    cells: tuple[str, ...]

    def fits(self, text: str) -> bool:
        """Whether the literal parts stand in the text in this order, from its beginning to its end."""
        if self.pattern.startswith("… ") and not text.startswith("…"):
            return False  # the end of a message speaks for those messages only whose beginning comes from elsewhere
        first, *others = (part.strip() for part in self.pattern.split("…"))
        if not others:
            return text == first
        if not text.startswith(first) or not text.endswith(others[-1]):
            return False
        at = len(first)
        for part in others[:-1]:
            found = text.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return at <= len(text) - len(others[-1])


def entries() -> Iterator[Entry]:
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        if match := re.fullmatch(r"\| `([^`]+)` \|(.+)\|(.+)\|(.+)\|", line):
            yield Entry(number, match[1].strip(), tuple(cell.strip() for cell in match.groups()[1:]))


ENTRIES = list(entries())
INVENTORY = error_inventory.messages()


#: The entry that says most of a message in its own words.
BEST = {
    one.text: max(
        (entry for entry in ENTRIES if entry.fits(one.text)), key=lambda entry: len(entry.pattern), default=None
    )
    for one in INVENTORY
    if one.text
}


def messages_of(entry: Entry) -> list[Message]:
    return [one for one in INVENTORY if one.text and BEST[one.text] is entry]


def test_every_message_is_on_the_page():
    missing = {one.text: one for one in INVENTORY if one.text and BEST[one.text] is None}
    rows = "\n".join(
        f"{one.where}\n    | `{text}` | WHAT HAPPENED | WHAT TO DO | {_retries([one])} |"
        for text, one in missing.items()
    )
    assert not missing, f"docs/errors.md knows nothing of these messages. The rows to write:\n{rows}"


def test_no_entry_is_stale_or_says_too_little():
    for entry in ENTRIES:
        fitting = {one.text for one in messages_of(entry)}
        assert fitting, (
            f"docs/errors.md, line {entry.line}: no message of the package is like this any more: {entry.pattern}"
        )
        assert len(fitting) <= _MOST, f"docs/errors.md, line {entry.line}: it fits {len(fitting)} messages: {fitting}"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda one: f"line {one.line}")
def test_an_entry_has_a_cause_a_remedy_and_the_right_retries(entry):
    assert all(entry.cells), entry
    said = _retries(messages_of(entry))
    assert said in (entry.cells[-1], "any"), f"docs/errors.md, line {entry.line}: Airflow's retries apply: {said}"


def test_what_carries_another_message_on_is_known_by_name():
    passed_on = {(_file(one), one.source): one for one in INVENTORY if one.text is None and one.kind not in CARRIERS}
    passed_on |= {
        (_file(one), one.source): one
        for one in INVENTORY
        if one.kind in CARRIERS and one.source in ("error", "_diagnosis(error)")
    }
    new = [f"{one.where}: {one.kind}({one.source})" for key, one in passed_on.items() if key not in PASSED_ON]
    assert not new, f"What do these say? Write the text where the error is made, or name its source in PASSED_ON: {new}"
    assert set(PASSED_ON) == set(passed_on), "PASSED_ON names what is no more"


def test_each_class_of_gateway_error_ends_with_its_remedy():
    table = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    classes = {
        name: one for name, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, errors.GatewayError)
    }
    assert table == {name: one.remedy for name, one in classes.items()}


def test_the_inventory_finds_what_is_raised(tmp_path):
    (tmp_path / "module.py").write_text(
        "class Odd(ValueError): ...\n"
        "def f(name, why):\n"
        "    said = f'The thing {name!r} broke.'\n"
        "    raise Odd(f'{said} Mend it{why}.')\n"
        "def h(late):\n"
        "    if late:\n"
        "        said = 'It was too late.'\n"
        "        return Odd(said)\n"
        "    said = 'It was too early.'\n"
        "    return Odd(said)\n"
        "def g(error):\n"
        "    return Odd(str(error))\n"
        "def test():\n"
        "    return False, 'Nobody is there.'\n"
    )
    found = [(one.kind, one.text) for one in error_inventory.messages(tmp_path)]
    assert found == [
        ("Odd", "The thing … broke. Mend it…."),
        ("Odd", "It was too late."),
        ("Odd", "It was too early."),
        ("Odd", None),
        ("connection test", "Nobody is there."),
    ]


def _file(message: Message) -> str:
    return message.where.partition(":")[0]


def _retries(found: list[Message]) -> str:
    said = {_retries_of_kind(one.kind) for one in found}
    return said.pop() if len(said) == 1 else "any"


@functools.cache
def _retries_of_kind(kind: str) -> str:
    made_from = error_inventory.ancestors(kind)
    if made_from & {"AirflowFailException", "AirflowSensorTimeout"}:
        return "no"
    if "AirflowException" in made_from:
        return "yes"
    # The checks of parameters, paths and connections come out as InvalidParameter.
    return "no" if kind == "ValueError" else "–"
