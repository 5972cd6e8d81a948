"""What each way in which a create can go wrong leads to: how often it is sent and billed, and what Airflow is told."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.emulator import Emulator
from sora2_provider.exceptions import FinalError, Sora2Error
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.reporting.retry_policy import retry_after
from sora2_provider.submission.stores import store_of
from tests.unit.link_hosts import LinkHost

IN_TWO_MINUTES = "a date, written when the fault is made"
BUSY = {"error": {"message": "no available channel for model sora-2", "code": "model_not_found"}}
SATURATED = {"code": "fail_to_fetch_task", "message": "当前分组上游负载已饱和", "data": None}
LOST = {"success": False, "message": "timeout of 60000ms exceeded"}
FIREWALL = "<html><title>Attention Required! | Cloudflare</title>Sorry, you have been blocked. Ray ID: 8f0a1b2c</html>"
UNCLEAR = {"message": "Something went wrong"}
GATEWAY_GAVE_UP = {"error": {"message": "bad response", "type": "upstream_error", "code": "bad_response_status_code"}}
DONE, RETRIED, FINAL, UNKNOWN = "done", "left to retries", "final", "unknown"
STORES = ["task state store", "state path"]


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
    said: tuple[str, ...] = ()
    delay: float | None = None
    fault: dict[str, Any] = field(default_factory=dict)


def always(status: int, **more: Any) -> dict[str, Any]:
    return {"status": status, "times": None, **more}


def refused(status: int, message: str, code: str = "") -> dict[str, Any]:
    return {"status": status, "body": {"error": {"message": message, "code": code}}}


def put_off(header: str) -> dict[str, Any]:
    return always(429, headers={"Retry-After": header})


TABLE = {
    "429, empty": Row(RETRIED, 3, said=("HTTP 429",), fault=always(429)),
    "429, readable": Row(
        RETRIED, 3, said=("上游负载已饱和", "retries may try again"), fault=always(429, body=SATURATED)
    ),
    "429, once": Row(DONE, 2, 1, fault={"status": 429}),
    "429, Retry-After: 1": Row(RETRIED, 3, said=("HTTP 429",), delay=1, fault=put_off("1")),
    "429, Retry-After: 120": Row(RETRIED, 1, said=("HTTP 429",), delay=120, fault=put_off("120")),
    "429, Retry-After: a date": Row(RETRIED, 1, said=("HTTP 429",), delay=120, fault=put_off(IN_TWO_MINUTES)),
    "503, readable": Row(RETRIED, 3, said=("no available channel",), fault=always(503, body=BUSY)),
    "503, readable, once": Row(DONE, 2, 1, fault={"status": 503, "body": BUSY}),
    "wrong key": Row(
        FINAL,
        1,
        said=("无效的令牌", "HTTP 401", "request r2", "API key field"),
        fault=refused(401, "无效的令牌 (request id: r2)"),
    ),
    "no balance in other words": Row(FINAL, 1, said=("余额耗尽", "Top up"), fault=refused(401, "账户余额耗尽")),
    "no balance": Row(
        FINAL,
        1,
        said=("insufficient_user_quota", "Top up"),
        fault=refused(403, "user quota is not enough", "insufficient_user_quota"),
    ),
    "moderation": Row(
        FINAL,
        1,
        said=("sentinel_block", "moderation", "Change the prompt"),
        fault=refused(400, "Hmmm. Please try again later", "sentinel_block"),
    ),
    **{
        f"{status}, HTML": Row(UNKNOWN, 1, 1, fault=always(status, html=True, accept=True))
        for status in (500, 502, 504, 524)
    },
    **{
        f"{status}, a loss told in JSON": Row(
            UNKNOWN, 1, 1, said=("timeout of 60000ms",), fault=always(status, body=LOST, accept=True)
        )
        for status in (200, 500, 503)
    },
    "500, JSON in unknown words": Row(
        UNKNOWN, 1, 1, said=("Something went wrong",), fault=always(500, body=UNCLEAR, accept=True)
    ),
    "200, JSON in unknown words": Row(
        UNKNOWN, 1, 1, said=("Something went wrong",), fault=always(200, body=UNCLEAR, accept=True)
    ),
    **{
        f"{status}, accepted, then an error in JSON": Row(
            UNKNOWN, 1, 1, said=("bad response",), fault=always(status, body=GATEWAY_GAVE_UP, accept=True)
        )
        for status in (200, 500, 502, 504)
    },
    **{
        f"{status}, an error in JSON beside the id": Row(
            DONE, 1, 1, fault=always(status, body={"id": "video-1", **GATEWAY_GAVE_UP}, accept=True)
        )
        for status in (200, 500)
    },
    "200 with an id that nobody named": Row(
        UNKNOWN, 1, 1, said=("j-123",), fault={"body": {"data": {"job_id": "j-123"}}, "accept": True}
    ),
    "303": Row(
        UNKNOWN, 1, 1, said=("/v1/videos/j-1",), fault={"redirect": "/v1/videos/j-1", "status": 303, "accept": True}
    ),
    "302 to a video": Row(
        UNKNOWN, 1, 1, said=("/v1/videos/job-1",), fault={"redirect": "/v1/videos/job-1", "accept": True}
    ),
    "a firewall": Row(
        RETRIED,
        3,
        said=(
            "A firewall in front of the gateway (Cloudflare)",
            "request 8f0a1b2c",
            "allow the addresses",
            "may try again",
        ),
        fault=always(403, body=FIREWALL, content_type="text/html"),
    ),
    "an upstream's 401": Row(
        RETRIED,
        3,
        said=("the gateway's own key, and not yours", "Tell the gateway's operator", "may try again"),
        fault={**refused(500, "Incorrect API key provided: sk-1", "invalid_api_key"), "times": None},
    ),
    "busy with 400": Row(RETRIED, 3, fault={**refused(400, "The queue is full"), "times": None}),
    "connection refused": Row(RETRIED, 0, said=("Nothing was sent", "refused")),
    "reset before it was accepted": Row(UNKNOWN, 1, 0, fault={"reset": "before"}),
    "reset after it was accepted": Row(UNKNOWN, 1, 1, fault={"reset": "after"}),
    "no answer within the read timeout": Row(UNKNOWN, 1, 1, said=("read timeout",), fault={"delay": 30}),
    "cut JSON": Row(UNKNOWN, 1, 1, fault={"truncate": 20}),
    "HTML with 200": Row(FINAL, 1, 0, said=("web page", "base URL"), fault={"html": True}),
    "empty 200": Row(UNKNOWN, 1, 1, fault={"status": 200, "accept": True}),
    "200 without an id": Row(UNKNOWN, 1, 1, fault={"body": {"object": "video.create"}, "accept": True}),
    "redirect": Row(
        FINAL,
        1,
        said=("other.example.com", "Redirects are not followed"),
        fault={"redirect": "https://other.example.com/x?token=1"},
    ),
    "redirect to nonsense": Row(FINAL, 1, said=("Redirects are not followed",), fault={"redirect": "http://[bad"}),
    "slow trickle": Row(UNKNOWN, 1, said=("the answer was not",)),
}


def trickle(connection: socket.socket, _: bytes) -> None:
    """Answer one byte at a time, and never come to an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n")
    while True:
        time.sleep(0.05)
        connection.sendall(b" ")


