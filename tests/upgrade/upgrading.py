"""A whole Airflow whose provider changes while its tasks are deferred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dev.harness.airflow import COMPONENTS_OF_2, COMPONENTS_OF_3, LocalAirflow
from sora2_provider.emulator import Emulator
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.hooks.sora2 import Sora2Hook

DAGS = Path(__file__).with_name("dags")


class Upgrading:
    """Starts Airflow, and waits for what its tasks do.

    :param folder: for the records, where this Airflow has no store of its own for them.
    """

    def __init__(self, gateway: Emulator, folder: Path) -> None:
        self._gateway = gateway
        self._folder = folder

    def paid(self, request: Mapping[str, Any], conn_id: str) -> str:
        """Submit a video as another release has done, and return its id."""
        return Sora2Hook(conn_id).create_video(VideoRequest(**request)).id

    def airflow(self, environment: Mapping[str, str]) -> LocalAirflow:
        airflow = LocalAirflow(dags_folder=DAGS, connection=self._gateway.connection(), environment=environment)
        major, minor = (int(part) for part in airflow.installation.version.split(".")[:2])
        if (major, minor) < (3, 3):
            airflow.environment["AIRFLOW__SORA2__STATE_PATH"] = str(self._folder / "records")
        return airflow

    def start(self, airflow: LocalAirflow, *, triggerer: bool = True) -> None:
        """Start the components, and return when the DAGs can be run."""
        if triggerer:
            airflow.start()
        else:
            airflow.migrate()
            airflow.create_admin()
            for name in COMPONENTS_OF_2 if airflow.installation.is_airflow_2 else COMPONENTS_OF_3:
                if name != "triggerer":
                    airflow.start_component(name)
        airflow.wait_until(lambda: self._parsed(airflow), timeout=180, what="the DAGs to be parsed")

    def wait_for_states(self, airflow: LocalAirflow, dag_id: str, run_id: str, states: Mapping[str, str]) -> None:
        """Wait until each task has its state, or has failed."""

        def now() -> dict[str, str | None]:
            return {task_id: state for (task_id, _), state in airflow.task_states(dag_id, run_id).items()}

        def settled() -> bool:
            return now() == states or "failed" in now().values()

        airflow.wait_until(settled, timeout=180, what=f"the tasks of {dag_id} to be {set(states.values())}")
        assert now() == states, airflow.task_log(dag_id, run_id=run_id)

    def wait_for_deferrals(self, airflow: LocalAirflow, dag_id: str, run_id: str, task_ids: Iterable[str]) -> None:
        """Wait until the first try of each task is deferred, and the scheduler has noticed that its process ended."""
        tries = {(task_id, 1) for task_id in task_ids}
        self.wait_for_states(airflow, dag_id, run_id, {task_id: "deferred" for task_id, _ in tries})
        airflow.wait_until(
            lambda: tries <= airflow.noticed_ends(dag_id, run_id), timeout=60, what="the scheduler to notice"
        )

    def tries(self, airflow: LocalAirflow, dag_id: str, run_id: str) -> dict[str, int]:
        rows = airflow.query(
            "SELECT task_id, try_number FROM task_instance WHERE dag_id = :dag_id AND run_id = :run_id",
            dag_id=dag_id,
            run_id=run_id,
        )
        return dict(rows)

    def _parsed(self, airflow: LocalAirflow) -> bool:
        if not airflow.rest.health():
            return False
        return {"kept", "plain"} == {each["dag_id"] for each in airflow.rest.get("/dags")["dags"]}
