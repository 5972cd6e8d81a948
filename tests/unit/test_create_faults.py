"""What each way in which a create can go wrong leads to: how often it is sent and billed, and what Airflow is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.emulator import Emulator
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.reporting.retry_policy import retry_after
from sora2_provider.submission.stores import store_of
from tests.conftest import ForPeople

IN_TWO_MINUTES = "a date, written when the fault is made"
BUSY = {"error": {"message": "no available channel for model sora-2", "code": "model_not_found"}}
DONE, RETRIED, FINAL, UNKNOWN = "done", "left to retries", "final", "unknown"


@dataclass(frozen=True)
class Row:
    """One fault, and what comes of it.

    :param sent: how often the create was sent in one try.
    :param billed: how many videos the gateway accepted.
    :param said: what the message must hold.
    :param delay: seconds that Airflow's next retry is put off for, where it has retry policies.
    """

    outcome: str
    sent: int
    billed: int = 0
    said: str = ""
    delay: float | None = None
    fault: dict[str, Any] = field(default_factory=dict)


def always(status: int, **more: Any) -> dict[str, Any]:
    return {"status": status, "times": None, **more}


TABLE = {
    "429, empty": Row(RETRIED, 3, said="HTTP 429", fault=always(429)),
    "429, once": Row(DONE, 2, 1, fault={"status": 429}),
    "429, Retry-After: 1": Row(RETRIED, 3, said="HTTP 429", delay=1, fault=always(429, headers={"Retry-After": "1"})),
    "429, Retry-After: 120": Row(
        RETRIED, 1, said="HTTP 429", delay=120, fault=always(429, headers={"Retry-After": "120"})
    ),
    "429, Retry-After: a date": Row(
        RETRIED, 1, said="HTTP 429", delay=120, fault=always(429, headers={"Retry-After": IN_TWO_MINUTES})
    ),
    "503, readable": Row(RETRIED, 3, said="no available channel", fault=always(503, body=BUSY)),
    "503, readable, once": Row(DONE, 2, 1, fault={"status": 503, "body": BUSY}),
    "401": Row(FINAL, 1, said="API key", fault=always(401, body={"error": {"message": "invalid token"}})),
    **{
        f"{status}, HTML": Row(UNKNOWN, 1, 1, fault=always(status, html=True, accept=True))
        for status in (500, 502, 504, 524)
    },
    "connection refused": Row(RETRIED, 0, said="Nothing was sent"),
    "reset before it was accepted": Row(UNKNOWN, 1, 0, fault={"reset": "before"}),
    "reset after it was accepted": Row(UNKNOWN, 1, 1, fault={"reset": "after"}),
    "no answer within the read timeout": Row(UNKNOWN, 1, 1, said="read timeout", fault={"delay": 30}),
    "cut JSON": Row(UNKNOWN, 1, 1, fault={"truncate": 20}),
    "HTML with 200": Row(FINAL, 1, 0, said="web page", fault={"html": True}),
    "empty 200": Row(UNKNOWN, 1, 1, fault={"status": 200, "accept": True}),
    "200 without an id": Row(UNKNOWN, 1, 1, fault={"body": {"object": "video.create"}, "accept": True}),
    "redirect": Row(FINAL, 1, 0, said="Redirects are not followed", fault={"redirect": "https://other.example.com/x"}),
    "slow trickle": Row(UNKNOWN, 1, said="the answer was not"),
}


class Trickle:
    """A server whose answer comes one byte at a time and never ends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Trickle:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._listener.close()
        self._thread.join(20)

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client:
            client.recv(65536)
            self.requests += 1
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n")
            try:
                while not self._over.wait(0.05):
                    client.sendall(b" ")
            except OSError:
                pass


@pytest.fixture(scope="module")
def seen(for_people: ForPeople) -> Iterator[dict[str, list[Any]]]:
    """What was seen for each row, printed at the end for people."""
    rows: dict[str, list[Any]] = {}
    yield rows
    with for_people():
        show(rows)


def show(rows: dict[str, list[Any]]) -> None:
    print(f"\n\n  {'a create meets':36} {'sent':>4} {'billed':>6}  {'outcome':16} message")
    for name, (sent, billed, outcome, message) in rows.items():
        print(f"  {name:36} {sent:4} {billed:6}  {outcome:16} {message[:100]}")


@pytest.fixture
def world(request: pytest.FixtureRequest, connect: Any) -> Iterator[Any]:
    """Where the create goes: the emulator, nowhere, or to a server that trickles."""
    name = request.node.callspec.params["name"]
    if name == "connection refused":
        connect("http://127.0.0.1:9")
        yield None
    elif name == "slow trickle":
        with Trickle() as server:
            connect(server.url, read_timeout=0.5)
            yield server
    else:
        with Emulator(canned=True) as emulator:
            connect(emulator.url, read_timeout=0.5)
            emulator.fault(route="create", **dated(TABLE[name].fault))
            yield emulator


@pytest.fixture(params=["task state store", "state path"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ti: Any, state: Any) -> Any:
    """A task's context, and what reads its record, for both stores."""
    if request.param == "state path":
        monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
        context = {"ti": ti}
    else:
        context = {"ti": ti, "task_state_store": state}
    return context, store_of(context)


def dated(fault: dict[str, Any]) -> dict[str, Any]:
    if fault.get("headers") != {"Retry-After": IN_TWO_MINUTES}:
        return fault
    return {**fault, "headers": {"Retry-After": format_datetime(datetime.now().astimezone() + timedelta(seconds=120))}}


@pytest.mark.parametrize("name", TABLE)
def test_each_fault_of_a_create_leads_to_what_the_table_says(world, name, kept, seen):
    row = TABLE[name]
    context, records = kept
    message, outcome, error = "", DONE, None
    try:
        Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    except AirflowException as caught:
        message, error = str(caught), caught
        final = isinstance(caught, AirflowFailException)
        outcome = UNKNOWN if message.startswith("The outcome of") and final else FINAL if final else RETRIED
    sent = 0 if world is None else world.requests if isinstance(world, Trickle) else len(world.requests)
    billed = len(world.billed) if isinstance(world, Emulator) else 0
    seen[name] = [sent, billed, outcome, message]
    assert (outcome, sent, billed) == (row.outcome, row.sent, row.billed)
    assert row.said in message
    wait = retry_after(error)
    assert wait == (None if row.delay is None else pytest.approx(row.delay, abs=60))
    left = records.read()
    if outcome == UNKNOWN:
        assert "may be rendering" in message
        assert "gateway's console" in message
        assert left.unknown_reported is True
        assert left.video_id is None
    elif outcome == DONE:
        assert left.video_id
    else:
        assert left is None, "nothing was accepted, so nothing is kept"


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.outcome == UNKNOWN])
def test_no_retry_of_a_lost_create_sends_another(world, name, kept):
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    for _ in range(3):
        with pytest.raises(AirflowFailException):
            operator.execute(kept[0])
    sent = world.requests if isinstance(world, Trickle) else len(world.requests)
    assert sent == 1
