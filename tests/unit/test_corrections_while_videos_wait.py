"""What a person or a rotation corrects comes into use while videos wait: a key, a CA bundle, a connection."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from tests.unit.loop_time import LoopTime
from tests.unit.waiting_scene import INTERVAL, End, Scene, played


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(tmp_path: Path, authority: trustme.CA) -> Path:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, authority: trustme.CA) -> Scene:
    scene = Scene(LoopTime(), monkeypatch)
    scene.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(scene.tls)
    return scene


def completes_after(scene: Scene, moment: float) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = await (scene.completed if scene.now > moment else scene.unfinished)(request)
        # So that each question shakes hands anew.
        response.force_close()
        return response

    scene.answer = answer


@pytest.mark.parametrize("trouble", ["missing", "empty", "half written"])
@pytest.mark.parametrize("since", [0, 100])
def test_a_ca_bundle_that_cannot_be_read_for_a_moment_ends_no_wait(scene, bundle, trouble, since):
    whole = bundle.read_bytes()

    async def play() -> list[End]:
        completes_after(scene, 400)
        scene.connect(extra={"verify_tls": str(bundle)})
        waiting = [asyncio.ensure_future(scene.wait(f"video_{number}")) for number in range(3)]
        await asyncio.sleep(since)
        bundle.unlink() if trouble == "missing" else bundle.write_bytes(whole[:60] if trouble != "empty" else b"")
        await asyncio.sleep(100 if since == 0 else 250)
        bundle.write_bytes(whole)
        return await asyncio.gather(*waiting)

    ends = played(scene, play)
    assert [end.outcome for end in ends] == ["completed"] * 3
    assert max(end.at for end in ends) < 400 + 2 * INTERVAL


def test_a_ca_bundle_that_is_rotated_is_read_again(scene, bundle):
    async def play() -> End:
        completes_after(scene, 350)
        scene.connect(extra={"verify_tls": str(bundle)})
        waiting = asyncio.ensure_future(scene.wait())
        await asyncio.sleep(100)
        fresh = trustme.CA()
        fresh.issue_cert("localhost").configure_cert(scene.tls)
        fresh.cert_pem.write_to_path(bundle)
        return await waiting

    end = played(scene, play)
    assert end.outcome == "completed"
    assert end.at < 350 + 2 * INTERVAL


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_connection_that_is_corrected_is_used_before_its_waits_are_given_up(scene, bundle, status):
    """Refusals are ridden out for three minutes, and a connection is looked up every five where all is well."""

    async def play() -> End:
        completes_after(scene, 0)
        answer = scene.answer

        async def knows_one_key(request: web.Request) -> web.StreamResponse:
            if request.headers["Authorization"] != "Bearer sk-correct":
                return web.json_response({"error": {"message": "no"}}, status=status)
            return await answer(request)

        scene.answer = knows_one_key
        scene.connect(extra={"verify_tls": str(bundle)})
        waiting = asyncio.ensure_future(scene.wait())
        await asyncio.sleep(100)
        scene.connect(extra={"verify_tls": str(bundle)}, password="sk-correct")
        return await waiting

    end = played(scene, play)
    assert end.outcome == "completed"
    assert end.at < 100 + 30 + 2 * INTERVAL
