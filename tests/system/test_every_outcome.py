"""Every outcome in every mode, on a whole Airflow, ends as the table in docs/waiting.md says, with its message.

All of it happens in one DAG run; tests/unit/test_every_mode.py tries the same cases with a made-up clock.
"""

from __future__ import annotations

import pytest

from tests.conftest import ForPeople
from tests.outcome_table import MODES, OPERATORS
from tests.system.outcome_runs import PATIENCE, POLL_INTERVALS, TRIED, OutcomeRun, task_id, timeout_of


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", TRIED)
def test_every_outcome_in_every_mode_ends_as_the_docs_say(outcome_run: OutcomeRun, case: str, mode: str) -> None:
    told, seen = TRIED[case].told(mode), outcome_run.seen[case, mode]
    ends_well = told.exception is None or told.tries == 2

    assert (seen.state, seen.tries) == ("success" if ends_well else "failed", told.tries)
    assert len(seen.video_ids) == (told.submits if mode in OPERATORS else 1)

    if told.exception is None:
        assert seen.raised == ()
    else:
        ((exception, message),) = seen.raised
        assert exception == told.exception
        for part in (*told.message, TRIED[case].said, seen.video_ids[0]):
            assert part in message

    if mode in OPERATORS:
        assert seen.returned == (seen.video_ids[-1] if ends_well else None)
        assert (seen.video["id"], seen.video["request"]["prompt"]) == (seen.video_ids[-1], task_id(case, mode))
        video = seen.video
    elif told.row.startswith(("completed", "failed", "cancelled")):
        assert (seen.video["id"], seen.video["conn_id"]) == (seen.video_ids[0], "sora2_default")
        video = seen.returned
    else:
        assert seen.video is None, "it has not ended, and there is nothing to show"
        video = seen.returned
    if ends_well:
        assert (video["id"], video["status"]) == (seen.video_ids[-1], "completed")
        assert video["url"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", TRIED)
def test_no_wait_ends_before_its_time(outcome_run: OutcomeRun, case: str, mode: str) -> None:
    seen, refused = outcome_run.seen[case, mode], bool(TRIED[case].refusal)
    told = TRIED[case].told(mode)
    answers = [one.status for one in seen.questions if one.video_id == seen.video_ids[0]]
    assert answers[0] == (TRIED[case].refusal["status"] if refused else 200)
    # The first or the last of the questions may be missing from the span.
    waited = seen.questions[-1].at - seen.questions[0].at + 2 * POLL_INTERVALS[mode]
    if told.row == "timeout":
        assert waited >= timeout_of(case, mode)
    elif refused:
        assert waited >= (TRIED[case].refusal_lasts or PATIENCE)
    else:
        assert len(answers) >= 2, "nobody waited"


def test_all_of_it_is_paid_as_the_docs_say(outcome_run: OutcomeRun, for_people: ForPeople) -> None:
    with for_people():
        print(f"\n\nEvery outcome in every mode, {outcome_run.seconds:.0f} s: final state, tries, videos paid for")
        print(f"  {'':27}" + "".join(f"{mode:20}" for mode in MODES))
        for case in TRIED:
            cells = [outcome_run.seen[case, mode] for mode in MODES]
            print(f"  {case:27}" + "".join(f"{f'{one.state} {one.tries} {len(one.video_ids)}':20}" for one in cells))
    told = [(mode, case.told(mode)) for case in TRIED.values() for mode in MODES]
    assert outcome_run.billed == sum(one.submits if mode in OPERATORS else 1 for mode, one in told)
