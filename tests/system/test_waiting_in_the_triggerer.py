"""Many videos wait in the triggerer of a whole Airflow on PostgreSQL, through its death too: all succeed, each is paid
for once, and no worker is held meanwhile."""

from __future__ import annotations

from collections import Counter

from tests.conftest import ForPeople
from tests.system.waiting_runs import KEY, RENDER_SECONDS, TIMEOUT, WATCHED_VIDEOS, HeldRun, Run, World


def check_all_succeeded_paid_once(run: Run, videos: int) -> None:
    assert Counter(run.states.values()) == {"success": videos}, run.log
    assert set(run.tries.values()) == {1}
    assert Counter(one.request["prompt"] for one in run.billed) == {f"video {n}": 1 for n in range(videos)}
    ids = {one.request["prompt"]: one.id for one in run.billed}
    assert len(set(ids.values())) == videos
    for number in range(videos):
        video = run.xcoms["create", "video", number]
        assert video["status"] == "completed"
        assert video["url"]
        assert video["request"]["prompt"] == f"video {number}"
        assert video["id"] == run.xcoms["create", "return_value", number] == ids[f"video {number}"]


def test_videos_that_wait_together_all_succeed_and_are_paid_once(world: World, held_run: HeldRun) -> None:
    check_all_succeeded_paid_once(held_run.created, world.videos)
    assert {state: part.processes for state, part in held_run.created.worker_seconds.items()} == {
        "deferred": world.videos,
        "success": world.videos,
    }, "one process submits, one takes the result"


def test_videos_that_workers_wait_for_all_succeed_and_are_paid_once(world: World, waiting_run: Run) -> None:
    check_all_succeeded_paid_once(waiting_run, world.waiting_videos)


def test_a_deferred_video_holds_a_worker_for_a_fraction_of_the_time(
    waiting_run: Run, held_run: HeldRun, for_people: ForPeople
) -> None:
    rows = [
        ("the worker waits", waiting_run, RENDER_SECONDS),
        ("the triggerer waits", held_run.created, held_run.render_seconds / len(held_run.created.billed)),
    ]
    with for_people():
        print("\n\nWorker seconds a video: wall clock of its task processes")
        print(f"  {'':20} {'videos':>6} {'rendering':>10} {'to submit':>10} {'to take it':>10} {'in all':>7}")
        for name, run, render_seconds in rows:
            to_submit, at_end = (
                run.worker_seconds[state].seconds / len(run.billed) if state in run.worker_seconds else 0.0
                for state in ("deferred", "success")
            )
            seconds = f"{render_seconds:10.0f} {to_submit:10.2f} {at_end:10.2f} {run.seconds_a_video:7.2f}"
            print(f"  {name:20} {len(run.billed):6} {seconds}")
    assert waiting_run.seconds_a_video >= RENDER_SECONDS
    assert sum(part.seconds for part in held_run.created.worker_seconds.values()) < held_run.render_seconds / 2


def test_nothing_is_created_again_when_the_triggerer_is_killed(
    world: World, held_run: HeldRun, for_people: ForPeople
) -> None:
    with for_people():
        deferred = sum(key[0] == "deferred" for key in held_run.at_kill)
        print(
            f"\n\nThe triggerer was killed when {held_run.billed_at_kill} of {world.videos} videos were created and "
            f"{deferred} deferred; {held_run.seconds_unwatched:.0f} s after its restart it asked again"
        )
    assert 2 * held_run.billed_at_kill > world.videos


def test_deadlines_are_the_same_after_a_restart(world: World, held_run: HeldRun) -> None:
    creating = {key: trigger for key, trigger in held_run.at_kill.items() if key[0] == "deferred"}
    assert 2 * len(creating) > world.videos
    for key, trigger in held_run.at_kill.items():
        assert held_run.after_restart[key].kwargs == trigger.kwargs
        assert held_run.after_restart[key].triggerer != trigger.triggerer
    paid_at = {one.id: one.at for one in held_run.created.billed}
    for key, trigger in held_run.after_restart.items():
        if key[0] == "deferred":
            facts = trigger.kwargs
            assert facts["deadline"] == facts["started"] + TIMEOUT
            assert abs(facts["started"] - paid_at[facts["video_id"]]) < 60
    assert held_run.asked_after_restart == set(paid_at)


def test_deferred_sensors_of_the_same_videos_outlive_the_triggerer_too(held_run: HeldRun) -> None:
    states = held_run.watched.states
    assert states == {("ids", -1): "success"} | {("wait", n): "success" for n in range(WATCHED_VIDEOS)}
    assert sum(key[0] == "watched" for key in held_run.at_kill) == WATCHED_VIDEOS
    for number, video_id in enumerate(held_run.watched_ids):
        video = held_run.watched.xcoms["wait", "return_value", number]
        assert (video["id"], video["status"]) == (video_id, "completed")


def test_the_key_is_nowhere_in_the_database(world: World, held_run: HeldRun) -> None:
    used = {request.key_fingerprint for request in world.emulator.requests}
    assert len(used) == 1, "the search must search for what was used"
    deferred = held_run.after_restart["deferred", 0].kwargs
    assert f'"video_id": "{deferred["video_id"]}"' in held_run.dump, "the search must see what triggers hold"
    for text in (held_run.dump, world.postgres.dump()):
        assert deferred["video_id"] in text
        assert KEY not in text
        assert KEY.encode().hex() not in text, "binary columns are dumped in hex"
