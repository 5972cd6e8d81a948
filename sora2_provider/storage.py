"""Stores a file under an ``ObjectStoragePath`` URI, whole or not at all.

Wherever files grow under their name while they are written, the bytes go to a temporary name beside the target and are
renamed when complete; on a disk that is done by :mod:`sora2_provider.disk`. Object stores have no rename, and need none: an object exists once its upload is
closed, so an upload that fails is abandoned instead.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sora2_provider.compat import ObjectStoragePath
from sora2_provider.disk import create_file, replace_file
from sora2_provider.gateway.download.media_types import media_type
from sora2_provider.gateway.leftovers import leftover_in_path

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video

IF_EXISTS = ("replace", "skip", "fail")

_DISK = ("", "file", "local")
_OBJECT_STORES = ("s3", "s3a", "s3n", "gs", "gcs", "abfs", "abfss", "adl", "az", "wasb", "wasbs", "oss", "cos", "obs")
#: Uploads are buffered in parts of this size (bytes). S3 wants at least 5 MiB; its client's default is ten times this.
_PART = 6 * 1024 * 1024
_READ = 1024 * 1024
_SMALL = 64 * 1024
#: More than any file that is read as one piece has.
_WHOLE = 16 * 1024 * 1024

#: Seconds between the attempts of a create that a storage refuses while another one, maybe its own, is under way.
_PAUSES = (0.5, 1.0, 2.0)

Result = TypeVar("Result")


class StoredVideo(NamedTuple):
    """A video's file where it was stored.

    :param uri: opens with ``ObjectStoragePath(uri)``.
    :param size: bytes.
    :param sha256: hex digest.
    :param content_type: media type, usually ``video/mp4``.
    :param video: the video whose file it is; ``None`` where an existing file was kept.
    """

    uri: str
    size: int
    sha256: str
    content_type: str
    video: Video | None = None


class Target(NamedTuple):
    """A place for one file that is known to be usable.

    :param uri: the URI as later tasks can open it with ``ObjectStoragePath(uri)``.
    """

    uri: str

    @classmethod
    def parse(cls, path: Any, *, video_id: str | None) -> Target:
        """Return the target of a path, checked without writing anything.

        :param path: a URI such as ``s3://aws_default@bucket/videos/cat.mp4``, or an absolute local path. One that ends
            with ``/`` is a folder, in which the file gets the video's id as its name.
        :param video_id: ``None`` where the id is not known yet.
        :raises ValueError: the path cannot be used; says what to write.
        :raises OSError: the storage could not be opened: a package or a connection is missing, or away.
        """
        text = str(path).strip() if isinstance(path, (str, ObjectStoragePath, PurePosixPath)) else ""
        if text in ("", "None", "none", "null"):
            raise ValueError(
                f"path={path!r}: it must be a URI such as s3://my_conn@bucket/videos/cat.mp4 or an absolute path. "
                "If this is a template, it rendered to nothing."
            )
        if problem := leftover_in_path(text):
            raise ValueError(f"path={text!r}: {problem}")
        if "://" not in text:
            if not text.startswith("/"):
                raise ValueError(
                    f"path={text!r}: a relative path means another folder on each worker. Write an absolute path, "
                    "or a URI such as s3://my_conn@bucket/videos/cat.mp4."
                )
            text = f"file://{text}"
        elif text.startswith(("file://", "local://")) and not text.partition("://")[2].startswith("/"):
            raise ValueError(f"path={text!r}: a local URI has three slashes, as in file:///data/videos/cat.mp4.")
        if ".." in re.split(r"[/\\]", text):
            raise ValueError(
                f"path={text!r}: leave out the '..'. If this is a template, look at what an earlier task put into it."
            )
        if text.endswith("/"):
            text += file_name(video_id or "video")
        target = cls(text)
        try:
            _ = target.filesystem
        except Exception as error:
            raise OSError(
                f"path={text!r}: this storage cannot be opened here ({type(error).__name__}: {error}). A scheme needs "
                "its Airflow provider or fsspec package on the workers: s3:// apache-airflow-providers-amazon[s3fs], "
                "gs:// apache-airflow-providers-google, abfs:// apache-airflow-providers-microsoft-azure."
            ) from error
        if target._protocol in _DISK and target.filesystem.isdir(target._path):
            raise ValueError(f"path={text!r}: this is a folder. End it with / to name the file after the video's id.")
        return target

    @property
    def filesystem(self) -> Any:
        """The fsspec filesystem, logged in with the connection that the URI names."""
        return ObjectStoragePath(self.uri).fs

    @property
    def _path(self) -> str:
        return str(ObjectStoragePath(self.uri).path)

    @property
    def _protocol(self) -> str:
        return str(ObjectStoragePath(self.uri).protocol or "")

    def exists(self) -> bool:
        """Whether a file stands there."""
        return bool(self.filesystem.exists(self._path))

    def size(self) -> int:
        """Return the size of the file in bytes."""
        filesystem = self.filesystem
        filesystem.invalidate_cache()
        return int(filesystem.size(self._path))

    def read(self) -> Iterator[bytes]:
        """Yield the file's bytes, as they are now."""
        filesystem = self.filesystem
        filesystem.invalidate_cache()
        with filesystem.open(self._path, "rb", block_size=_READ) as file:
            while part := file.read(_READ):
                yield part

    def content(self, *, most: int = _WHOLE) -> bytes | None:
        """Return the file's bytes as they are now, in one request; ``None`` where there is none."""
        filesystem = self.filesystem
        filesystem.invalidate_cache()
        try:
            # Where no end is given, s3fs asks for the size first.
            content: bytes = filesystem.cat_file(self._path, start=0, end=most)
        except FileNotFoundError:
            return None
        return content

    def small_content(self) -> bytes | None:
        """Return the bytes of a small file as they are now, in one request; ``None`` where there is none."""
        return self.content(most=_SMALL)

    def described(self) -> tuple[int, str, str]:
        """Return size (bytes), sha256 (hex) and media type of the file that is there."""
        digest = hashlib.sha256()
        size, head = 0, b""
        for part in self.read():
            head = head or part[:1024]
            digest.update(part)
            size += len(part)
        return size, digest.hexdigest(), media_type(head, "")

    def remove(self) -> None:
        """Remove the file.

        :raises FileNotFoundError: there is none.
        """
        self.filesystem.rm_file(self._path)

    def create(self, content: bytes) -> None:
        """Write a small file that must not be there yet: whole or not at all, and by one of several writers only.

        A storage's client repeats a request whose answer was lost, and may then be refused because of the file that it
        has just made. So this process has created the file that holds its content, whatever the storage says.

        :param content: what no other writer writes; it holds a random part.
        :raises FileExistsError: there is one.
        """
        for pause in (*_PAUSES, None):
            try:
                self._create(content)
            except Exception as error:
                # Each storage raises errors of its own.
                found = self.content()
                if found == content:
                    return
                if found is not None:
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.uri) from error
                if pause is None or not _is_conflict(error):
                    raise
                time.sleep(pause)
            else:
                return

    def _create(self, content: bytes) -> None:
        filesystem, path = self.filesystem, self._path
        if self._protocol in _DISK:
            create_file(Path(path), content)
            return
        filesystem.invalidate_cache()
        if self._protocol not in _OBJECT_STORES:
            filesystem.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        # S3 makes this one conditional request; elsewhere fsspec looks first and writes then.
        filesystem.pipe_file(path, content, mode="create")

    def write(self, fill: Callable[[Any], Result]) -> Result:
        """Create or replace the file with what ``fill`` writes; when it raises, the target stays as it was."""
        filesystem, path = self.filesystem, self._path
        if self._protocol in _OBJECT_STORES:
            with _upload(filesystem.open(path, "wb", block_size=_PART)) as file:
                return fill(file)
        if self._protocol in _DISK:
            return replace_file(Path(path), fill)
        place = PurePosixPath(path)
        filesystem.makedirs(str(place.parent), exist_ok=True)
        partial = str(place.with_name(f".{place.name[:200]}.{secrets.token_hex(4)}.part"))
        try:
            with filesystem.open(partial, "wb") as file:
                result = fill(file)
            filesystem.mv(partial, path)
        except BaseException:
            with contextlib.suppress(Exception):
                filesystem.rm(partial)
            raise
        return result


