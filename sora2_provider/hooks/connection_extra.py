"""A connection's extra, read strictly: what Airflow passes over in silence would switch off what guards the money.

Airflow takes an extra that is no JSON for an empty one, and a key that nobody reads is no error of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sora2_provider.hooks.connection_fields import FIELDS, ConnectionField

_NAMES = tuple(field.name for field in FIELDS)
#: How much of a key must be a guard's (1: all of it), by its letters or by its words in any order.
_ALIKE = 0.7
_LIMITS = {"cap", "caps", "limit", "limits", "max", "maximum", "quota", "budget"}
_LEAST = {"min", "minimum", "floor", "reserve", "threshold", "keep", "low", "lowest", "least"}
#: Guards in other words (``hourly_cap``, ``balance_floor``): a key that has a word of each set can mean nothing else here.
_IN_OTHER_WORDS = {
    "max_creates_per_hour": ({"hour", "hourly", "hr"}, _LIMITS),
    "max_creates_per_day": ({"day", "daily"}, _LIMITS),
    "min_balance": ({"balance"}, _LEAST),
}
#: What other HTTP clients call theirs. Found in an extra, they are named and not refused: certificates stay verified.
_OF_OTHER_CLIENTS = ("verify", "verify_ssl", "ssl_verify")
#: How the forms of old Airflow versions, and URIs that were made for them, write a field's name.
_PREFIX = r"^extra__[a-z0-9_]+?__"


def check_extra(text: str | None) -> None:
    """Check that an extra can be read as it was written.

    :raises ValueError: it cannot. Holds nothing of the extra but names.
    """
    if text is None or not text.strip():
        return
    try:
        extra = json.loads(text, object_pairs_hook=_without_repetition)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"the extra is no JSON ({error.msg}, line {error.lineno}, column {error.colno}), so no field in it is in effect. "
            'Correct it: a JSON object such as {"max_creates_per_hour": 400}.'
        ) from None
    except RecursionError:
        raise ValueError("the extra is nested too deep.") from None
    if not isinstance(extra, dict):
        raise ValueError("the extra must be a JSON object.")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the extra has {', '.join(map(repr, repeated))} twice: leave one of them.")
    return dict(pairs)


def fields_of(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an extra by their names, without what is blank.

    :raises ValueError: a field stands there twice, with two values.
    """
    found: dict[str, Any] = {}
    for key, value in extra.items():
        name = re.sub(_PREFIX, "", key)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if found.setdefault(name, value) != value:
            raise ValueError(f"the extra has {name!r} twice, with and without a prefix: leave one of them.")
    return found


def check_spelling(keys: Mapping[str, Any], guards: Sequence[ConnectionField], *, where: str) -> None:
    """Check that no key is a guard misspelt, or in another place than it should be: such a guard would be off.

    :param where: the keys are.
    :raises ValueError: one is; names it, and the guard.
    """
    for path in _paths(keys):
        if guard := _meant(path, guards):
            *above, key = path
            seen = f"{key} stands inside of {above[-1]}" if above else f"{key} is not known"
            raise ValueError(
                f"{where}: {seen}, so it has no effect. It looks like {guard.name}: write that, beside the other fields, or "
                "give it quite another name."
            )


def _paths(values: Mapping[str, Any], *above: str) -> Iterator[tuple[str, ...]]:
    """Yield the keys of an extra and of the objects in it, each behind those above it."""
    for key, value in values.items():
        yield (*above, key)
        if isinstance(value, Mapping) and key != "extra_headers":
            yield from _paths(value, *above, key)


def _meant(path: tuple[str, ...], guards: Sequence[ConnectionField]) -> ConnectionField | None:
    *above, key = path
    if key in _NAMES:
        return next((guard for guard in guards if guard.name == key), None) if above else None
    if "_".join(_words(key)) in _OF_OTHER_CLIENTS:
        return None
    words = set(_words(key))
    for guard in guards:
        if all(words & one for one in _IN_OTHER_WORDS.get(guard.name, (set(),))):
            return guard
    likeness, guard = max(((_likeness(key, one.name), one) for one in guards), key=lambda pair: pair[0])
    return guard if likeness >= _ALIKE else None


def _likeness(key: str, name: str) -> float:
    # Imported here: DAG files must parse fast.
    import difflib

    given, known = _words(key), _words(name)
    pairs = (("".join(given), "".join(known)), (" ".join(sorted(given)), " ".join(sorted(known))))
    return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)


def _words(key: str) -> list[str]:
    """Return the words of a key in whichever spelling: ``maxPerDay``, ``max-per-day``, ``MAX_PER_DAY``."""
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower())


def unknown_in(extra: Mapping[str, Any]) -> str:
    """Return a sentence about the fields that mean nothing here; empty where there are none."""
    unknown = sorted(name for name in fields_of(extra) if name not in _NAMES)
    if not unknown:
        return ""
    return f"The extra holds fields that have no effect: {', '.join(map(_named, unknown))}."


def _named(key: str) -> str:
    import difflib

    similar = difflib.get_close_matches("_".join(_words(key)), _NAMES, 1, 0.75)
    return f"{key!r} (did you mean {similar[0]}?)" if similar else repr(key)
