"""``min_balance``: below it nothing is submitted, and a balance that cannot be read lets nothing pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.exceptions import BalanceTooLow, InvalidParameter
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.spending import balance as module

BILLING = ("/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage", "/api/usage/token")


class Clock:
    now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    monkeypatch.setattr(module, "_cache", {})
    return made


def create(context: dict[str, Any]) -> str:
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)


def asked(gateway: Any) -> int:
    return sum(request.path in BILLING for request in gateway.requests)


@pytest.fixture
def keeps(gateway: Any, connect: Callable[..., None]) -> Callable[[Any], None]:
    return lambda least: connect(gateway.url, min_balance=least)


def test_the_balance_is_not_asked_for_unless_somebody_wants_it(gateway, context):
    create(context)
    assert asked(gateway) == 0


@pytest.mark.parametrize("by", ["operator", "hook"])
def test_below_the_least_balance_nothing_is_submitted(gateway, keeps, context, by):
    gateway.settings(balance=4.2)
    keeps(5)
    with pytest.raises(BalanceTooLow) as caught:
        create(context) if by == "operator" else Sora2Hook().create_video(VideoRequest("a cat"))
    for words in ("4.20 USD left", "keeps 5.00 USD back", "'sora2_default'", "Nothing was sent", "Top the account up"):
        assert words in str(caught.value)
    assert isinstance(caught.value, AirflowFailException), "a retry would wait for nothing"
    assert gateway.billed == ()


def test_at_the_least_balance_and_above_it_is_submitted(gateway, keeps, context, monkeypatch):
    gateway.settings(balance=5.0)
    keeps("5")
    create(context)
    keeps(None)
    monkeypatch.setenv("AIRFLOW__SORA2__MIN_BALANCE", "4.95")
    monkeypatch.setattr(module, "_cache", {})
    with pytest.raises(BalanceTooLow, match=r"4\.90 USD left"):
        create(context)
    assert len(gateway.billed) == 1


def test_a_process_asks_again_only_after_a_while(gateway, keeps, clock):
    gateway.settings(balance=10.0)
    keeps(5)
    hook = Sora2Hook()
    for _ in range(5):
        hook.create_video(VideoRequest("a cat"))
    assert asked(gateway) == 2, "one question takes two requests"
    gateway.settings(balance=1.0)
    clock.now += 29.9
    hook.create_video(VideoRequest("a cat"))
    clock.now += 0.2
    with pytest.raises(BalanceTooLow):
        hook.create_video(VideoRequest("a cat"))
    assert asked(gateway) == 4


def test_another_key_has_a_balance_of_its_own(gateway, connect, context):
    connect(gateway.url, min_balance=5)
    create(context)
    connect(gateway.url, min_balance=5, password="sk-another-key-of-the-tests")
    create(context)
    assert asked(gateway) == 4


def test_a_balance_that_cannot_be_read_for_now_lets_nothing_pass_and_is_retried(gateway, keeps, context):
    keeps(5)
    gateway.fault(route="billing", status=503, body={"error": {"message": "down"}}, times=None)
    with pytest.raises(
        AirflowException, match=r"cannot be read: .*down.*nothing was sent.*retries may try again"
    ) as caught:
        create(context)
    assert not isinstance(caught.value, AirflowFailException)
    gateway.clear_faults()
    create(context)
    assert len(gateway.billed) == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 404, "body": {"error": {"message": "no such route"}}}, {"status": 401, "body": {"message": "no"}}],
)
def test_a_gateway_that_tells_no_balance_lets_nothing_pass_and_says_how_to_go_on(gateway, keeps, context, fault):
    keeps(5)
    gateway.fault(route="billing", times=None, **fault)
    with pytest.raises(AirflowFailException, match=r"nothing was sent.*take min_balance out"):
        create(context)
    assert gateway.billed == ()


def test_points_are_not_taken_for_dollars(gateway, keeps, context):
    keeps("2500000 quota")
    with pytest.raises(InvalidParameter, match=r"min_balance is 2,500,000 quota, but .* as 100\.00 USD.*such as '5'"):
        create(context)
    assert gateway.billed == ()


def test_a_gateway_that_counts_in_points_is_compared_in_points(gateway, keeps, context, monkeypatch):
    client = Sora2Hook().get_conn()
    monkeypatch.setattr(type(client), "get_balance", lambda self: self._balance(_token_usage()))
    gateway.settings(balance=4.0)
    keeps("2500000 quota")
    with pytest.raises(BalanceTooLow, match="2,000,000 quota left.*keeps 2,500,000 quota back"):
        create(context)
    keeps(5)
    with pytest.raises(InvalidParameter, match=r"5\.00 USD, but .* 2,000,000 quota.*'2500000 quota'"):
        create(context)
    keeps("1500000 quota")
    create(context)
    assert len(gateway.billed) == 1


def _token_usage() -> Any:
    from sora2_provider.gateway.dialects import base as endpoints

    return endpoints.token_usage()


def test_an_unlimited_key_passes_and_the_log_says_that_nothing_is_held_back(gateway, keeps, context, logged):
    gateway.settings(balance=None)
    keeps(5)
    create(context)
    assert "holds back nothing" in logged()
