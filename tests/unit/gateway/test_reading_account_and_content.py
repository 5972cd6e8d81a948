"""Answers about models and money, and of the route that serves a video's bytes."""

from __future__ import annotations

from typing import Any

import pytest

from sora2_provider.gateway import errors
from sora2_provider.gateway.parsing import account
from sora2_provider.gateway.parsing import videos as responses
from tests.unit.gateway.reading import LINK, as_bytes


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"data": [{"id": "sora-2"}, {"id": "sora-2"}, {"id": " "}, {"id": 3}, "veo", None]}, ("sora-2", "veo")),
        ({"object": "list", "data": []}, ()),
        ({"id": "sora-2", "object": "model"}, ("sora-2",)),
    ],
    ids=str,
)
def test_models_are_listed_by_name_once(body: Any, names: tuple[str, ...]) -> None:
    assert account.read_models(200, {}, as_bytes(body)) == names


@pytest.mark.parametrize(
    "body", [{"success": False}, {"success": False, "message": "no"}, {}, [], "", "<html>", {"data": 1}]
)
@pytest.mark.parametrize("reader", [account.read_models, account.read_balance])
def test_an_account_answer_that_is_none_is_an_error(reader: Any, body: Any) -> None:
    with pytest.raises(errors.GatewayError):
        reader(200, {}, as_bytes(body))


def test_an_object_store_that_refuses_a_link_judges_no_key() -> None:
    with pytest.raises(errors.GatewayUnavailable, match="Request has expired") as caught:
        responses.read_content(
            403,
            {},
            b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
        )
    assert caught.value.transient


@pytest.mark.parametrize("body", [{"hard_limit_usd": 100_000_000}, {"data": {"unlimited_quota": True}}], ids=str)
def test_a_balance_of_a_hundred_million_is_unlimited(body: Any) -> None:
    assert account.read_balance(200, {}, as_bytes(body)).unlimited


@pytest.mark.parametrize(
    "body", [{"url": LINK}, {"status": "completed", "video_url": LINK}, {"code": "success", "data": {"url": LINK}}]
)
def test_the_content_route_may_name_the_link_in_json(body: Any) -> None:
    assert responses.read_content(200, {}, as_bytes(body)) == LINK


def test_the_content_routes_bytes_may_be_the_video() -> None:
    assert responses.read_content(200, {"content-type": "video/mp4"}, b"\0\0\0 ftypisom") is None


@pytest.mark.parametrize(
    "body",
    [{"status": "processing", "url": LINK}, {"status": "queued"}, {"status": "unknown", "url": LINK}, b"",
     '{"url": "https://', "<html></html>", "<Error><Code>AccessDenied</Code></Error>", {"status": "completed"}, {"error": {"message": "not completed yet"}}],
    ids=str,
)  # fmt: skip
def test_a_content_answer_that_is_no_video_yet_is_asked_for_again(body: Any) -> None:
    with pytest.raises(errors.GatewayError) as caught:
        responses.read_content(200, {}, as_bytes(body))
    assert caught.value.transient
