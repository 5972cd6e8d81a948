"""The waiting state machine, without a clock."""

from __future__ import annotations

import gc
from dataclasses import replace

import pendulum
import pytest

from sora2_provider.gateway.errors import GatewayUnavailable, RateLimited, VideoNotFound
from sora2_provider.gateway.models import Usage, Video, VideoStatus
from sora2_provider.gateway.parsing.videos import as_asked, read_state, read_video
from sora2_provider.gateway.polling import wait as waiting_module
from sora2_provider.gateway.polling.estimates import RenderingKind, RenderTimeEstimator, rendering_seconds
from sora2_provider.gateway.polling.progress import ProgressReport, duration_text
from sora2_provider.gateway.polling.wait import Finished, Outcome, PollAgain, VideoWait

NOW = 1_800_000_000.0
BUSY = GatewayUnavailable("down", transient=True)
GONE = VideoNotFound("task_not_exist")


def video(status: str, **facts) -> Video:
    return Video("video_1", VideoStatus(status), **facts)


def waiting(
    *, timeout: float = 1800, poll_interval: float | None = None, jitter: float = 0.5, expected: float = 120
) -> VideoWait:
    return VideoWait(
        started=NOW, deadline=NOW + timeout, expected=expected, poll_interval=poll_interval, jitter=lambda: jitter
    )


SCHEDULES = {
    "of a short rendering": ({"expected": 20}, 20 / 3, 2),
    "of a usual one": ({}, 40, 8),
    "of a long one": ({"expected": 600}, 200, 40),
    "of a very long one": ({"expected": 3000}, 1000, 60),
    "of the user": ({"poll_interval": 3}, 3, 3),
    "spread downwards": ({"jitter": 0.0}, 40 * 0.9, 7.2),
    "spread upwards": ({"jitter": 1.0}, 40 * 1.1, 8.8),
}


@pytest.mark.parametrize(("options", "first", "pause"), SCHEDULES.values(), ids=SCHEDULES)
def test_the_first_question_comes_late_and_the_others_steadily(options, first, pause):
    wait = waiting(**options)
    assert wait.start(now=NOW).after == pytest.approx(first)
    for status, seconds in (("queued", 5), ("queued", 40), ("in_progress", 900)):
        assert wait.on_video(video(status), now=NOW + seconds).after == pytest.approx(pause)


def test_a_wait_that_is_taken_up_again_asks_soon_but_not_everyone_at_once():
    assert waiting(jitter=0.0).start(now=NOW + 300) == PollAgain(0)
    assert waiting(jitter=1.0).start(now=NOW + 300) == PollAgain(8)
    assert waiting(jitter=0.5).start(now=NOW + 10) == PollAgain(30)
    assert waiting(timeout=300).start(now=NOW + 400) == PollAgain(0), "a last question, even past the deadline"


def test_expectations_follow_what_finished_videos_took():
    kind = RenderingKind("sora-2", "small", 10)
    estimator = RenderTimeEstimator()
    assert estimator.estimate(kind) == 120
    for _ in range(30):
        estimator.observe(kind, 24)
    assert estimator.estimate(kind) == pytest.approx(24, rel=0.01)
    estimator.observe(kind, 100_000)
    assert estimator.estimate(kind) < 100, "one outlier does not drown thirty"
    assert estimator.estimate(RenderingKind("sora-2", "large", 10)) == 300


#: What the questions tell of a video that is expected to take 120 s (asked last while it was unfinished, seen completed), what
#: the gateway tells, and what is learned.
OBSERVATIONS = {
    "seen soon after its end": ((200, 208), None, 200),
    "sooner than the first question": ((0, 40), None, 40),
    "seen after an outage": ((48, 3600), None, 120),
    "seen after an outage that began late": ((400, 3600), None, 400),
    "seen after an outage, and the gateway tells": ((48, 3600), 180, 180),
    "the gateway tells the moment at which it was last seen rendering": ((48, 3600), 48, 48),
    "the gateway tells the moment at which it was seen completed": ((48, 3600), 3600, 3600),
    "the gateway's clock is another": ((48, 56), 7000, 56),
    "the gateway tells of nothing but nonsense": ((48, 3600), -5, 120),
    "the gateway tells that it ended before it was seen rendering": ((400, 3600), 90, 400),
}


@pytest.mark.parametrize(("seen", "told", "learned"), OBSERVATIONS.values(), ids=OBSERVATIONS)
def test_no_more_is_learned_than_is_known_of_the_end(seen, told, learned):
    kind = RenderingKind("sora-2", "small", 10)
    estimator, sure = RenderTimeEstimator(), RenderTimeEstimator()
    estimator.observe(kind, seen[1], at_least=seen[0], told=told)
    sure.observe(kind, learned)
    assert estimator.estimate(kind) == pytest.approx(sure.estimate(kind))


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ({}, None),
        ({"created_at": 100}, None),
        ({"completed_at": 300}, 250),
        ({"created_at": 100, "completed_at": 300}, 200),
    ],
)
def test_what_a_rendering_took_is_told_by_the_gateways_own_times(times, seconds):
    moments = {name: pendulum.from_timestamp(NOW + moment) for name, moment in times.items()}
    assert rendering_seconds(video("completed", **moments), created=NOW + 50) == seconds


