"""The doctor's checks of this machine's Airflow: where records are kept, the triggerer, the installed versions."""

from __future__ import annotations

import secrets
import socket
import sys
from collections.abc import Iterator
from importlib import metadata

import pendulum
from packaging.requirements import Requirement

from sora2_provider import compat
from sora2_provider.cli.doctor.report import CheckResult, fail, ok, skip, warn
from sora2_provider.spending.caps import counting_folder
from sora2_provider.spending.limits import SpendingLimits
from sora2_provider.storage import Target

_DISTRIBUTION = "airflow-provider-sora2"


def check_storage() -> CheckResult:
    """Check where create tasks record what they have submitted; a folder is checked by writing a file."""
    folder = compat.conf.get("sora2", "state_path", fallback="").strip()
    if folder:
        to_do = "Correct [sora2] state_path, or the permissions and the connection that it needs. Until then create tasks submit nothing."
        return _checked_folder("storage", f"[sora2] state_path {folder}", folder, to_do)
    if compat.never_expire() is None:
        return warn(
            "storage",
            f"Nowhere: Airflow {compat.airflow_version()} has no task state store, and [sora2] state_path is empty. If a "
            "worker is killed after it has submitted a video, no record of that is left.",
            "Set [sora2] state_path to a folder or bucket that all workers share, or keep retries=0 on create tasks.",
        )
    seen = "Airflow's task state store keeps what tasks have submitted."
    if compat.conf.getboolean("state_store", "clear_on_success", fallback=False):
        seen += ' Because of [state_store] clear_on_success, on_clear="reuse" finds nothing after a success.'
    if compat.clear_forgets_task_state():
        seen += (
            f" But Airflow {compat.airflow_version()} forgets it when a person clears a task, so a clear pays again."
        )
        to_do = (
            "Set [sora2] state_path to a folder or bucket that all workers share, or keep the task state at each clear."
        )
        return warn("storage", seen, to_do)
    return ok("storage", seen)


def check_counting(limits: SpendingLimits) -> Iterator[CheckResult]:
    """Check where creates are counted, if the connection has a cap."""
    if limits.max_creates_per_hour is None and limits.max_creates_per_day is None:
        return
    folder = counting_folder()
    to_do = "Set [sora2] spending_path (or state_path) to a folder or bucket that all workers share, or remove the cap."
    if folder:
        yield _checked_folder("caps", f"The folder in which creates are counted, {folder},", folder, to_do)
    else:
        yield fail("caps", "No folder is configured in which all workers can count the connection's creates.", to_do)


def _checked_folder(check: str, named: str, folder: str, to_do: str) -> CheckResult:
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
        # Each storage raises errors of its own.
        return fail(check, f"{named}: {type(error).__name__}: {error}", to_do)
    if found != content:
        return fail(check, f"{named}: a file was read back with another content.", to_do)
    shared = " All workers must share it." if "://" not in folder or folder.startswith(("file:", "local:")) else ""
    if not is_exclusive:
        return warn(
            check,
            f"{named} can be written and read, but creating a file overwrites one that exists.",
            "If you can, use a storage that creates files exclusively (a disk, S3): two processes of one task could both submit.",
        )
    return ok(check, f"{named} can be written and read, and creates files exclusively.{shared}")


def _refuses_another(target: Target) -> bool:
    try:
        target.create(b"")
    except FileExistsError:
        return True
    return False


def check_triggerer() -> CheckResult:
    """Check that a triggerer has reported to the metadata database recently."""
    needed = compat.conf.getboolean("operators", "default_deferrable", fallback=False)
    to_do = "Start one (airflow triggerer): tasks with deferrable=True wait in it, and never end without it."
    found = fail if needed else warn
    try:
        job = compat.latest_triggerer()
    except Exception as error:
        # Without a database, or with one of another Airflow, SQLAlchemy and its drivers raise errors of their own.
        why = f"The metadata database cannot be read from here ({type(error).__name__}); Airflow's home page shows the triggerer."
        return skip("triggerer", why)
    if job is None:
        return found("triggerer", "None has ever run.", to_do)
    ago = (pendulum.now("UTC") - pendulum.instance(job.latest_heartbeat)).in_words(locale="en")
    seen = f"The triggerer on {job.hostname} reported {' '.join(ago.split()[:4])} ago"
    if job.is_alive():
        return ok("triggerer", f"{seen}.")
    return found("triggerer", f"{seen}, and is not running now.", to_do)


def check_versions() -> CheckResult:
    """Check the installed packages against what this one asks for: constraints and ``--no-deps`` can break that."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    seen = (
        f"{_DISTRIBUTION} {metadata.version(_DISTRIBUTION)}, Airflow {compat.airflow_version()}, Python {python}, "
        f"on {socket.gethostname()}."
    )
    missing = list(_unmet(metadata.requires(_DISTRIBUTION) or []))
    if missing:
        return fail("versions", f"{seen} It needs {', '.join(missing)}.", "Install these: pip install 'NAME>=VERSION'.")
    return ok("versions", seen)


def _unmet(requires: list[str]) -> Iterator[str]:
    for text in requires:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"{requirement.name}{requirement.specifier} (not installed)"
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            yield f"{requirement.name}{requirement.specifier} (installed: {installed})"
