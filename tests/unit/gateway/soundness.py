"""What every reader may answer, whatever comes: a value of the declared types and ranges, or a ``GatewayError``."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import pendulum

from sora2_provider.gateway import errors
from sora2_provider.gateway.models import Balance, Usage, Video, VideoStatus
from sora2_provider.gateway.parsing import account
from sora2_provider.gateway.parsing import videos as responses


def is_sound_text(text: object, *, longest: int) -> bool:
    return isinstance(text, str) and len(text) <= longest and text.encode("utf-8") is not None


def check_video(video: object, *, must_have_id: bool) -> None:
    assert type(video) is Video
    assert is_sound_text(video.id, longest=512)
    assert video.id or not must_have_id
    assert type(video.status) is VideoStatus
    assert video.progress is None or (type(video.progress) is int and 0 <= video.progress <= 100)
    if video.url is not None:
        assert video.status is VideoStatus.COMPLETED
        assert is_sound_text(video.url, longest=8_192)
        parts = urlsplit(video.url)
        assert parts.scheme in ("http", "https")
        assert parts.hostname
    for text in (video.error_code, video.error_message, video.model, video.status_word):
        assert text is None or (text and is_sound_text(text, longest=2_000))
    assert type(video.failure_permanent) is bool
    if video.status is not VideoStatus.FAILED:
        assert (video.error_code, video.error_message, video.failure_permanent) == (None, None, False)
    for moment in (video.created_at, video.updated_at, video.completed_at, video.expires_at):
        assert moment is None or (type(moment) is pendulum.DateTime and moment.utcoffset() == pendulum.duration())
    if video.usage is not None:
        assert type(video.usage) is Usage
        for count in dataclasses.astuple(video.usage):
            assert count is None or (type(count) is int and count >= 0)
    assert type(video.raw) is dict
    shown = video.to_dict()
    assert "raw" not in shown
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert json.dumps(shown, ensure_ascii=False).encode("utf-8")


def check_models(names: object) -> None:
    assert type(names) is tuple
    for name in cast("tuple[object, ...]", names):
        assert name
        assert is_sound_text(name, longest=2_000)


def check_balance(balance: object) -> None:
    assert type(balance) is Balance
    for amount in (balance.granted, balance.used, balance.remaining):
        assert amount is None or (type(amount) is float and math.isfinite(amount))
    assert type(balance.unlimited) is bool
    assert balance.unit in ("usd", "quota")


def check_content(link: object) -> None:
    if link is not None:
        assert is_sound_text(link, longest=8_192)
        assert urlsplit(cast("str", link)).scheme in ("http", "https")


def check_error(error: errors.GatewayError, status: int) -> None:
    assert is_sound_text(str(error), longest=3_000)
    assert is_sound_text(error.message, longest=2_500)
    assert error.message
    assert error.http_status == status
    assert error.code is None or (error.code and is_sound_text(error.code, longest=200))
    assert error.request_id is None or (error.request_id and is_sound_text(error.request_id, longest=200))
    assert error.retry_after is None or (type(error.retry_after) is float and 0 <= error.retry_after <= 86_400)
    assert type(error.transient) is bool
    assert not (error.transient and isinstance(error, errors.SubmissionUnknown))


def in_full(state: Video | responses.UnfinishedVideo) -> Video:
    """Return the whole of a state, which must be what the state says."""
    if isinstance(state, Video):
        return state
    video = responses.read_unfinished(state.id, state.body)
    shown = (state.id, state.status, state.progress, state.status_word)
    assert shown == (video.id, video.status, video.progress, video.status_word)
    assert not video.status.is_terminal
    return video


def check_state_is_the_video(status: int, headers: dict[str, str], body: bytes) -> None:
    """Fail unless who waits is told what everybody is told."""
    state, video = (outcome(name, status, headers, body) for name in ("state", "asked_for"))
    if isinstance(video, Video):
        assert state == video
    else:
        assert (type(state), str(state)) == (type(video), str(video))


Reader = Callable[[int, dict[str, str], bytes], object]
READERS: dict[str, tuple[Reader, Callable[[object], None]]] = {
    "created": (responses.read_created, lambda video: check_video(video, must_have_id=True)),
    "video": (responses.read_video, lambda video: check_video(video, must_have_id=False)),
    "asked_for": (
        lambda *answer: responses.read_video(*answer, video_id="v"),
        lambda video: check_video(video, must_have_id=True),
    ),
    "state": (
        lambda *answer: in_full(responses.read_state(*answer, video_id="v")),
        lambda video: check_video(video, must_have_id=True),
    ),
    "models": (account.read_models, check_models),
    "balance": (account.read_balance, check_balance),
    "content": (responses.read_content, check_content),
}


def outcome(name: str, status: int, headers: dict[str, str], body: bytes) -> object:
    """Return what a reader returns or the ``GatewayError`` that it raises."""
    try:
        return READERS[name][0](status, headers, body)
    except errors.GatewayError as error:
        return error


def check_all_readers(status: int, headers: dict[str, str], body: bytes) -> None:
    """Fail unless every reader gives a sound value or a sound error."""
    for name, (_, check) in READERS.items():
        came = outcome(name, status, headers, body)
        if isinstance(came, errors.GatewayError):
            check_error(came, status)
            assert name == "created" or not isinstance(came, errors.SubmissionUnknown)
        else:
            # A create that is answered with a video's id is accepted, whatever the status says.
            assert 200 <= status < 300 or name == "created"
            check(came)
    check_state_is_the_video(status, headers, body)