@pytest.mark.parametrize("kind", [("sora-2", "small", 15), ("sora-2", "large", 10), ("sora-2-pro", "small", 10)])
def test_larger_longer_and_better_videos_are_expected_to_take_longer(kind):
    assert RenderingKind(*kind).expected > RenderingKind("sora-2", "small", 10).expected


@pytest.fixture(autouse=True)
def as_it_is(monkeypatch):
    monkeypatch.setattr(waiting_module, "CONFIRMED_AFTER", 5.0)


@pytest.mark.parametrize("seconds", [0, 5], ids=["in time", "after the deadline"])
def test_a_completed_video_ends_the_wait_at_once(seconds):
    last = video("completed")
    assert waiting(timeout=1).on_video(last, now=NOW + seconds) == Finished(Outcome.COMPLETED, last)


#: What is answered at which seconds, how the wait goes on after the last answer; its deadline is after 100 s.
ENDS = {
    "once": ([(0, "failed")], PollAgain(6)),
    "twice": ([(0, "failed"), (6, "failed")], Outcome.FAILED),
    "cancelled twice": ([(0, "cancelled"), (5, "cancelled")], Outcome.CANCELLED),
    "twice, too soon for another answer": ([(0, "failed"), (4, "failed")], PollAgain(6)),
    "three times, the second too soon": ([(0, "failed"), (4, "failed"), (10, "failed")], Outcome.FAILED),
    "and then it renders": ([(0, "failed"), (6, "in_progress")], PollAgain(8)),
    "and then it renders, and then again": ([(0, "failed"), (6, "queued"), (14, "failed")], PollAgain(6)),
    "and then it is completed": ([(0, "failed"), (6, "completed")], Outcome.COMPLETED),
    "and then it is cancelled": ([(0, "failed"), (6, "cancelled")], PollAgain(6)),
    "and then nothing can be told": ([(0, "failed"), (6, BUSY)], PollAgain(8)),
    "and then nothing can be told, and then again": ([(0, "failed"), (6, BUSY), (14, "failed")], PollAgain(6)),
    "once, just before the deadline": ([(97, "failed")], PollAgain(3)),
    "once, at the deadline": ([(100, "failed")], Outcome.TIMEOUT),
    "twice, too soon at the deadline": ([(97, "failed"), (100, "failed")], Outcome.TIMEOUT),
    "twice, over the deadline": ([(94, "failed"), (101, "failed")], Outcome.FAILED),
}


@pytest.mark.parametrize(("answers", "then"), ENDS.values(), ids=ENDS)
def test_an_end_without_a_video_counts_when_a_second_answer_says_it_again_seconds_later(answers, then):
    wait = waiting(timeout=100)
    for seconds, said in answers:
        now = NOW + seconds
        step = wait.on_video(video(said), now=now) if isinstance(said, str) else wait.on_error(said, now=now)
    assert step == (then if isinstance(then, PollAgain) else Finished(then, video(answers[-1][1])))


def test_the_second_question_about_an_end_never_comes_too_early():
    wait = waiting(jitter=0.0)
    again = wait.on_video(video("failed"), now=NOW)
    assert isinstance(wait.on_video(video("failed"), now=NOW + again.after), Finished)


def test_an_unknown_word_is_waited_out_and_the_last_question_is_asked_at_the_deadline():
    wait = waiting(timeout=100)
    assert wait.on_video(video("unknown", status_word="pondering"), now=NOW) == PollAgain(8)
    assert wait.on_video(video("in_progress"), now=NOW + 95) == PollAgain(5)
    last = video("in_progress", progress=90)
    assert wait.on_video(last, now=NOW + 100) == Finished(Outcome.TIMEOUT, last)


def test_who_ends_at_the_deadline_asks_for_the_last_time_while_an_answer_can_still_come():
    wait = VideoWait(started=NOW, deadline=NOW + 100, poll_interval=30, answer_time=5, jitter=lambda: 0.5)
    assert wait.on_video(video("in_progress"), now=NOW + 70) == PollAgain(22.5)
    assert wait.on_video(video("in_progress"), now=NOW + 93) == PollAgain(7)
    assert waiting(poll_interval=200, timeout=100).start(now=NOW) == PollAgain(100)
    wait = VideoWait(started=NOW, deadline=NOW + 100, poll_interval=200, answer_time=5, jitter=lambda: 0.5)
    assert wait.start(now=NOW) == PollAgain(92.5)


