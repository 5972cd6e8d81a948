"""The names of the files below ``[sora2] state_path``: one for each task instance, the same in all its tries."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from sora2_provider.compat import Context

#: Airflow 2 counts its DAG runs from 1. More than this no database has.
_RUN_NUMBERS = 10_000_000


def record_name(context: Context) -> str:
    """Return ``<dag>/<run>/<task>-<map index>-<digest>.json``, which is the same on every version of Airflow."""
    exact = json.dumps(_identity(context))
    return _named(context, hashlib.sha256(exact.encode()).hexdigest()[:24])


def earlier_name(context: Context) -> str:
    """Return the name that release 0.1.0 gives the file on this Airflow.

    It holds the run's number (Airflow 2) or the time from which the run could start (Airflow 3).
    """
    run = context.get("dag_run")
    unique = str(getattr(run, "id", None) or getattr(run, "run_after", None))
    exact = json.dumps([*_identity(context), unique])
    return _named(context, hashlib.sha256(exact.encode()).hexdigest()[:20])


def names_from_airflow_2(context: Context, files: Iterable[str]) -> list[str]:
    """Return the names that 0.1.0 has given this task instance's file on Airflow 2, the newest run's first.

    Airflow 3 does not tell the run's number, so it is searched for. That costs nothing in the usual case: there is no
    file whose name could be one of these.

    :param files: the names of the files in the run's folder.
    """
    folder, _, stem = _named(context, "").removesuffix(".json").rpartition("/")
    form = re.compile(re.escape(stem) + r"([0-9a-f]{20})\.json")
    digests = {bytes.fromhex(found[1]) for file in files if (found := form.fullmatch(file))}
    numbers: list[bytes] = []
    if digests:
        # The rest of the exact text is the run's number: the text before it is hashed once.
        begun = hashlib.sha256(json.dumps([*_identity(context), ""]).removesuffix('"]').encode())
        for number in range(1, _RUN_NUMBERS):
            exact = begun.copy()
            exact.update(b'%d"]' % number)
            if exact.digest()[:10] in digests:
                numbers.append(exact.digest()[:10])
                if len(numbers) == len(digests):
                    break
    return [f"{folder}/{stem}{digest.hex()}.json" for digest in reversed(numbers)]


def _identity(context: Context) -> list[Any]:
    task_instance = context["ti"]
    names = [str(getattr(task_instance, name)) for name in ("dag_id", "run_id", "task_id")]
    return [*names, getattr(task_instance, "map_index", -1)]


def _named(context: Context, digest: str) -> str:
    *names, map_index = _identity(context)
    dag, run, task = (re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:80] or "_" for name in names)
    mapped = f"-{map_index}" if isinstance(map_index, int) and map_index >= 0 else ""
    return f"{dag}/{run}/{task}{mapped}-{digest}.json"
