"""The answers of real gateways in ``responses.json`` and, of the other APIs, in ``responses-dialects.json``: each read exactly
as its ``expect`` says.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Balance, Video
from sora2_provider.gateway.parsing import account
from sora2_provider.gateway.parsing import videos as responses
from tests.unit.gateway.reading import ASKED_FOR, as_bytes
from tests.unit.gateway.soundness import check_state_is_the_video

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "responses.json").read_text("utf-8"))
OF_DIALECTS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "responses-dialects.json").read_text("utf-8"))
#: Lists and deletes of videos, which the provider does not ask for, and a list of models.
NOT_READ = [row for row in OF_DIALECTS if row["endpoint"] == "other"]

READERS: dict[str, Any] = {
    "create": responses.read_created,
    "query": lambda *answer: responses.read_video(*answer, video_id=ASKED_FOR),
    "content_400_not_completed": responses.read_content,
    "content_502_failed_to_fetch": responses.read_content,
    "models_list": account.read_models,
    "model_retrieve_200_error": account.read_models,
    "billing_subscription": account.read_balance,
    "billing_subscription_200_error": account.read_balance,
    "billing_usage": account.read_balance,
    "token_usage": account.read_balance,
}
ACCOUNT_VALUES = {
    "models_list": ("sora-2",),
    "billing_subscription": Balance(granted=100.0),
    "billing_usage": Balance(used=12.345),
    "token_usage": Balance(1_000_000, 12_345, 987_655, unit="quota"),
}
REQUEST_ID = re.compile(r"\s*\(request id: (\S+)\)$")


def read(row: dict[str, Any]) -> Any:
    answer = (row["http_status"], row["headers"], as_bytes(row["body"]))
    if row["endpoint"] == "query":
        check_state_is_the_video(*answer)
    return READERS[row["name"] if row["endpoint"] == "other" else row["endpoint"]](*answer)


def rows_that_end_in(*statuses: str | None) -> list[Any]:
    rows = [*ROWS, *(row for row in OF_DIALECTS if row not in NOT_READ)]
    return [pytest.param(row, id=row["name"]) for row in rows if row["expect"]["status"] in statuses]


def test_the_table_holds_82_rows_of_which_each_has_a_reader_and_a_test() -> None:
    assert len(ROWS) == len({row["name"] for row in ROWS}) == 82
    assert sum(row["endpoint"] == "other" for row in ROWS) == 8
    statuses = {row["expect"]["status"] for row in ROWS}
    assert statuses == {None, "error", "queued", "in_progress", "completed", "failed", "cancelled", "unknown"}
    known = {"id", "status", "video_url", "progress", "error_message", "error_code", "retryable", "outcome", "ok"}
    assert {key for row in ROWS for key in row["expect"]} == known


def test_the_table_of_the_other_apis_holds_67_rows() -> None:
    assert len(OF_DIALECTS) == len({row["name"] for row in OF_DIALECTS}) == 67
    assert {row["name"] for row in NOT_READ} == {
        "oa_list_avalai",
        "oa_delete_done",
        "oa_delete_litellm_405",
        "oa_models_endpoint_types_real",
    }


@pytest.mark.parametrize(
    "row", rows_that_end_in("queued", "in_progress", "completed", "failed", "cancelled", "unknown")
)
def test_an_answer_that_describes_a_video_is_read_as_that_video(row: dict[str, Any]) -> None:
    expect = row["expect"]
    video = read(row)
    assert isinstance(video, Video)
    assert video.status.value == expect["status"]
    assert video.url == expect["video_url"]
    assert video.id == (expect["id"] or ASKED_FOR)
    assert expect["progress"] in (None, video.progress)
    assert (expect["error_message"] or "") in (video.error_message or "")
    assert expect.get("error_code") in (None, video.error_code)
    assert expect.get("retryable") in (None, not video.failure_permanent)
    if expect["status"] != "failed":
        assert (video.error_code, video.error_message, video.failure_permanent) == (None, None, False)


@pytest.mark.parametrize("row", rows_that_end_in("error"))
def test_an_answer_that_is_an_error_raises_what_it_says(row: dict[str, Any]) -> None:
    expect = row["expect"]
    with pytest.raises(errors.GatewayError) as caught:
        read(row)
    error = caught.value
    assert error.http_status == row["http_status"]
    assert error.message
    if expect["error_message"] is not None:
        request_id = REQUEST_ID.search(expect["error_message"])
        wanted = REQUEST_ID.sub("", expect["error_message"])
        # The table of the other APIs says what a person must find there.
        assert error.message == wanted or (row in OF_DIALECTS and wanted in error.message)
        assert error.request_id == (request_id.group(1) if request_id else None)
    assert expect.get("error_code") in (None, error.code)
    assert expect.get("retryable") in (None, error.transient)
    assert isinstance(error, errors.SubmissionUnknown) is (expect.get("outcome") == "unknown")


@pytest.mark.parametrize("row", rows_that_end_in(None))
def test_an_answer_about_the_account_is_read_as_its_value(row: dict[str, Any]) -> None:
    assert row["expect"]["ok"] is True
    assert read(row) == ACCOUNT_VALUES[row["name"]]
