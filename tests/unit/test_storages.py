"""Files in object stores: whole or not at all."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from sora2_provider.storage import Target

try:
    from airflow.sdk.io import attach
except ImportError:  # Airflow 2.11
    from airflow.io.store import attach

#: More than one part of an upload.
PARTS = b"x" * (13 * 1024 * 1024)


class Bucket(AbstractFileSystem):
    """An object store in memory, as fsspec's own for S3, Google and Azure are made: of parts that count once they are closed."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}

    def _open(self, path: str, mode: str = "rb", **options: Any) -> AbstractBufferedFile:
        return Upload(self, path, mode, **options)


class Upload(AbstractBufferedFile):
    def _initiate_upload(self) -> None:
        self.fs.uploads[self.path] = b""

    def _upload_chunk(self, final: bool = False) -> bool:
        self.fs.uploads[self.path] += self.buffer.getvalue()
        if final:
            self.fs.objects[self.path] = self.fs.uploads.pop(self.path)
        return True

    def discard(self) -> None:
        self.fs.uploads.pop(self.path, None)


#: Airflow keeps a storage for as long as the process lives. No other test has this one.
BUCKET = Bucket()


@pytest.fixture
def target() -> Target:
    attach(protocol="gcs", fs=BUCKET)
    BUCKET.objects.clear()
    BUCKET.uploads.clear()
    return Target.parse("gcs://videos/cat.mp4", video_id=None)


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("content", [b"less than a part", PARTS], ids=["less than a part", "some parts"])
def test_an_upload_that_breaks_is_abandoned_and_publishes_nothing(target, content, kind):
    target.write(lambda file: file.write(b"the old one"))

    def half(file: Any) -> None:
        file.write(content)
        assert (BUCKET.uploads != {}) is (content == PARTS)
        raise kind("cut")

    with pytest.raises(kind):
        target.write(half)
    # A file that is left open is closed, and so published, by whoever collects it.
    gc.collect()
    assert BUCKET.uploads == {}
    assert list(BUCKET.objects.values()) == [b"the old one"]


def test_an_upload_that_is_whole_is_published(target):
    assert target.write(lambda file: file.write(PARTS)) == len(PARTS)
    assert list(BUCKET.objects.values()) == [PARTS]
