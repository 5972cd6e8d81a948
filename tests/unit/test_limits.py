"""What a connection may spend, read from what people write."""

from __future__ import annotations

import pytest

from sora2_provider.spending.limits import LeastBalance, SpendingLimits, limits_of


def read(extra=None, **options):
    return limits_of("studio", extra or {}, lambda name: options.get(name, ""))


def test_nothing_is_limited_unless_somebody_says_so():
    assert (
        read()
        == read({"max_creates_per_hour": None, "max_creates_per_day": "", "min_balance": " "})
        == SpendingLimits()
    )


def test_a_connections_own_limit_comes_before_that_of_the_configuration():
    limits = read({"max_creates_per_hour": 3}, max_creates_per_hour="400", max_creates_per_day="2000")
    assert limits == SpendingLimits(3, 2000)


@pytest.mark.parametrize(("given", "cap"), [(1, 1), ("400", 400), (400.0, 400), (" 7 ", 7), (1_000_000, 1_000_000)])
def test_a_cap_is_a_whole_number(given, cap):
    assert read({"max_creates_per_hour": given}).max_creates_per_hour == cap
    assert read(max_creates_per_day=str(given)).max_creates_per_day == cap


@pytest.mark.parametrize(
    ("given", "least"),
    [
        (5, LeastBalance(5.0)),
        ("2.50", LeastBalance(2.5)),
        ("$4", LeastBalance(4.0)),
        ("4 USD", LeastBalance(4.0)),
        ("2500000 quota", LeastBalance(2_500_000.0, "quota")),
    ],
)
def test_a_least_balance_is_in_what_the_gateway_counts_in(given, least):
    assert read({"min_balance": given}).min_balance == least


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(("max_creates_per_hour", value) for value in (0, -1, "many", 2.5, True, [3], "nan", "inf", 1_000_001)),
        *(("min_balance", value) for value in (0, -5, "five", "5 EUR", True, "nan", "$", "5 usd quota")),
    ],
)
def test_a_limit_that_is_none_is_named_with_its_place(name, given):
    with pytest.raises(ValueError, match=f"Connection 'studio': extra: {name}=.* it must be a .*leave it empty"):
        read({name: given})
    with pytest.raises(ValueError, match=rf"^\[sora2\]: {name}=.* it must be a .*leave it empty"):
        read(**{name: str(given)})
