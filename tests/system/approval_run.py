"""A run of the example DAG in which a person approves a video, for tests that answer in one way or another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dev.harness.airflow import LocalAirflow
from sora2_provider.emulator import Emulator

EXAMPLE = Path(__file__).resolve().parents[2] / "example_dags" / "sora2_approve_then_publish.py"
DAG_ID = EXAMPLE.stem
#: The same DAG, which waits a second for an answer.
HASTY = f"{DAG_ID}_at_once"
PROMPT = "A red kite over a harvested field"
_ENDS = ("success", "failed")


def write_dags(folder: Path) -> None:
    """Write the example and the hasty one."""
    text = EXAMPLE.read_text(encoding="utf-8")
    (folder / EXAMPLE.name).write_text(text, encoding="utf-8")
    hasty = text.replace("timedelta(days=1)", "timedelta(seconds=1)").replace(f"{DAG_ID}()", f"{HASTY}()")
    assert hasty.count("timedelta(seconds=1)") == 1
    assert hasty.count(HASTY) == 2
    (folder / f"{HASTY}.py").write_text(hasty, encoding="utf-8")


class ApprovalRun:
    """Starts a run.

    :param folder: where the example keeps its drafts and what was published.
    :param dag_id: the example, or a copy of it.
    :param prompt: of this run alone.
    """

    def __init__(
        self, airflow: LocalAirflow, gateway: Emulator, folder: Path, dag_id: str = DAG_ID, prompt: str = PROMPT
    ) -> None:
        self.airflow, self.gateway, self.folder, self.dag_id, self.prompt = airflow, gateway, folder, dag_id, prompt
        self.billed_before = len(gateway.billed)
        self.run_id = airflow.rest.trigger(dag_id, {"folder": str(folder), "prompt": prompt})
        self.path = f"/dags/{dag_id}/dagRuns/{self.run_id}"

    @property
    def question(self) -> dict[str, Any] | None:
        """What the person is asked, as Airflow's REST API tells it; ``None`` before that."""
        found = self.airflow.rest.get(f"{self.path}/hitlDetails")["hitl_details"]
        return found[0] if found else None

    @property
    def states(self) -> dict[str, str | None]:
        """The tasks' states."""
        return {task_id: state for (task_id, _), state in self.airflow.task_states(self.dag_id, self.run_id).items()}

    @property
    def video_id(self) -> str:
        """The one video of its prompt that was paid for since the run began."""
        (billed,) = [one for one in self.gateway.billed[self.billed_before :] if one.request["prompt"] == self.prompt]
        return billed.id

    @property
    def draft(self) -> Path:
        """The file that is kept until somebody has answered."""
        return self.folder / "drafts" / f"{self.video_id}.mp4"

    @property
    def published(self) -> Path:
        """The file of a video that was approved."""
        return self.folder / "published" / f"{self.video_id}.mp4"

    def await_question(self) -> dict[str, Any]:
        """Wait until a person can answer, and return the question."""
        # No person answers before the scheduler has noticed that the task has gone to sleep; it would take it for dead.
        self.airflow.wait_until(
            lambda: ("approve", 1) in self.airflow.noticed_ends(self.dag_id, self.run_id),
            timeout=240,
            what="the scheduler to notice that the task sleeps",
        )
        question = self.question
        assert question is not None, self.states
        assert self.states["approve"] in ("awaiting_input", "deferred"), self.states
        return question

    def await_end(self) -> str:
        """Wait for the end of the run, and return its state."""

        def state() -> str:
            return str(self.airflow.rest.get(self.path)["state"])

        self.airflow.wait_until(lambda: state() in _ENDS, timeout=240, what="the end of the run")
        return state()
