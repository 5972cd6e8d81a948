"""The connection form, as the web interface of the running Airflow shows it."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import NamedTuple

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


def labels_of_standard_fields(airflow: LocalAirflow) -> dict[str, str | None]:
    """Return what stands beside the host and the password (Airflow 3)."""
    standard = _meta(airflow)["standard_fields"] or {}
    return {name: (standard.get(name) or {}).get("title") for name in ("host", "password")}


def _meta(airflow: LocalAirflow) -> dict:
    (meta,) = [each for each in airflow.rest.ui("/connections/hook_meta") if each["connection_type"] == "sora2"]
    return meta


def _fields_of_3(airflow: LocalAirflow) -> dict[str, ShownField]:
    shown = {}
    for name, field in (_meta(airflow)["extra_fields"] or {}).items():
        schema = field["schema"]
        kind = schema.get("format") or {"string": "text"}.get(schema["type"][0], schema["type"][0])
        shown[name] = ShownField(schema["title"], kind, field["value"])
    return shown


def _fields_of_2(airflow: LocalAirflow) -> dict[str, ShownField]:
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )

    def page(path: str, form: dict[str, str] | None = None) -> str:
        data = urllib.parse.urlencode(form).encode() if form else None
        with opener.open(airflow.url + path, data, timeout=60) as response:
            return response.read().decode()

    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page("/login/")).group(1)
    page("/login/", {"csrf_token": token, "username": ADMIN, "password": airflow.admin_password})
    form = _Form()
    form.feed(page("/connection/add"))
    prefix = "extra__sora2__"
    return {
        name.removeprefix(prefix): ShownField(form.labels[name], KINDS_OF_INPUTS[kind], default)
        for name, (kind, default) in form.inputs.items()
        if name.startswith(prefix)
    }


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
