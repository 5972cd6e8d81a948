"""The example in which a person approves the video: only what was approved is published. Answers go through the REST API."""

from __future__ import annotations

import pytest

from tests.system.approval_run import DAG_ID, HASTY, ApprovalRun
from tests.system.waiting_runs import World


def answer(asked: ApprovalRun, option: str, comment: str | None = None) -> None:
    asked.airflow.rest.patch(
        f"{asked.path}/taskInstances/approve/-1/hitlDetails",
        {"chosen_options": [option], "params_input": {"comment": comment}},
    )


@pytest.fixture(scope="module")
def runs(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ApprovalRun]:
    """Start one run for each of the tests, all at once: what they do most is wait."""
    dag_ids = {"approved": DAG_ID, "rejected": DAG_ID, "unanswered": HASTY}
    return {
        name: ApprovalRun(world.airflow, world.emulator, tmp_path_factory.mktemp(name), dag_id, f"A kite, {name}")
        for name, dag_id in dag_ids.items()
    }


def test_an_approved_video_is_published(runs: dict[str, ApprovalRun]) -> None:
    asked = runs["approved"]
    question = asked.await_question()
    assert question["subject"] == "Publish this video?"
    assert question["options"] == ["Approve", "Reject"]
    assert f"**[Watch the video]({asked.gateway.url}/files/" in question["body"]
    assert f"file://{asked.draft}" in question["body"]
    assert asked.prompt in question["body"]
    assert asked.draft.is_file()
    assert not asked.published.exists()

    answer(asked, "Approve")

    assert asked.await_end() == "success"
    assert asked.published.read_bytes() == asked.draft.read_bytes()
    assert asked.states == dict.fromkeys(["create_video", "approve", "decide", "publish"], "success") | {
        "discard": "skipped"
    }
    xcoms = asked.airflow.xcoms(asked.dag_id, asked.run_id)
    assert xcoms["publish", "return_value", -1] == str(asked.published)


def test_a_rejected_video_is_not_published_and_its_draft_is_removed(runs: dict[str, ApprovalRun]) -> None:
    asked = runs["rejected"]
    asked.await_question()
    answer(asked, "Reject", comment="the kite is blue")
    assert asked.await_end() == "success"
    assert not asked.published.exists()
    assert not asked.draft.exists()
    assert asked.states["publish"] == "skipped"
    assert asked.states["discard"] == "success"
    assert "the kite is blue" in asked.airflow.task_log(asked.dag_id, "discard", asked.run_id)


def test_silence_publishes_nothing_loses_nothing_and_can_be_asked_again_for_free(
    world: World, runs: dict[str, ApprovalRun]
) -> None:
    asked = runs["unanswered"]
    assert asked.await_end() == "failed"
    assert asked.states["approve"] == "failed"
    assert asked.states["publish"] == asked.states["discard"] == "upstream_failed"
    assert asked.draft.is_file()
    assert not asked.published.exists()

    body = {"dry_run": False, "dag_run_id": asked.run_id, "task_ids": ["approve"], "include_downstream": True}
    world.airflow.rest.post(f"/dags/{HASTY}/clearTaskInstances", body)

    assert asked.await_end() == "failed"
    assert world.airflow.rest.get(f"{asked.path}/taskInstances/approve")["try_number"] == 2
    assert asked.draft.is_file(), "the draft of the one video that was paid for"
