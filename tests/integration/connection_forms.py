"""The connection form, as the web interface of the running Airflow shows it."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from typing import NamedTuple

import requests

from dev.harness.airflow import ADMIN, LocalAirflow

KINDS_OF_INPUTS = {"text": "text", "password": "password", "checkbox": "boolean"}


class ShownField(NamedTuple):
    """One field of the form.

    :param kind: ``text``, ``password``, ``boolean`` or ``integer``; the form of Airflow 2 has text for integers.
    """

    label: str
    kind: str
    default: object


def custom_fields(airflow: LocalAirflow) -> dict[str, ShownField]:
    """Return the fields of the connection type ``sora2`` that other types have not."""
    return _fields_of_2(airflow) if airflow.installation.is_airflow_2 else _fields_of_3(airflow)


def form_of_3(airflow: LocalAirflow) -> dict:
    """Return the form as Airflow 3 serves it to a browser."""
    (meta,) = [each for each in airflow.rest.ui("/connections/hook_meta") if each["connection_type"] == "sora2"]
    return meta


def _fields_of_3(airflow: LocalAirflow) -> dict[str, ShownField]:
    shown = {}
    for name, field in (form_of_3(airflow)["extra_fields"] or {}).items():
        schema = field["schema"]
        kind = schema.get("format") or {"string": "text"}.get(schema["type"][0], schema["type"][0])
        shown[name] = ShownField(schema["title"], kind, field["value"])
    return shown


def _fields_of_2(airflow: LocalAirflow) -> dict[str, ShownField]:
    form = _Form()
    form.feed(FormOf2(airflow).page("/connection/add"))
    prefix = "extra__sora2__"
    return {
        name.removeprefix(prefix): ShownField(form.labels[name], KINDS_OF_INPUTS[kind], default)
        for name, (kind, default) in form.inputs.items()
        if name.startswith(prefix)
    }


class FormOf2:
    """A person at the web interface of Airflow 2, without a browser."""

    def __init__(self, airflow: LocalAirflow) -> None:
        self.airflow = airflow
        self.session = requests.Session()
        token = self.inputs("/login/")["csrf_token"]
        login = {"csrf_token": token, "username": ADMIN, "password": airflow.admin_password}
        self.session.post(f"{airflow.url}/login/", data=login, timeout=60).raise_for_status()

    def page(self, path: str) -> str:
        answer = self.session.get(self.airflow.url + path, timeout=60)
        answer.raise_for_status()
        return answer.text

    def inputs(self, path: str) -> dict[str, str]:
        """Return the names and values of a page's inputs, as a browser would send them."""
        found = {}
        for tag in re.findall(r"<input\b[^>]*>", self.page(path)):
            facts = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            if "name" in facts and facts.get("type") not in ("checkbox", "submit"):
                found[facts["name"]] = html.unescape(facts.get("value", ""))
        return found

    def save(self, path: str, **changes: str) -> None:
        data = {**self.inputs(path), "conn_type": "sora2", **changes}
        self.session.post(self.airflow.url + path, data=data, timeout=60).raise_for_status()

    def stored(self, conn_id: str) -> dict[str, str]:
        output = self.airflow.run("connections", "get", conn_id, "--output", "json").check().output
        return dict(json.loads(output[output.index("[{") :])[0])


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.labels: dict[str, str] = {}
        self.inputs: dict[str, tuple[str, object]] = {}
        self._label: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "label" and values.get("for"):
            self._label = values["for"]
            self.labels[self._label] = ""
        if tag == "input" and values.get("name"):
            kind = values.get("type") or "text"
            self.inputs[values["name"]] = (kind, "checked" in values if kind == "checkbox" else values.get("value"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._label = None

    def handle_data(self, data: str) -> None:
        if self._label is not None:
            self.labels[self._label] = (self.labels[self._label] + data).strip()
