"""Airflow's REST API, for scripts and tests: enough to look and to press buttons."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import requests


class RestError(RuntimeError):
    """Airflow answered with an error; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AirflowRest:
    """One Airflow's REST API. Paths are relative to the API's root: ``/dags/example/dagRuns``.

    :param has_users: this Airflow 3 wants a name and a password; the others let everybody in.
    """

    def __init__(self, url: str, *, is_airflow_2: bool, user: str, password: str, has_users: bool = False) -> None:
        self._is_airflow_2 = is_airflow_2
        self._basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._login = {"username": user, "password": password} if has_users else None
        self._url = url
        self.root = f"{url}/api/{'v1' if is_airflow_2 else 'v2'}"
        self._token: str | None = None

    def get(self, path: str) -> Any:
        """Return the JSON that a path answers with."""
        return self.request("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Post a JSON object; return the JSON answer."""
        return self.request("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change something; return the JSON answer."""
        return self.request("PATCH", path, body)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run of a DAG; return the run's id."""
        body: dict[str, Any] = {"conf": dict(conf or {})}
        if not self._is_airflow_2:
            body["logical_date"] = None
        return str(self.post(f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def add_connection(self, conn_id: str, connection: str) -> None:
        """Store a connection, given as JSON, in the database, where the web interface shows and changes it."""
        fields = json.loads(connection)
        if isinstance(fields.get("extra"), dict):
            fields["extra"] = json.dumps(fields["extra"])
        # Airflow 3.3's Test button sends port 0 for a connection that has none, and its API then refuses to test it
        # with the stored key, because the port differs.
        self.post("/connections", {"connection_id": conn_id, "port": 0, **fields})

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send one request; return the JSON answer, None for an empty one."""
        return _exchange(method, self.root + path, body, self._authorization())

    def ui(self, path: str) -> Any:
        """Return the JSON with which Airflow 3 fills a part of its web interface."""
        return _exchange("GET", f"{self._url}/ui{path}", None, self._authorization())

    def post_to_users(self, path: str, body: Mapping[str, Any]) -> Any:
        """Post to the API of the FAB auth manager, which has users and roles."""
        return _exchange("POST", f"{self._url}/auth/fab/v1{path}", body, self._authorization())

    def health(self) -> dict[str, str]:
        """Return the status that each component reports, by its name; empty while nothing answers."""
        path = "/api/v1/health" if self._is_airflow_2 else "/api/v2/monitor/health"
        try:
            answer = _exchange("GET", self._url + path)
        except (OSError, RestError):
            return {}
        return {name: part["status"] for name, part in answer.items() if isinstance(part, dict) and part.get("status")}

    def _authorization(self) -> str:
        if self._is_airflow_2:
            return f"Basic {self._basic}"
        if self._token is None:
            method = "POST" if self._login else "GET"
            self._token = str(_exchange(method, f"{self._url}/auth/token", self._login)["access_token"])
        return f"Bearer {self._token}"


def _exchange(method: str, url: str, body: Mapping[str, Any] | None = None, authorization: str | None = None) -> Any:
    # A connection of its own each time: one that is kept may end with the component at its other end.
    with requests.Session() as session:
        # No proxy is asked: the address is always this machine's.
        session.trust_env = False
        answer = session.request(method, url, json=body, headers={"Authorization": authorization}, timeout=30)
    if not answer.ok:
        message = f"{method} {url}: {answer.status_code} {answer.reason}: {answer.text}"
        raise RestError(answer.status_code, message)
    return answer.json() if answer.content else None
