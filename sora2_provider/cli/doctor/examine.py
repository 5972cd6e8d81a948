"""Examines one connection, from its fields to the triggerer, without paying."""

from __future__ import annotations

import dataclasses

from sora2_provider.cli.connections import ConnectionMissing, stored_settings
from sora2_provider.cli.doctor import assessment as verdicts
from sora2_provider.cli.doctor.installation import check_counting, check_storage, check_triggerer, check_versions
from sora2_provider.cli.doctor.network import check_address
from sora2_provider.cli.doctor.probes import ask
from sora2_provider.cli.doctor.report import Finding, Report, State, fail, ok, skip
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.spending.limits import LeastBalance

#: Seconds of silence after which the doctor goes on; a person is waiting.
_PATIENCE = 20.0


def examine(conn_id: str) -> Report:
    """Return all that can be said about a connection. No text in it holds a secret of the connection."""
    here = (check_storage(), check_triggerer(), check_versions())
    try:
        settings, limits = stored_settings(conn_id)
    except ConnectionMissing as error:
        return Report(conn_id, "", (_unusable(str(error), error.to_do), *_unreached("There is no connection."), *here))
    except ValueError as error:
        to_do = "Correct it under Admin > Connections (or wherever it is defined)."
        why = "The connection cannot be used."
        return Report(conn_id, "", (_unusable(str(error), to_do), *_unreached(why), *here))
    read = ok("connection", f"{conn_id} is complete: {settings.base_url} with a key.")
    findings = (read, *_gateway(settings, limits.min_balance), *check_counting(limits), *here)
    return Report(conn_id, settings.base_url, findings).without(settings.secrets)


def _gateway(settings: GatewaySettings, least: LeastBalance | None) -> list[Finding]:
    reached = check_address(settings)
    if any(finding.state is State.FAIL for finding in reached):
        # The key does not go where it could be read, and nobody waits for what cannot answer.
        return [*reached, *verdicts.not_asked("Not asked: the address must be put right first.")]
    patient = dataclasses.replace(settings, read_timeout=min(settings.read_timeout, _PATIENCE))
    with Sora2Client(patient) as client:
        answers = ask(client)
    return [*reached, *verdicts.judge(answers, create_path=settings.create_path, least=least)]


def _unusable(seen: str, to_do: str) -> Finding:
    return fail("connection", seen, to_do)


def _unreached(why: str) -> list[Finding]:
    return [skip("address", why), *verdicts.not_asked(why)]
