"""Many videos wait in a real triggerer, in each trouble at once: every wait ends by its deadline, or its video is delivered."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conftest import ForPeople
from tests.system.conftest import WAITS
from tests.system.trouble_run import CORRECTED, HANGING, REFUSED, SWAPPED, TROUBLES, TroubleRun

#: Seconds by which an event may be later than its deadline, beside the stalls of the loop that were noted. What held waits
#: up before took half a minute at the least, or never ended: an answer, a lookup, a pause.
LATEST = 5.0


def test_every_wait_ends_by_its_deadline_or_is_delivered(trouble_run_of_all: TroubleRun, for_people: ForPeople) -> None:
    run = trouble_run_of_all
    with for_people():
        print(f"\n\nWaits in trouble: {WAITS} videos in each, all in one triggerer")
        print(f"  {'':30} {'delivered':>9} {'timed out':>9} {'questions':>9} {'latest after its deadline':>26}")
        for trouble, title in TROUBLES.items():
            outcomes = Counter(end.outcome for end in run.ends[trouble])
            late = lateness(run, trouble)
            at_the_end = f"{max(late):.2f} s" if late else ""
            row = f"{outcomes['completed']:9} {outcomes['timeout']:9} {run.asked[trouble]:9} {at_the_end:>26}"
            print(f"  {title:30} {row}")
        stalls = sorted(run.stalls)[-10:]
        print(
            f"  Stalls of the triggerer, the worst of {len(run.stalls)}: {', '.join(f'{each:.2f} s' for each in stalls)}"
        )
    latest = LATEST + sum(run.stalls)
    for trouble in TROUBLES:
        assert len(run.ends[trouble]) == WAITS
        assert {end.outcome for end in run.ends[trouble]} <= {"completed", "timeout"}
        assert all(0 <= late < latest for late in lateness(run, trouble)), trouble
        # The event has reached the task, which is only short of a slot.
        assert {state for state, _ in run.told[trouble]} == {"scheduled"}
        for end, (_, told) in zip(run.ends[trouble], run.told[trouble], strict=True):
            assert end.outcome in told


def lateness(run: TroubleRun, trouble: str) -> list[float]:
    """Return how long after their deadlines the waits ended that timed out."""
    return [end.at - run.deadlines[trouble] for end in run.ends[trouble] if end.outcome == "timeout"]


@pytest.mark.parametrize("trouble", [CORRECTED, SWAPPED])
def test_what_is_put_right_delivers_its_videos(trouble_run_of_all: TroubleRun, trouble: str) -> None:
    assert Counter(end.outcome for end in trouble_run_of_all.ends[trouble]) == {"completed": WAITS}


@pytest.mark.parametrize(("trouble", "why"), [(HANGING, "could not be looked up"), (REFUSED, "429")])
def test_what_lasts_until_the_deadline_is_told(trouble_run_of_all: TroubleRun, trouble: str, why: str) -> None:
    assert Counter(end.outcome for end in trouble_run_of_all.ends[trouble]) == {"timeout": WAITS}
    assert [told for _, told in trouble_run_of_all.told[trouble] if why not in told] == []


def test_a_look_up_that_hangs_takes_one_thread(trouble_run_of_all: TroubleRun) -> None:
    assert trouble_run_of_all.hung_lookups == 1
