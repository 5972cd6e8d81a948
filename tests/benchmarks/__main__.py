"""Measures this provider beside a peer, in one run. Usage: python -m tests.benchmarks [OPTIONS].

Prints one table, and writes it as JSON.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
import time
from pathlib import Path

from dev.harness.processes import stop_cleanly_on_signals
from tests.benchmarks import measures
from tests.benchmarks.bench_environment import open_bench

_PACKAGES = ("apache-airflow", "apache-airflow-providers-http", "aiohttp", "requests")


def main() -> int:
    """Measure, print, write; return the exit code."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="everything, at small sizes")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    parser.add_argument("--only", action="append", choices=list(measures.MEASURES), help="only this measure")
    parser.add_argument("--against", type=Path, help="only the ratios to the package of another checkout")
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"), help="where the table goes")
    options = parser.parse_args()
    stop_cleanly_on_signals()
    sizes = measures.QUICK if options.quick else measures.Sizes()
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    started, load_before = time.monotonic(), measures.load()
    rows = []
    with open_bench() as bench:
        if options.against:
            rows += measures.against(bench, sizes, options.against)
        for name in [] if options.against else options.only or measures.MEASURES:
            print(f"measuring: {name} ({measures.load()})", flush=True)
            rows += measures.MEASURES[name](bench, sizes)
    took = f"{time.monotonic() - started:.0f} s; {load_before} before, {measures.load()} after"
    where = f"Python {platform.python_version()}, " + ", ".join(f"{name} {value}" for name, value in versions.items())
    print(f"\n{measures.text_of(rows)}\n\n{where}\n{took}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    run = {"quick": options.quick, "python": platform.python_version(), "versions": versions, "took": took}
    options.json.write_text(json.dumps({"run": run, "rows": [row.to_json() for row in rows]}, indent=1) + "\n")
    missed = [row.measure for row in rows if row.missed]
    if missed:
        print("\nmissed:\n  " + "\n  ".join(missed))
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
