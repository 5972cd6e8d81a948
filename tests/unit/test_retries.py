"""A gateway's Retry-After becomes the delay of Airflow's retry, where Airflow can take it."""

from __future__ import annotations

import pytest

from sora2_provider.compat import AirflowException, retry_types
from sora2_provider.exceptions import Sora2Error
from sora2_provider.gateway.errors import GatewayUnavailable, InvalidRequest, RateLimited, SubmissionUnknown
from sora2_provider.gateway.resend import pause_before_resend, send
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.reporting.retry_policy import pass_on_retry_after, retry_after
from tests.exact_errors import raises_exactly

needs_policies = pytest.mark.skipif(retry_types() is None, reason="Airflow before 3.3 has no retry policies")


def busy(seconds: float | None = None) -> RateLimited:
    return RateLimited("busy", retry_after=seconds, transient=True)


def raised(error: Exception, cause: Exception | None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "sent", "pause"),
    [
        (busy(), 1, 2.0),
        (busy(), 2, 5.0),
        (busy(), 3, None),
        (busy(4), 1, 4.0),
        (busy(0), 1, 2.0),
        (busy(30), 1, 30.0),
        (busy(31), 1, None),
        (GatewayUnavailable("down", transient=True), 1, 2.0),
        (InvalidRequest("no"), 1, None),
        (SubmissionUnknown("lost", retry_after=1), 1, None),
    ],
)
def test_a_create_is_sent_again_only_where_nothing_was_accepted(monkeypatch, error, sent, pause):
    monkeypatch.setattr("sora2_provider.gateway.resend._PAUSES", (2.0, 5.0))
    assert pause_before_resend(error, sent=sent) == pause


def test_a_create_is_sent_three_times_at_most():
    pauses, said, sent = [], [], []

    def once():
        sent.append(1)
        raise busy(3)

    with pytest.raises(RateLimited):
        send(once, pause=pauses.append, report=lambda *line: said.append(line))
    assert (len(sent), pauses, len(said)) == (3, [3, 3], 2)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (raised(AirflowException("x"), busy(90)), 90),
        (raised(AirflowException("x"), raised(AirflowException("y"), busy(90))), 90),
        (raised(AirflowException("x"), busy(86_400)), 3600),
        (raised(AirflowException("x"), busy()), None),
        (AirflowException("x"), None),
    ],
)
def test_what_the_gateway_asked_is_found_in_what_made_the_task_fail(error, seconds):
    assert retry_after(error) == seconds


@needs_policies
def test_the_retry_waits_for_as_long_as_the_gateway_asked(gateway, context, logged):
    gateway.fault(route="create", status=429, headers={"Retry-After": "90"}, times=None)
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    assert operator.retry_policy is None, "a DAG file pays nothing for it"
    with raises_exactly(Sora2Error) as caught:
        operator.execute(context)
    decision = operator.retry_policy.evaluate(caught.value, try_number=1, max_tries=3)
    assert (decision.action.value, decision.retry_delay.total_seconds()) == ("retry", 90)
    assert operator.retry_policy.evaluate(ValueError("x"), try_number=1, max_tries=3).action.value == "default"
    assert len(gateway.requests) == 1
    assert "cannot take that over" not in logged()


@needs_policies
def test_a_policy_of_the_users_own_stays():
    class Own:
        pass

    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    operator.retry_policy = own = Own()
    pass_on_retry_after(operator)
    assert operator.retry_policy is own


@pytest.mark.skipif(retry_types() is not None, reason="Airflow 3.3 and later have retry policies")
def test_before_airflow_3_3_airflows_own_delays_are_used_and_the_log_says_so_once(gateway, context, logged):
    gateway.fault(route="create", status=429, headers={"Retry-After": "90"}, times=None)
    operator = Sora2CreateVideoOperator(task_id="create", prompt="a cat")
    with raises_exactly(Sora2Error):
        operator.execute(context)
    assert getattr(operator, "retry_policy", None) is None
    assert logged().count("The gateway asked to wait 90 s. This Airflow cannot take that over") == 1
