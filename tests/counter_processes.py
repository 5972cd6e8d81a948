"""Real processes that increment one counter at the same time, until its cap is reached."""

from __future__ import annotations

import json
import subprocess
import sys

# The processes are forked from one that has loaded everything and done nothing: to load Airflow six times takes minutes
# on a busy machine.
_PROCESSES = """
import json, multiprocessing, sys
from sora2_provider.spending.counter import CreateCounter

folder, cap, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
forked = multiprocessing.get_context("fork")
gate, numbers = forked.Barrier(count), forked.SimpleQueue()

def increment_all(name):
    got = []
    gate.wait(60)
    # Each increment is that of another task, which knows nothing of the one before.
    while (number := CreateCounter(folder).increment(cap, {"token": f"{name}.{len(got)}"})) is not None:
        got.append(number)
    numbers.put(got)

processes = [forked.Process(target=increment_all, args=(name,)) for name in range(count)]
for process in processes:
    process.start()
for process in processes:
    process.join(120)
assert all(process.exitcode == 0 for process in processes), [process.exitcode for process in processes]
print(json.dumps([number for _ in processes for number in numbers.get()]))
"""


def increment_at_once(folder: str, *, cap: int, processes: int) -> list[int]:
    """Let so many processes increment a counter until its cap is reached, and return the numbers that they got, sorted."""
    command = [sys.executable, "-c", _PROCESSES, folder, str(cap), str(processes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return sorted(json.loads(done.stdout.splitlines()[-1]))