def folders_in(uri: str) -> list[str]:
    """Return the names of the folders in a folder; none where it is not there."""
    return _names_in(uri, "directory")


def files_in(uri: str) -> list[str]:
    """Return the names of the files in a folder; none where it is not there."""
    return _names_in(uri, "file")


def _names_in(uri: str, kind: str) -> list[str]:
    place = ObjectStoragePath(uri)
    place.fs.invalidate_cache()
    try:
        found = place.fs.ls(str(place.path), detail=True)
    except FileNotFoundError:
        return []
    return [PurePosixPath(one["name"].rstrip("/")).name for one in found if one["type"] == kind]


def remove_folder(uri: str) -> None:
    """Remove a folder with all that is in it."""
    place = ObjectStoragePath(uri)
    place.fs.rm(str(place.path), recursive=True)


def file_name(video_id: str) -> str:
    """Return a file name for a video's id: ids are the gateway's words, so nothing of a path may stand in one."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", video_id).strip("._")[:120]
    if safe != video_id:
        # Two ids must not become one name.
        digest = hashlib.sha256(video_id.encode(errors="surrogatepass")).hexdigest()
        safe = f"{safe or 'video'}-{digest[:8]}"
    return f"{safe}.mp4"


def _is_conflict(error: Exception) -> bool:
    """Whether it is not decided yet which of several processes makes the file: S3 says so with HTTP 409."""
    if isinstance(error, BlockingIOError):
        return True
    answer = getattr(error.__cause__, "response", None) or {}
    return bool(answer.get("Error", {}).get("Code") == "ConditionalRequestConflict")


@contextlib.contextmanager
def _upload(file: Any) -> Iterator[Any]:
    """Close an upload when all was written; otherwise abandon it, since closing would publish half a file."""
    try:
        yield file
        file.close()
    except BaseException:
        with contextlib.suppress(Exception):
            file.discard()
        with contextlib.suppress(Exception):
            file.closed = True
        raise
