"""Start Airflow's web interface on this machine with the emulator, a connection to it, and the example DAGs.

Ctrl-C or SIGTERM stops everything. The exit code is 1 if a component dies by itself or never gets healthy.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from dev.harness.airflow import ADMIN, ComponentDied, LocalAirflow
from dev.harness.emulator import emulator_near
from dev.harness.processes import stop_cleanly_on_signals, timed_teller
from sora2_provider.emulator import Emulator

PROJECT = Path(__file__).resolve().parent.parent
CONNECTION_ID = "sora2_default"
DAG_ID = "sora2_image_to_video"
RENDER_SECONDS = 20.0


def main() -> int:
    """Run until stopped; return the exit code."""
    parser = argparse.ArgumentParser(description="Start Airflow's web interface with the emulator.")
    parser.add_argument("--dags-folder", type=Path, default=PROJECT / "example_dags")
    parser.add_argument("--port", type=int, default=8080, help="used if it is free, else another one")
    parser.add_argument("--emulator-port", type=int, default=8900, help="used if it is free, else another one")
    arguments = parser.parse_args()
    stop_cleanly_on_signals()
    try:
        run(arguments.dags_folder, arguments.port, arguments.emulator_port)
    except (ComponentDied, TimeoutError) as error:
        print(f"\n{error}\nEverything else was stopped.", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit):
        print("\nStopped: Airflow and the emulator have ended, nothing is left running.", flush=True)
    return 0


def run(dags_folder: Path, port: int, emulator_port: int) -> None:
    """Start everything, tell where it is, and wait for the end."""
    tell = timed_teller()
    with (
        emulator_near(emulator_port, render_seconds=RENDER_SECONDS) as emulator,
        LocalAirflow(
            dags_folder=dags_folder,
            port=port,
            environment={
                "SORA2_EXAMPLE_IMAGE": f"{emulator.url}/images/sample.png",
                "AIRFLOW__CORE__PARALLELISM": "4",
            },
        ) as airflow,
    ):
        tell(f"The emulated Sora 2 gateway listens on {emulator.url}")
        tell(f"Starting Airflow {airflow.installation.version} (about 20 s)")
        airflow.start(on_progress=lambda component: tell(f"  {component} is healthy"))
        # In the database rather than in the environment: there the web interface shows it, and changes take effect.
        airflow.rest.add_connection(CONNECTION_ID, emulator.connection())
        print(welcome(airflow, emulator), flush=True)
        airflow.wait_until(lambda: False, timeout=math.inf, what="Ctrl-C", every=0.5)


def welcome(airflow: LocalAirflow, emulator: Emulator) -> str:
    """Return what a person needs to know now."""
    login = (
        f"user {ADMIN}, password {airflow.admin_password}"
        if airflow.installation.is_airflow_2
        else "none needed: everybody on this machine is admin"
    )
    return f"""
Airflow is ready
  address      {airflow.url}
  log in       {login}
  press        {airflow.url}/dags/{DAG_ID} > Trigger; a video takes {RENDER_SECONDS:.0f} s
  connection   Admin > Connections > {CONNECTION_ID}; the pulse beside it tests it
  emulator     {emulator.url}/_emulator (its control API: faults, bills, requests)
  logs         {airflow.home}

Ctrl-C stops everything."""


if __name__ == "__main__":
    sys.exit(main())