def test_a_deadline_that_comes_before_an_answer_says_what_was_known_last():
    wait, last = waiting(), video("in_progress", progress=30)
    assert wait.on_deadline(BUSY) == Finished(Outcome.TIMEOUT, None, BUSY)
    wait.on_error(GONE, now=NOW)
    assert wait.on_deadline(BUSY).error is GONE, "of this video, and not of any other"
    wait.on_video(last, now=NOW)
    assert wait.on_deadline() == Finished(Outcome.TIMEOUT, last, None)


ANSWER = b"""{"id": "sora-2:video_1", "status": "processing", "progress": 41, "model": "sora-2", "created_at": 1800000000,
"expires_at": 1800086400, "usage": {"prompt_tokens": 1, "total_tokens": 3}}"""


def test_what_was_last_known_is_told_in_full_at_the_end():
    last = as_asked(read_state(200, {}, ANSWER, video_id="video_1"), "video_1")
    wait = waiting(timeout=100)
    wait.on_video(last, now=NOW)
    ended = wait.on_error(BUSY, now=NOW + 100)
    assert ended == Finished(Outcome.TIMEOUT, replace(read_video(200, {}, ANSWER), id="video_1"), BUSY)
    assert (ended.video.progress, ended.video.usage) == (41, Usage(1, None, 3))
    assert ended.video.expires_at.timezone_name == "UTC"


def test_a_wait_holds_nothing_that_the_garbage_collector_looks_at():
    wait = waiting()
    wait.on_video(read_state(200, {}, ANSWER, video_id="video_1"), now=NOW)
    gc.collect()
    held = [one for one in gc.get_referents(wait) if gc.is_tracked(one) and not isinstance(one, type)]
    assert [one for one in held if not callable(one)] == []


def test_an_endless_answer_is_not_kept_as_it_is():
    long = ANSWER[:-1] + b', "log": "' + b"x" * 20_000 + b'"}'
    assert isinstance(read_state(200, {}, long, video_id="video_1"), Video)


@pytest.mark.parametrize(
    ("error", "failures", "last"),
    [
        pytest.param(BUSY, (10, 20, 600), 611, id="for ten minutes where the gateway calls it temporary"),
        pytest.param(GONE, (0, 60, 120, 179), 180, id="for three minutes of other errors, such as an unknown id"),
        pytest.param(GONE, (0, 900, 1800), 2700, id="for a few failures, however far apart they are"),
    ],
)
def test_failed_polls_do_not_end_the_wait(error, failures, last):
    wait = waiting(timeout=10_000)
    seen = video("in_progress")
    wait.on_video(seen, now=NOW)
    for seconds in failures:
        assert isinstance(wait.on_error(error, now=NOW + seconds), PollAgain)
    assert wait.on_error(error, now=NOW + last) == Finished(Outcome.UNREACHABLE, seen, error)


def test_one_answer_in_between_begins_the_patience_anew():
    wait = waiting()
    wait.on_error(GONE, now=NOW)
    wait.on_video(video("queued"), now=NOW + 170)
    assert isinstance(wait.on_error(GONE, now=NOW + 300), PollAgain)


def test_retry_after_is_obeyed_and_still_ends_at_the_deadline():
    limited = RateLimited("slow down", retry_after=60, transient=True)
    assert waiting().on_error(limited, now=NOW) == PollAgain(60)
    assert waiting(timeout=20).on_error(limited, now=NOW) == PollAgain(20)


def test_the_report_speaks_of_what_is_new():
    report = ProgressReport()
    lines = [
        report.line(video("queued"), elapsed=1),
        report.line(video("queued"), elapsed=9),
        report.line(video("in_progress", progress=3), elapsed=20),
        report.line(video("in_progress", progress=9), elapsed=28),
        report.line(video("in_progress", progress=41), elapsed=80),
        report.line(video("unknown", status_word="pondering"), elapsed=90),
        report.line(video("completed", progress=100), elapsed=3725),
    ]
    assert lines == [
        "video_1 is queued, after 1 s",
        None,
        "video_1 is in progress, 3 %, after 20 s",
        None,
        "video_1 is in progress, 41 %, after 1 min 20 s",
        "video_1 is unknown (the gateway's word is 'pondering'), after 1 min 30 s",
        "video_1 is completed, after 1 h 2 min",
    ]


def test_the_report_names_the_places_of_links_of_which_none_is_taken():
    line = ProgressReport().line(video("completed", link_places=("one.video", "two.video")), elapsed=None)
    assert line.endswith("several links that can be the film (one.video, two.video), so none is taken")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (7200, "2 h")])
def test_spans_are_written_as_people_say_them(seconds, text):
    assert duration_text(seconds) == text
