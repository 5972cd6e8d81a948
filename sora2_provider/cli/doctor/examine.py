"""Checks one connection, from its fields to the triggerer, without paying."""

from __future__ import annotations

import dataclasses

from sora2_provider.cli.connections import ConnectionUnusable, read_connection
from sora2_provider.cli.doctor.assessment import assess, not_assessed
from sora2_provider.cli.doctor.installation import check_counting, check_storage, check_triggerer, check_versions
from sora2_provider.cli.doctor.network import check_address
from sora2_provider.cli.doctor.probes import probe
from sora2_provider.cli.doctor.report import CheckResult, Report, State, fail, ok, skip, warn
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.spending.limits import MinimumBalance

#: The longest read timeout (seconds): a person is waiting.
_READ_TIMEOUT = 20.0


def examine(conn_id: str) -> Report:
    """Return the results of all checks. No text in them holds a secret of the connection."""
    installation = (check_storage(), check_triggerer(), check_versions())
    try:
        settings, limits, unknown = read_connection(conn_id)
    except ConnectionUnusable as error:
        why = "The connection cannot be used."
        unusable = (fail("connection", error.seen, error.to_do), skip("address", why), *not_assessed(why))
        return Report(conn_id, "", (*unusable, *installation))
    seen = f"{conn_id} is complete: {settings.base_url} with a key."
    to_do = "Correct their names, or remove them."
    complete = warn("connection", f"{seen} {unknown}", to_do) if unknown else ok("connection", seen)
    gateway = _check_gateway(settings, limits.min_balance)
    report = Report(conn_id, settings.base_url, (complete, *gateway, *check_counting(limits), *installation))
    return report.redacted(settings.redact)


def _check_gateway(settings: GatewaySettings, minimum: MinimumBalance | None) -> list[CheckResult]:
    address = check_address(settings)
    if any(result.state is State.FAIL for result in address):
        # The key is not sent where it could be read, and no request waits for an answer that cannot come.
        return [*address, *not_assessed("Not checked, because the address must be corrected first.")]
    hasty = dataclasses.replace(settings, read_timeout=min(settings.read_timeout, _READ_TIMEOUT))
    found: list[str] = []
    with Sora2Client(hasty, report=found.append) as client:
        probed = probe(client)
        create_path = client.settings.create_path or client.dialect.create_path
    return [*address, *assess(probed, create_path=create_path, api=" ".join(found), minimum=minimum)]
