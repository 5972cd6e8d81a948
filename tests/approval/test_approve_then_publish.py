"""The example in which a person approves the video: only what was approved is published. Answers go through the REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import DAG_ID, HASTY, World

FINISHED = ("success", "failed")


class Asked:
    """A run of the example, up to its question."""

    def __init__(self, world: World, folder: Path, dag_id: str = DAG_ID) -> None:
        self.world, self.folder, self.dag_id = world, folder, dag_id
        self.billed_before = len(world.gateway.billed)
        self.run_id = world.airflow.rest.trigger(dag_id, {"folder": str(folder), "prompt": "A red kite"})

    @property
    def path(self) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"

    @property
    def question(self) -> dict[str, Any] | None:
        found = self.world.airflow.rest.get(f"{self.path}/hitlDetails")["hitl_details"]
        return found[0] if found else None

    @property
    def states(self) -> dict[str, str | None]:
        states = self.world.airflow.task_states(self.dag_id, self.run_id)
        return {task_id: state for (task_id, _), state in states.items()}

    @property
    def video_id(self) -> str:
        (billed,) = self.world.gateway.billed[self.billed_before :]
        return billed.id

    @property
    def draft(self) -> Path:
        return self.folder / "drafts" / f"{self.video_id}.mp4"

    @property
    def published(self) -> Path:
        return self.folder / "published" / f"{self.video_id}.mp4"

    def await_question(self) -> dict[str, Any]:
        waiting = ("awaiting_input", "deferred")
        self.world.airflow.wait_until(
            lambda: self.question is not None and self.states["approve"] in waiting, timeout=120, what="the question"
        )
        # No person answers before the scheduler has noticed that the task has gone to sleep; it would take it for dead.
        self.world.airflow.wait_until(
            lambda: ("approve", 1) in self.world.airflow.noticed_ends(self.dag_id, self.run_id),
            timeout=120,
            what="the scheduler to notice",
        )
        question = self.question
        assert question is not None
        return question

    def answer(self, option: str, comment: str = "") -> None:
        self.world.airflow.rest.patch(
            f"{self.path}/taskInstances/approve/-1/hitlDetails",
            {"chosen_options": [option], "params_input": {"comment": comment}},
        )

    def await_end(self) -> str:
        def state() -> str:
            return str(self.world.airflow.rest.get(self.path)["state"])

        self.world.airflow.wait_until(lambda: state() in FINISHED, timeout=120, what="the end of the run")
        return state()


@pytest.fixture
def asked(world: World, tmp_path: Path) -> Asked:
    return Asked(world, tmp_path)


def test_an_approved_video_is_published(asked: Asked) -> None:
    question = asked.await_question()
    assert question["subject"] == "Publish this video?"
    assert question["options"] == ["Approve", "Reject"]
    assert f"**[Watch the video]({asked.world.gateway.url}/files/" in question["body"]
    assert f"file://{asked.draft}" in question["body"]
    assert "A red kite" in question["body"]
    assert asked.draft.is_file()
    assert not asked.published.exists()

    asked.answer("Approve")

    assert asked.await_end() == "success"
    assert asked.published.read_bytes() == asked.draft.read_bytes()
    assert asked.states == dict.fromkeys(["create_video", "approve", "decide", "publish"], "success") | {
        "discard": "skipped"
    }
    xcoms = asked.world.airflow.xcoms(asked.dag_id, asked.run_id)
    assert xcoms["publish", "return_value", -1] == str(asked.published)


def test_a_rejected_video_is_not_published_and_its_draft_is_removed(asked: Asked) -> None:
    asked.await_question()
    asked.answer("Reject", comment="the kite is blue")
    assert asked.await_end() == "success"
    assert not asked.published.exists()
    assert not asked.draft.exists()
    assert asked.states["publish"] == "skipped"
    assert asked.states["discard"] == "success"
    assert "the kite is blue" in asked.world.airflow.task_log(asked.dag_id, "discard", asked.run_id)


def test_silence_publishes_nothing_loses_nothing_and_can_be_asked_again_for_free(world: World, tmp_path: Path) -> None:
    asked = Asked(world, tmp_path, HASTY)
    assert asked.await_end() == "failed"
    assert asked.states["approve"] == "failed"
    assert asked.states["publish"] == asked.states["discard"] == "upstream_failed"
    assert asked.draft.is_file()
    assert not asked.published.exists()

    body = {"dry_run": False, "dag_run_id": asked.run_id, "task_ids": ["approve"], "include_downstream": True}
    world.airflow.rest.post(f"/dags/{HASTY}/clearTaskInstances", body)

    assert asked.await_end() == "failed"
    assert world.airflow.rest.get(f"{asked.path}/taskInstances/approve")["try_number"] == 2
    assert len(world.gateway.billed) == asked.billed_before + 1
    assert asked.draft.is_file()
