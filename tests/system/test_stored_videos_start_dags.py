"""A whole Airflow runs DAGs when a video is stored, and its triggerer counts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from tests.observed import ObservedAirflow, observed_airflow

DAGS = ("troubles", "films", "of_the_alias", "of_the_asset", "of_the_file")
ENDS = {"success", "failed", "upstream_failed", "skipped"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedAirflow]:
    """Trigger two DAGs; the others run by themselves, or the fixture fails."""
    with observed_airflow(tmp_path_factory.mktemp("observed")) as made:
        airflow = made.airflow
        airflow.start()
        known = lambda: {each["dag_id"] for each in airflow.rest.get("/dags")["dags"]}  # noqa: E731
        airflow.wait_until(lambda: known() >= set(DAGS), timeout=120, what="the DAGs to be known")
        for dag in ("troubles", "films"):
            airflow.rest.trigger(dag)
        for dag in DAGS:
            airflow.wait_until(lambda dag=dag: has_ended(made, dag), timeout=200, what=f"{dag} to run and end")
        yield made


def has_ended(world: ObservedAirflow, dag: str) -> bool:
    states = world.airflow.task_states(dag)
    return bool(states) and all(state in ENDS for state in states.values())


def test_a_dag_that_is_scheduled_on_an_asset_knows_the_video(world):
    assert world.airflow.xcoms("of_the_asset")["look", "return_value", -1] == [world.kettle()]


def test_a_dag_that_is_scheduled_on_the_alias_knows_the_files(world):
    runs = world.airflow.query("SELECT run_id FROM dag_run WHERE dag_id = 'of_the_alias'")
    seen = [world.airflow.xcoms("of_the_alias", run).get(("look", "return_value", -1)) or [] for (run,) in runs]
    uris = {extra["uri"] for extra in chain.from_iterable(seen)}
    assert uris
    assert uris <= {f"file://{world.videos}/{name}.mp4" for name in ("kettle #1", "lamp")}


def test_a_dag_that_is_scheduled_on_the_file_runs(world):
    assert world.airflow.xcoms("of_the_file")["look", "return_value", -1] == "seen"


def test_tasks_and_the_triggerer_count_in_their_own_processes(world):
    statsd = world.statsd
    assert statsd.total("airflow.sora2.created") == len(world.gateway.billed) - 1, "one answer was lost"
    assert statsd.total("airflow.sora2.completed") == 5
    assert statsd.total("airflow.sora2.poll_errors.unavailable") == 1, "from the sensor"
    assert statsd.total("airflow.sora2.poll_errors.rate_limited") == 1, "from the triggerer"
