"""What the doctor checks of this machine's Airflow: where records are kept, the triggerer, the installed versions."""

from __future__ import annotations

import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from importlib import metadata

import pendulum
from packaging.requirements import Requirement

from sora2_provider import compat
from sora2_provider.cli.doctor.report import Finding, fail, ok, skip, warn
from sora2_provider.spending.caps import counting_place
from sora2_provider.spending.limits import SpendingLimits
from sora2_provider.storage import Target

_DISTRIBUTION = "airflow-provider-sora2"
_SHARED = "All workers must share it."


def check_storage() -> Finding:
    """Check where create tasks write down what they have submitted, by writing a file there, if it is a place for files."""
    folder = compat.conf.get("sora2", "state_path", fallback="").strip()
    if folder:
        to_do = "Correct [sora2] state_path, or the rights and the connection that it needs. Until then create tasks submit nothing."
        return _checked_folder("storage", f"[sora2] state_path {folder}", folder, to_do)
    if compat.never_expire() is None:
        return warn(
            "storage",
            f"Nowhere: Airflow {compat.airflow_version()} has no task state store, and [sora2] state_path is empty. A worker that "
            "is killed after its submit cannot say what it has paid for.",
            "Set [sora2] state_path to a folder or bucket that all workers share, or keep retries=0 on create tasks.",
        )
    seen = "Airflow's task state store keeps what tasks have submitted."
    if compat.conf.getboolean("state_store", "clear_on_success", fallback=False):
        seen += ' Because of [state_store] clear_on_success, on_clear="reuse" finds nothing after a success.'
    return ok("storage", seen)


def check_counting(limits: SpendingLimits) -> Iterator[Finding]:
    """Check where creates are counted, if the connection has a cap."""
    if limits.max_creates_per_hour is None and limits.max_creates_per_day is None:
        return
    place = counting_place()
    to_do = (
        "Set [sora2] spending_path (or state_path) to a folder or bucket that all workers share, or take the cap away."
    )
    if not place:
        yield fail("caps", "There is no place where all workers could count the connection's creates.", to_do)
        return
    yield _checked_folder("caps", f"Creates are counted at {place}, which", place, to_do)


def _checked_folder(check: str, named: str, folder: str, to_do: str) -> Finding:
    content = b"Written by sora2 doctor, and safe to remove.\n"
    try:
        target = Target.parse(f"{folder.rstrip('/')}/.doctor-{secrets.token_hex(8)}", video_id=None)
        target.create(content)
        try:
            found = b"".join(target.read())
            is_exclusive = _refuses_another(target)
        finally:
            target.remove()
    except Exception as error:
        # Storages raise what they like.
        return fail(check, f"{named}: {type(error).__name__}: {error}", to_do)
    if found != content:
        return fail(check, f"{named}: a file that was written read back differently.", to_do)
    shared = f" {_SHARED}" if "://" not in folder or folder.startswith(("file:", "local:")) else ""
    if not is_exclusive:
        return warn(
            check,
            f"{named} can be written and read, but a file can be created over another one.",
            "If you can, use a storage that creates exclusively (a disk, S3): two processes of one task could both submit.",
        )
    return ok(check, f"{named} can be written, once only, and read.{shared}")


def _refuses_another(target: Target) -> bool:
    try:
        target.create(b"")
    except FileExistsError:
        return True
    return False


def check_triggerer() -> Finding:
    """Check that a triggerer has reported to the metadata database just now."""
    needed = compat.conf.getboolean("operators", "default_deferrable", fallback=False)
    to_do = "Start one (airflow triggerer): tasks with deferrable=True wait there, and without it for ever."
    found = fail if needed else warn
    try:
        job = compat.latest_triggerer()
    except Exception as error:
        # Without a database, or with one of another Airflow, SQLAlchemy and its drivers raise what they like.
        why = f"The metadata database cannot be read from here ({type(error).__name__}); Airflow's home page shows the triggerer."
        return skip("triggerer", why)
    if job is None:
        return found("triggerer", "None has ever run.", to_do)
    ago = (pendulum.now("UTC") - pendulum.instance(job.latest_heartbeat)).in_words(locale="en")
    seen = f"The one on {job.hostname} reported {' '.join(ago.split()[:4])} ago"
    if job.is_alive():
        return ok("triggerer", f"{seen}.")
    return found("triggerer", f"{seen}, and is not running now.", to_do)


def check_versions() -> Finding:
    """Check the installed packages against what this one asks for: constraints and ``--no-deps`` can break that."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    seen = (
        f"{_DISTRIBUTION} {metadata.version(_DISTRIBUTION)}, Airflow {compat.airflow_version()}, Python {python}, "
        f"on {socket.gethostname()}."
    )
    missing = list(_unmet(metadata.requires(_DISTRIBUTION) or [], metadata.version))
    if missing:
        return fail("versions", f"{seen} It needs {', '.join(missing)}.", "Install these: pip install 'NAME>=VERSION'.")
    return ok("versions", seen)


def _unmet(requires: list[str], version_of: Callable[[str], str]) -> Iterator[str]:
    for text in requires:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version_of(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"{requirement.name}{requirement.specifier} (not installed)"
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            yield f"{requirement.name}{requirement.specifier} (installed: {installed})"
