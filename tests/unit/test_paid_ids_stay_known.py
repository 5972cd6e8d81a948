"""Whatever holds the id of a video that was paid for, the create is not sent again, and the id is told."""

from __future__ import annotations

import json
import socket
import zlib
from typing import Any

import pytest

from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import RateLimited, SubmissionUnknown
from sora2_provider.gateway.models import VideoRequest
from sora2_provider.gateway.settings import GatewaySettings
from tests.unit.gateway.reading import created, refused_create
from tests.unit.link_hosts import LinkHost

VIDEO = "video_ab12cd34"
ACCEPTED = {"id": VIDEO, "status": "queued"}
BODY = json.dumps(ACCEPTED).encode()

TAKEN_ON = [
    "Server busy, your request was added to the queue.",
    "Task queued (concurrency limit reached)",
    "Due to high demand, your generation will take longer than usual.",
    "Waiting for moderation",
    "系统繁忙，任务已进入队列，请耐心等待",
    "任务创建成功，当前任务过多，请等待",
    "内容审核中，请稍后查询",
    "混雑しているため、生成に時間がかかっています",
    "サーバーが混雑しています。動画はキューに追加されました",
    "요청이 접수되었습니다. 현재 혼잡합니다",
    "Сервер перегружен, видео поставлено в очередь",
    "Server überlastet, Ihr Auftrag wurde in die Warteschlange gestellt",
    "Servidor sobrecargado; su vídeo está en cola",
    "Serveur surchargé, votre vidéo est en file d'attente",
]


@pytest.mark.parametrize("status", [300, 302, 307, 400, 409, 425, 429, 451])
def test_a_video_that_stands_with_its_state_in_a_refusal_is_accepted(status: int) -> None:
    assert created({**ACCEPTED, "error": {"message": "slow down"}}, status).id == VIDEO


@pytest.mark.parametrize("status", [200, 503, 429])
@pytest.mark.parametrize("key", ["error", "detail"])
def test_a_task_that_a_busy_gateway_names_is_not_submitted_again(status: int, key: str) -> None:
    error = refused_create({key: {"message": "server busy", "task_id": VIDEO}}, status)
    assert isinstance(error, SubmissionUnknown)
    assert VIDEO in str(error)


def test_an_empty_id_beside_a_busy_word_names_no_task() -> None:
    assert isinstance(refused_create({"error": {"message": "slow down", "task_id": None}}, 429), RateLimited)


@pytest.mark.parametrize("said", TAKEN_ON)
def test_a_busy_gateway_that_has_taken_the_work_on_is_not_asked_again(said: str) -> None:
    assert isinstance(refused_create({"success": False, "message": said}), SubmissionUnknown)


@pytest.mark.parametrize("outer", ["req_99", "d290f1ee-6c54-4b01", "chatcmpl-1"])
def test_the_id_beside_the_state_is_the_videos(outer: str) -> None:
    assert created({"id": outer, "data": {"task_id": VIDEO, "status": "queued"}}).id == VIDEO


@pytest.mark.parametrize("name", ["Operation-Location", "Content-Location"])
def test_a_header_that_points_to_the_video_is_told(name: str) -> None:
    assert VIDEO in str(refused_create("", 202, {name: f"https://x/videos/{VIDEO}?sig=1"}))


def answered(sent: bytes, *, key: str = "sk-x", then: float = 0.0) -> Any:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(sent)
        if then:
            connection.settimeout(then)
            while connection.recv(65536):
                pass

    with LinkHost(answer) as host:
        return Sora2Client(GatewaySettings(host.url, key, read_timeout=1)).create_video(VideoRequest("a cat"))


@pytest.mark.parametrize("head", [b"Content-Length: 900\r\n\r\n", b"\r\n", b"Transfer-Encoding: chunked\r\n\r\nff\r\n"])
def test_what_had_come_when_a_read_broke_off_is_told(head: bytes) -> None:
    with pytest.raises(SubmissionUnknown, match=VIDEO):
        answered(b"HTTP/1.1 200 OK\r\n" + head + BODY, then=3)


def test_what_had_come_of_a_compressed_answer_is_told() -> None:
    packed = zlib.compress(BODY + bytes(range(32, 127)) * 9)[:-9]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % (len(packed) + 9)
    with pytest.raises(SubmissionUnknown, match=VIDEO):
        answered(head + packed)


def test_an_id_behind_a_long_prompt_is_told() -> None:
    assert VIDEO in str(refused_create({"prompt": "x " * 20_000, "job_ref_id": VIDEO}))


@pytest.mark.parametrize("key", ["video", "ab12", "1"])
def test_a_short_key_does_not_black_out_a_part_of_the_id(key: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    assert answered(head + BODY, key=key).id == VIDEO
