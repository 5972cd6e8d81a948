"""Real processes that claim creates of one count until there are none left, all of them at once."""

from __future__ import annotations

import json
import subprocess
import sys

# The processes are forked from one that has loaded everything and done nothing: to load Airflow six times takes minutes
# on a busy machine.
_CLAIMERS = """
import json, multiprocessing, sys
from sora2_provider.spending.counter import Tally

folder, cap, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
forked = multiprocessing.get_context("fork")
gate, told = forked.Barrier(count), forked.SimpleQueue()

def claim_all(name):
    places = []
    gate.wait(60)
    # Each claim is that of another task: nothing is known from the one before.
    while (place := Tally(folder).claim(cap, {"token": f"{name}.{len(places)}"})) is not None:
        places.append(place)
    told.put(places)

processes = [forked.Process(target=claim_all, args=(name,)) for name in range(count)]
for process in processes:
    process.start()
for process in processes:
    process.join(120)
assert all(process.exitcode == 0 for process in processes), [process.exitcode for process in processes]
print(json.dumps([told.get() for _ in processes]))
"""
_PATIENCE = 240


def claim_at_once(folder: str, *, cap: int, processes: int) -> list[list[int]]:
    """Let so many processes claim until nothing is left, and return the places that each got."""
    command = [sys.executable, "-c", _CLAIMERS, folder, str(cap), str(processes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    places: list[list[int]] = json.loads(done.stdout.splitlines()[-1])
    return places
