"""Tests tell an error that Airflow retries from one that it does not: the latter is a subclass of the former."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sora2_provider.exceptions import FinalError, Sora2Error
from tests.exact_errors import raises_exactly

TESTS = Path(__file__).parents[1]
LOOSE = re.compile(r"pytest\.raises\(\(?(AirflowException|Sora2Error)\b")


def test_an_error_that_is_not_retried_is_not_taken_for_one_that_is():
    with raises_exactly(FinalError, match="no"):
        raise FinalError("no")
    with pytest.raises(AssertionError), raises_exactly(Sora2Error, match="no"):
        raise FinalError("no")


def test_no_test_expects_an_error_that_may_be_either():
    files = [file for file in TESTS.rglob("*.py") if file != Path(__file__)]
    assert [file.name for file in files if LOOSE.search(file.read_text(encoding="utf-8"))] == []
