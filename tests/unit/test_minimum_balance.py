"""``min_balance``: nothing is submitted below it, or while the balance cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sora2_provider.compat import AirflowFailException
from sora2_provider.exceptions import BalanceTooLow, FinalError, InvalidParameter, Sora2Error
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.models import Balance, VideoRequest
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from sora2_provider.spending import balance as module
from tests.exact_errors import raises_exactly

REQUEST = VideoRequest("a cat")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=1_800_000_000.0, time=lambda: made.now)
    monkeypatch.setattr(module, "time", made)
    monkeypatch.setattr(module, "_cache", {})
    return made


@pytest.fixture
def require(gateway: Any, connect: Callable[..., None]) -> Callable[..., None]:
    return lambda minimum, **options: connect(gateway.url, min_balance=minimum, **options)


def create(context: dict[str, Any]) -> str:
    return Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)


def asked(gateway: Any) -> int:
    return sum(request.route == "billing" for request in gateway.requests)


def test_the_balance_is_not_checked_by_default(gateway, context):
    create(context)
    assert asked(gateway) == 0


@pytest.mark.parametrize("by", ["operator", "hook"])
def test_below_the_minimum_nothing_is_submitted(gateway, require, context, by):
    gateway.settings(balance=4.2)
    require(5)
    with pytest.raises(BalanceTooLow) as caught:
        create(context) if by == "operator" else Sora2Hook().create_video(REQUEST)
    for words in ("4.20 USD left", "min_balance is 5.00 USD", "'sora2_default'", "Nothing was sent", "Top up"):
        assert words in str(caught.value)
    assert isinstance(caught.value, AirflowFailException), "a retry would wait for nothing"
    assert gateway.billed == ()


def test_the_minimum_itself_is_enough_and_may_come_from_the_configuration(gateway, require, context, monkeypatch):
    gateway.settings(balance=5.0)
    require("5")
    create(context)
    require(None)
    monkeypatch.setenv("AIRFLOW__SORA2__MIN_BALANCE", "4.95")
    monkeypatch.setattr(module, "_cache", {})
    with pytest.raises(BalanceTooLow, match=r"4\.90 USD left"):
        create(context)
    assert len(gateway.billed) == 1


def test_a_process_asks_again_only_after_30_seconds_or_for_another_key(gateway, require, clock):
    gateway.settings(balance=10.0)
    require(5)
    hook = Sora2Hook()
    for _ in range(5):
        hook.create_video(REQUEST)
    assert asked(gateway) == 2, "one balance takes two requests"
    gateway.settings(balance=1.0)
    began = clock.now
    clock.now = began + 29.75
    hook.create_video(REQUEST)
    require(5, password="sk-another-key-of-the-tests")
    with pytest.raises(BalanceTooLow):
        Sora2Hook().create_video(REQUEST)
    assert asked(gateway) == 4
    clock.now = began + 30.0
    with pytest.raises(BalanceTooLow):
        hook.create_video(REQUEST)
    assert asked(gateway) == 6


def test_after_a_clock_was_set_back_a_process_asks_again(gateway, require, clock):
    require(5)
    hook = Sora2Hook()
    hook.create_video(REQUEST)
    clock.now -= 3600
    gateway.settings(balance=1.0)
    with pytest.raises(BalanceTooLow):
        hook.create_video(REQUEST)


UNREADABLE = {
    "away": ({"status": 503, "body": {"error": {"message": "down"}}}, Sora2Error, r"down.*retries may try again"),
    "no such route": ({"status": 404, "body": {"error": {"message": "no such route"}}}, FinalError, "no such route"),
    "no permission": ({"status": 401, "body": {"message": "no"}}, FinalError, "no"),
}


@pytest.mark.parametrize(("fault", "error", "text"), UNREADABLE.values(), ids=UNREADABLE)
def test_while_the_balance_cannot_be_read_nothing_is_submitted(gateway, require, context, fault, error, text):
    require(5)
    gateway.fault(route="billing", times=None, **fault)
    with raises_exactly(error, match=f"cannot be read.*{text}.*remove min_balance from") as caught:
        create(context)
    assert "Nothing was sent" in str(caught.value)
    assert gateway.billed == ()
    gateway.clear_faults()
    create(context)
    assert len(gateway.billed) == 1


DOLLARS, POINTS = Balance(remaining=100.0), Balance(remaining=2e6, unit="quota")
# The minimum, the gateway's balance, and the error.
BALANCES = {
    "points for dollars": ("2500000 quota", DOLLARS, r"2,500,000 quota, but .* as 100\.00 USD.*such as '5'"),
    "dollars for points": (5, POINTS, r"5\.00 USD, but .* 2,000,000 quota.*'2500000 quota'"),
    "too few points": ("2500000 quota", POINTS, "2,000,000 quota left.* is 2,500,000 quota"),
    "enough points": ("1500000 quota", POINTS, None),
    "none shown": (5, Balance(), "does not show the balance.*remove min_balance"),
}


@pytest.mark.parametrize(("minimum", "balance", "error"), BALANCES.values(), ids=BALANCES)
def test_balances_are_compared_only_in_one_unit(gateway, require, context, monkeypatch, minimum, balance, error):
    monkeypatch.setattr(Sora2Client, "get_balance", lambda _: balance)
    require(minimum)
    if error is None:
        create(context)
    else:
        other = AirflowFailException if balance.remaining is None else InvalidParameter
        kind = BalanceTooLow if "left" in error else other
        with pytest.raises(kind, match=error):
            create(context)
    assert len(gateway.billed) == (error is None)


def test_an_unlimited_key_passes_with_a_warning(gateway, require, context, logged):
    gateway.settings(balance=None)
    require(5)
    create(context)
    assert "min_balance=5.00 USD has no effect" in logged()
