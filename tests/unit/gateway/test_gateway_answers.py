"""Answers of which public reports tell, in ``gateway-answers.json``, each read as its ``want`` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Video
from sora2_provider.gateway.parsing import videos as responses
from tests.unit.gateway.reading import ASKED_FOR, as_bytes
from tests.unit.gateway.soundness import check_state_is_the_video

ANSWERS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "gateway-answers.json").read_text("utf-8"))
#: What a create's answer means, and which error one is.
KINDS = (
    *("busy_in_other_words", "cameo_permission_is_about_the_input", "empty_account_in_other_words"),
    *("lost_answer_in_generic_json", "lost_answer_told_by_the_relay", "moderation_words_nobody_knows"),
    *("reason_under_details", "reason_word_beside_error_text", "took_too_long_is_no_parameter"),
    *("unread_create_is_not_shown", "upstream_401_inside_500", "waf_page_blames_the_key"),
)


def read(row: dict[str, Any]) -> Video | errors.GatewayError:
    answer = (row["status"], row["headers"], as_bytes(row["body"]))
    try:
        if row["call"] == "create":
            return responses.read_created(*answer)
        check_state_is_the_video(*answer)
        return responses.read_video(*answer, video_id=ASKED_FOR)
    except errors.GatewayError as error:
        return error


def is_quoted(video_id: str, came: Video | errors.GatewayError) -> bool:
    return isinstance(came, errors.SubmissionUnknown) and video_id in str(came)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in ANSWERS if row["kind"] in KINDS])
def test_an_answer_is_read_as_it_is_meant(row: dict[str, Any]) -> None:
    want, came = row["want"], read(row)
    name = type(came).__name__
    allowed = want.get("error", name)
    assert name in ([allowed] if isinstance(allowed, str) else allowed)
    assert name not in want.get("not_error", ())
    assert want.get("message_holds", "") in str(came)
    for key in ("transient", "failure_permanent", "id"):
        assert getattr(came, key, None) == want[key] if key in want else True
    if "id_or_quoted" in want:
        assert getattr(came, "id", None) == want["id_or_quoted"] or is_quoted(want["id_or_quoted"], came)


def test_every_kind_of_the_table_has_rows() -> None:
    assert set(KINDS) <= {row["kind"] for row in ANSWERS}
