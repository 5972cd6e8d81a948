"""The sixty videos of the DAG ui_films, and what the gateway makes of each."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from sora2_provider.emulator import Emulator

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> a cat on a roof"
HOSTILE_REASON = '<script>document.title="owned"</script> not allowed'

SUBJECTS = (
    "A paper boat on a rain puddle, macro, slow dolly in",
    "An enamel kettle, steam rising in a morning kitchen, soft light",
    "A brass desk lamp switching on over an open notebook",
    "Hiking boots splashing through a mountain stream, low angle",
    "A red tram climbing a steep street at dusk, neon reflections",
    "A glass of tea on a window sill, snow falling outside",
    "A kite over dunes, seen from below, handheld",
    "狐狸在雪地里奔跑，电影感，慢镜头",
)

#: By task: what each prompt is for. What the gateway does is found by a word of the prompt.
SPECIAL = {
    "moderated": "A look-alike of a famous actor drinks coffee (moderated)",
    "hostile reason": "A poster that nobody may show (hostile reason)",
    "cancelled": "A rollercoaster, first person (cancelled)",
    "refused": "Something the gateway refuses at once (refused)",
    "no link": "A drone flight through a canyon (no link)",
    "dead link": "Fireworks over a harbour (dead link)",
    "long": "A single take through a night market. " * 12 + "(long)",
    "hostile": HOSTILE,
}
RENDERING = ("A whale breaching at sunrise, aerial", "A clockmaker at work, close-up, shallow focus", "A loom, weaving")
FILMS = ("A steam train crosses a viaduct, wide shot", "A potter's hands, clay turning, top view")
STORED = "A copper kettle on a wooden table, product film"

BATCH = 60 - len(RENDERING) - len(FILMS) - 1
TOTAL = 60


def batch() -> list[dict[str, Any]]:
    """Return the arguments of the mapped task: what is special stands among the last ones, which the page shows first."""
    plain = [
        f"{subject} (no-{number})" for number, subject in enumerate(itertools.islice(itertools.cycle(SUBJECTS), BATCH))
    ]
    prompts = plain[: BATCH - 2 * len(SPECIAL)]
    for usual, special in zip(plain[len(prompts) :], SPECIAL.values(), strict=False):
        prompts += [usual, special]
    orientations, durations = itertools.cycle(["landscape", "portrait", "portrait"]), itertools.cycle([15, 10, 10, 10])
    return [
        {"prompt": prompt, "orientation": orientation, "duration": duration}
        for prompt, orientation, duration in zip(prompts, orientations, durations, strict=False)
    ]


def environment(folder: Path) -> dict[str, str]:
    told = {"batch": batch(), "film": FILMS, "stored": [STORED], "rendering": RENDERING}
    return {"UI_PROMPTS": json.dumps(told), "UI_FOLDER": str(folder)}


def prepare(emulator: Emulator) -> None:
    """Tell the gateway what to make of the special ones."""

    def creates(word: str, **does: Any) -> None:
        emulator.fault(route="create", prompt_contains=word, times=None, **does)

    for word, code, reason in (
        ("(moderated)", "content_policy_violation", "A real person was detected."),
        ("(hostile reason)", "blocked", HOSTILE_REASON),
    ):
        creates(word, rendering="failed", error_code=code, error_message=reason)
    creates("(cancelled)", rendering="cancelled")
    creates("(refused)", status=400, body={"error": {"message": "prompt is not allowed", "code": "sentinel_block"}})
    creates("(no link)", link="missing")
    creates("(dead link)", link="dead")
    for prompt in RENDERING:
        creates(prompt, rendering="stuck")
