"""Errors as what they are exactly: whether Airflow retries rests on the class, and the classes are related."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TypeVar

import pytest

E = TypeVar("E", bound=BaseException)


@contextlib.contextmanager
def raises_exactly(error: type[E], *, match: str | None = None) -> Iterator[pytest.ExceptionInfo[E]]:
    """As ``pytest.raises``, and an error of a class below this one fails the test, too."""
    with pytest.raises(error, match=match) as caught:
        yield caught
    assert caught.type is error
