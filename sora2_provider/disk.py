"""Files on a disk: whole or not at all, made by one process only, and still there after the power has failed.

The bytes go to a temporary name beside the file. A *new* file gets its name by a hard link, which, unlike a rename, fails
where a file is. Where the filesystem knows no links it is renamed by the one process that holds a *claim* on the name: a
second file, which is made exclusively. A process that dies leaves the claim behind, so an old one is taken over.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

#: What filesystems say that know no hard links, and those that cannot sync a folder or do not let it be opened.
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
_NO_SYNC = (*_NO_LINKS, errno.EINVAL, errno.EBADF, errno.EACCES, errno.EISDIR)
#: Seconds after which a claim is that of a process that died: to check that no file is there and to rename one takes none.
_CLAIM_LIFE = 60.0


def create_file(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet.

    :raises FileExistsError: there is one.
    :raises BlockingIOError: another process is just making it.
    """
    with _partial(path) as partial:
        _written(partial, lambda file: file.write(content))
        try:
            os.link(partial, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _rename_alone(partial, path)
        _sync_folder(path.parent)


def replace_file(path: Path, fill: Callable[[Any], Result]) -> Result:
    """Create or replace a file with what ``fill`` writes; when it raises, the file stays as it was."""
    with _partial(path) as partial:
        result = _written(partial, fill)
        partial.replace(path)
        _sync_folder(path.parent)
    return result


@contextlib.contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside a file, in folders that are there and stay there."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        _sync_folder(folder.parent)
    partial = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _written(partial: Path, fill: Callable[[Any], Result]) -> Result:
    with partial.open("xb") as file:
        result = fill(file)
        file.flush()
        os.fsync(file.fileno())
    return result


def _sync_folder(folder: Path) -> None:
    """Let the names in a folder survive a power failure, where the filesystem can promise that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _rename_alone(partial: Path, path: Path) -> None:
    claim = path.with_name(f".{path.name[:200]}.claim")
    own = partial.name.encode()
    if not _claimed(claim, own):
        _let_go_of_an_old_claim(claim, partial)
        if not _claimed(claim, own):
            raise _busy(path)
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        if not _holds(claim, own):
            raise _busy(path)
        partial.replace(path)
    finally:
        if _holds(claim, own):
            claim.unlink(missing_ok=True)


def _claimed(claim: Path, own: bytes) -> bool:
    try:
        with claim.open("xb") as file:
            file.write(own)
    except FileExistsError:
        return False
    return True


def _holds(claim: Path, own: bytes) -> bool:
    try:
        return claim.read_bytes() == own
    except FileNotFoundError:
        return False


def _let_go_of_an_old_claim(claim: Path, fresh: Path) -> None:
    """Remove a claim whose process has died.

    :param fresh: a file that was just written: both times are those of the filesystem's clock.
    """
    with contextlib.suppress(FileNotFoundError):
        if _age(claim, fresh) < _CLAIM_LIFE:
            raise _busy(claim)
        # By a rename, so that only one process removes it; and what was removed may be another one's fresh claim by now.
        taken = claim.with_name(f"{fresh.name}.claim")
        claim.rename(taken)
        age = _age(taken, fresh)
        taken.unlink()
        if age < _CLAIM_LIFE:
            raise _busy(claim)


def _age(claim: Path, fresh: Path) -> float:
    return fresh.stat().st_mtime - claim.stat().st_mtime


def _busy(path: Path) -> BlockingIOError:
    return BlockingIOError(errno.EAGAIN, "another process is just making this file", str(path))
