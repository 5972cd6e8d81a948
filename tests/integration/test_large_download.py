"""A 300 MB video goes to a disk and to an S3-compatible server in constant memory."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sora2_provider.emulator import Emulator
from tests.s3_server import BUCKET, aws_connection

FILE_BYTES = 300 * 1024 * 1024
ALLOWED = 40 * 1024 * 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read under /proc")


@pytest.fixture(scope="module")
def gateways() -> Iterator[tuple[Emulator, Emulator]]:
    with Emulator(canned=True, file_bytes=FILE_BYTES) as big, Emulator(canned=True) as small:
        yield big, small


def made_at(gateway: Emulator) -> str:
    body = {
        "prompt": "a cat",
        "images": [],
        "model": "sora-2",
        "orientation": "portrait",
        "size": "small",
        "duration": 10,
    }
    headers = {"Authorization": "Bearer sk-test"}
    answer = requests.post(f"{gateway.url}/v1/video/create", json=body, headers=headers, timeout=20)
    return answer.json()["id"]


def measured(gateways: tuple[Emulator, Emulator], path: str, small_path: str, **environment: str) -> dict:
    big, small = gateways
    environment = {
        **os.environ,
        "AIRFLOW_CONN_SORA2_DEFAULT": big.connection(),
        "AIRFLOW_CONN_SORA2_SMALL": small.connection(),
        **environment,
    }
    script = Path(__file__).with_name("measure_download.py")
    result = subprocess.run(
        [sys.executable, str(script), made_at(big), path, made_at(small), small_path],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return json.loads(result.stdout.strip().splitlines()[-1])


def test_a_disk_gets_300_mb_in_constant_memory(gateways, tmp_path):
    found = measured(gateways, f"{tmp_path}/big.mp4", f"{tmp_path}/small.mp4")
    print(f"300 MB to a disk added {found['added'] / 2**20:.1f} MB")
    assert (tmp_path / "big.mp4").stat().st_size == found["size"] == FILE_BYTES
    assert found["added"] < ALLOWED


def test_an_s3_compatible_server_gets_300_mb_in_constant_memory(gateways, s3, tmp_path):
    found = measured(
        gateways,
        f"s3://aws_here@{BUCKET}/folder/big.mp4",
        f"s3://aws_here@{BUCKET}/folder/small.mp4",
        AIRFLOW_CONN_AWS_HERE=aws_connection(s3),
    )
    print(f"300 MB to S3 added {found['added'] / 2**20:.1f} MB")
    digest = hashlib.sha256()
    with requests.get(f"{s3}/{BUCKET}/folder/big.mp4", stream=True, timeout=60) as answer:
        assert int(answer.headers["Content-Length"]) == FILE_BYTES
        for part in answer.iter_content(1024 * 1024):
            digest.update(part)
    assert digest.hexdigest() == found["sha256"]
    assert found["uri"] == f"s3://aws_here@{BUCKET}/folder/big.mp4"
    assert found["added"] < ALLOWED


def test_an_upload_that_fails_leaves_no_object_and_no_open_upload(gateways, s3, monkeypatch):
    from sora2_provider.storage import Target

    monkeypatch.setenv("AIRFLOW_CONN_AWS_HERE", aws_connection(s3))
    target = Target.parse(f"s3://aws_here@{BUCKET}/half.mp4", video_id=None)

    def half(file):
        file.write(b"x" * 20 * 1024 * 1024)
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        target.write(half)
    assert requests.get(f"{s3}/{BUCKET}/half.mp4", timeout=20).status_code == 404
    assert "<Upload>" not in requests.get(f"{s3}/{BUCKET}?uploads", timeout=20).text
