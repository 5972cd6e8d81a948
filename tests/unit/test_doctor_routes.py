"""``doctor`` tells a query route that does not know an id from one that refuses every id, and from none."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from sora2_provider.cli.doctor.report import State
from tests.unit.link_hosts import LinkHost, answer
from tests.unit.test_doctor import FAIL, OK, examined

UNKNOWN_ID = (404, {"error": {"message": "Video not found"}})
#: What a query route answers to an address, how the check of it ends, and what it says or what is to be done.
QUERY_ROUTES: dict[str, tuple[Callable[[str], tuple[int, Any]], State, str]] = {
    "that looks at the form of an id first": (
        lambda target: UNKNOWN_ID if "/query?id=video_" in target else (400, {"message": "invalid id"}),
        OK,
        "GET /v1/video/query answers",
    ),
    "that takes the id by another name": (
        lambda target: UNKNOWN_ID if "?task_id=" in target else (400, {"message": "invalid parameter"}),
        FAIL,
        "refuses every id, but GET /v1/video/query?task_id={id} answers as it should",
    ),
    "that is not there, as its own address in the answer says": (
        lambda target: (404, {"message": f"Cannot GET {target.partition('?')[0]}"}),
        FAIL,
        "There is no GET /v1/video/query",
    ),
    "that is there, where other addresses are named": (
        lambda target: (
            UNKNOWN_ID if target.startswith("/v1/video/query") else (404, {"message": f"Cannot GET {target}"})
        ),
        OK,
        "GET /v1/video/query answers",
    ),
}


@pytest.mark.parametrize(("route", "state", "said"), QUERY_ROUTES.values(), ids=QUERY_ROUTES)
def test_a_query_route(connect, route, state, said):
    def script(connection: socket.socket, head: bytes) -> None:
        status, body = route(head.split()[1].decode())
        connection.sendall(answer(json.dumps(body).encode(), "Content-Type: application/json", status=f"{status} X"))

    with LinkHost(script, address="127.0.0.1") as host:
        connect(host.url)
        result = examined()["routes"]
        assert all(head.startswith(b"GET ") for head in host.heads)
    assert (result.state, said in result.seen) == (state, True), result


def test_a_query_path_with_a_parameter_of_its_own_is_asked_as_tasks_ask(gateway, connect):
    connect(gateway.url, query_path="/v1/video/query?task_id={id}")
    examined()
    assert any(one.route == "query" for one in gateway.requests)