@pytest.fixture
def world(request: pytest.FixtureRequest, connect: Any) -> Iterator[Any]:
    """Where the create goes: the emulator, nowhere, or to a server that trickles."""
    name = request.node.callspec.params["name"]
    if name == "connection refused":
        connect("http://127.0.0.1:9")
        yield None
    elif name == "slow trickle":
        with LinkHost(trickle) as server:
            connect(server.url, read_timeout=0.5)
            yield server
    else:
        with Emulator(canned=True) as emulator:
            connect(emulator.url, read_timeout=0.5)
            emulator.fault(route="create", **dated(TABLE[name].fault))
            yield emulator


def sent_to(world: Any) -> int:
    """Return how many creates have reached it."""
    return len(world.requests if isinstance(world, Emulator) else world.heads) if world else 0


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ti: Any, state: Any) -> Any:
    """A task's context, and what reads its record, for one of the stores, or for none."""
    if request.param == "state path":
        monkeypatch.setenv("AIRFLOW__SORA2__STATE_PATH", str(tmp_path))
    context = {"ti": ti, **({"task_state_store": state} if request.param == "task state store" else {})}
    return context, store_of(context)


def dated(fault: dict[str, Any]) -> dict[str, Any]:
    if fault.get("headers") != {"Retry-After": IN_TWO_MINUTES}:
        return fault
    return {**fault, "headers": {"Retry-After": format_datetime(datetime.now().astimezone() + timedelta(seconds=120))}}


@pytest.mark.parametrize("kept", [*STORES, "nowhere"], indirect=True)
@pytest.mark.parametrize("name", TABLE)
def test_each_fault_of_a_create_leads_to_what_the_table_says(world, name, kept, ti):
    row = TABLE[name]
    context, records = kept
    message, outcome, error = "", DONE, None
    try:
        Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    except AirflowException as caught:
        message, error = str(caught), caught
        final = UNKNOWN if message.startswith("The outcome of") else FINAL
        outcome = {Sora2Error: RETRIED, FinalError: final}[type(caught)]
    billed = len(world.billed) if isinstance(world, Emulator) else 0
    assert (outcome, sent_to(world), billed) == (row.outcome, row.sent, row.billed)
    assert all(part in message for part in row.said), message
    assert "token=1" not in message
    wait = retry_after(error)
    assert wait == (None if row.delay is None else pytest.approx(row.delay, abs=60))
    assert bool(ti.xcoms) == (outcome == DONE)
    if outcome == UNKNOWN:
        assert "may be rendering" in message
        assert "gateway's console" in message
    if records is not None:
        left = records.read()
        # Where nothing was accepted, nothing is kept.
        kept_facts = left and (bool(left.video_id), left.unknown_reported)
        assert kept_facts == {DONE: (True, False), UNKNOWN: (False, True)}.get(outcome)


@pytest.mark.parametrize("kept", STORES, indirect=True)
@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.outcome == UNKNOWN])
def test_no_retry_of_a_lost_create_sends_another(world, name, kept):
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    for _ in range(3):
        with pytest.raises(AirflowFailException):
            operator.execute(kept[0])
    assert sent_to(world) == 1
