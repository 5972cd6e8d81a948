"""Checks of operator arguments: as much as can be known when the DAG file is parsed, and the rest in ``execute``.

A ``check_`` raises :class:`InvalidParameter`, which shows up as an import error of the DAG file.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import PurePath
from typing import Any

from sora2_provider.compat import ObjectStoragePath, conf
from sora2_provider.exceptions import Fate, InvalidParameter, Sora2Error
from sora2_provider.gateway import parameters
from sora2_provider.gateway.leftovers import leftover_in_name, leftover_in_path, leftover_object
from sora2_provider.gateway.parameters import of_mapped
from sora2_provider.hooks import sora2 as hook_module
from sora2_provider.hooks.sora2 import seconds_to_wait
from sora2_provider.hooks.templates import is_settled

#: More source images than any model takes: an iterator without an end must not stop the parsing of DAG files.
_MOST_IMAGES = 1000
ON_CLEAR = ("regenerate", "reuse")
ON_UNKNOWN_SUBMISSION = ("fail", "resubmit")


def check_settled(task_id: str, values: Mapping[str, Any]) -> None:
    """Check the request parameters that are known now; templates and XComs are checked in ``execute``."""
    known = {name: value for name, value in values.items() if is_settled(value)}
    images, extra = values["images"], values["extra"]
    if type(extra) is not dict and isinstance(extra, Mapping):
        check_copyable(task_id, "extra", extra, "dict")
    if isinstance(images, (list, tuple)):
        known["images"] = [*filter(is_settled, images)]
    if "extra" not in known and isinstance(extra, dict):
        known["extra"] = {name: value for name, value in extra.items() if is_settled(value)}
    try:
        parameters.checked(known)
    except ValueError as error:
        raise InvalidParameter(f"Task {task_id!r}: {error}") from None
    for name, value in values.items():
        if name not in known and isinstance(value, str) and (problem := leftover_object(value)):
            raise InvalidParameter(f"Task {task_id!r}: {name}: {problem}")


def listed(task_id: str, images: Any) -> Any:
    """Return the images as a list, where they come as something that can be read only once, or as a tuple.

    A tuple comes back from the database as a list. An empty one stays: to look for files in a list, Airflow makes a Jinja
    environment, a tenth of what an operator costs to parse.
    """
    if images == () or isinstance(images, (str, bytes, list, Mapping)):
        return images
    if hasattr(images, "resolve") or not isinstance(images, Iterable):
        return images
    links = list(islice(images, _MOST_IMAGES + 1))
    if len(links) > _MOST_IMAGES:
        raise InvalidParameter(f"Task {task_id!r}: images: it has more than {_MOST_IMAGES} links, or no end.")
    check_copyable(task_id, "images", images, "list")
    return links


def check_copyable(task_id: str, name: str, value: Any, instead: str) -> None:
    """Check that Airflow can copy an argument: it keeps each as it was given, and copies operators.

    :param instead: the type to turn it into.
    """
    try:
        copy.deepcopy(value)
    except TypeError:
        raise InvalidParameter(
            f"Task {task_id!r}: {name}: Airflow cannot copy a {type(value).__name__}. Pass {name}={instead}(...) instead."
        ) from None


def settled_seconds(task_id: str, name: str, value: Any) -> Any:
    """Return how long to wait, in seconds, where that is known now."""
    if not is_settled(value):
        return value
    try:
        return seconds_to_wait(name, value)
    except InvalidParameter as error:
        raise InvalidParameter(f"Task {task_id!r}: {error}") from None


def check_waiting(task_id: str, *, wait_for_completion: Any, output_path: Any) -> None:
    """Check what says whether to wait, and for what."""
    task = f"Task {task_id!r}"
    if not isinstance(wait_for_completion, bool):
        raise InvalidParameter(f"{task}: wait_for_completion={wait_for_completion!r}: it must be True or False.")
    check_path(task_id, "output_path", output_path)
    if output_path is not None and not wait_for_completion:
        raise InvalidParameter(
            f"{task}: output_path needs wait_for_completion=True, because the file exists only when the rendering "
            "has ended. Or store it in a later task, with Sora2DownloadVideoOperator."
        )


def check_paying(task_id: str, *, durable: Any, on_clear: Any, on_unknown_submission: Any) -> None:
    """Check what says when a video may be submitted again."""
    if not isinstance(durable, bool):
        raise InvalidParameter(f"Task {task_id!r}: durable={durable!r}: it must be True or False.")
    for name, value, allowed in (
        ("on_clear", on_clear, ON_CLEAR),
        ("on_unknown_submission", on_unknown_submission, ON_UNKNOWN_SUBMISSION),
    ):
        if value not in allowed:
            raise InvalidParameter(f"Task {task_id!r}: {name}={value!r}: it must be one of {', '.join(allowed)}.")


def warning_of_setup(operator: Any, on_clear: str) -> str:
    """Return what a setup task is to be told before it pays; empty for any other, and for one whose clear pays nothing."""
    if not getattr(operator, "is_setup", False) or on_clear != "regenerate":
        return ""
    return (
        "This task is a setup: Airflow clears it together with each task that needs it, and a cleared create task whose video was "
        "delivered pays for another. Set on_clear='reuse' to keep the video."
    )


def check_storing(task_id: str, *, path: Any, if_exists: Any) -> None:
    """Check where and how to store, as far as it is known now."""
    # Imported here: DAG files must parse fast.
    from sora2_provider.storage import IF_EXISTS

    if is_settled(if_exists) and if_exists not in IF_EXISTS:
        allowed = ", ".join(IF_EXISTS)
        raise InvalidParameter(f"Task {task_id!r}: if_exists={if_exists!r}: it must be one of {allowed}.")
    check_path(task_id, "path", path)


def check_path(task_id: str, name: str, path: Any) -> None:
    """Check a path as far as it is known now."""
    if not isinstance(path, str):
        if path is not None and is_settled(path) and not isinstance(path, (PurePath, ObjectStoragePath)):
            raise InvalidParameter(f"Task {task_id!r}: {name}={path!r}: it must be a text, not {type(path).__name__}.")
        return
    settled = is_settled(path)
    if problem := leftover_in_path(path) if settled else leftover_object(path):
        raise InvalidParameter(f"Task {task_id!r}: {name}={path!r}: {problem}")
    if settled and "://" not in path and not path.startswith("/"):
        raise InvalidParameter(
            f"Task {task_id!r}: {name}={path!r}: a relative path means another folder on each worker. "
            "Write an absolute path or a URI."
        )


def checked_dialect(task_id: str, dialect: str | None) -> str:
    """Return the name of a dialect; empty where the connection decides."""
    try:
        return hook_module.checked_dialect(dialect)
    except InvalidParameter as error:
        raise InvalidParameter(f"Task {task_id!r}: {error}") from None


def check_video_id(task_id: str, video_id: Any) -> None:
    """Check a video's id as far as it is known now."""
    if is_settled(video_id):
        try:
            parameters.checked_video_id(video_id)
        except ValueError as error:
            raise InvalidParameter(f"Task {task_id!r}: {error}") from None


def resolved_deferrable(deferrable: bool | None, *, wait_for_completion: bool) -> bool:
    """Return whether to wait in the triggerer: as asked, or by Airflow's default, and only where there is a wait."""
    if deferrable and not wait_for_completion:
        warnings.warn(
            "deferrable=True does nothing without wait_for_completion=True: the task only submits the video.",
            UserWarning,
            stacklevel=4,
        )
    if deferrable is None:
        deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
    return bool(deferrable) and wait_for_completion


def checked_target(path: str) -> None:
    """Check, before anything is paid, that a file could be stored there.

    :raises InvalidParameter: it could not.
    """
    # Imported here: DAG files must parse fast.
    from sora2_provider.storage import Target

    try:
        Target.parse(path, video_id=None)
    except ValueError as error:
        raise InvalidParameter(f"output_path: {error}", Fate.NOTHING_SENT) from error
    except OSError as error:
        raise Sora2Error(f"output_path: {error}", Fate.NOTHING_SENT) from error


def check_one_path(name: str, path: Any, operator: str) -> None:
    """Check that one path came out of a template or an XCom, and not the many of a mapped task.

    :raises InvalidParameter: many came.
    """
    if mapped := of_mapped(name, path, operator, "paths"):
        raise InvalidParameter(
            f"{name}={path!r}: it must be a text, not {type(path).__name__}.{mapped}", Fate.NOTHING_SENT
        )


def checked_connection_id(conn_id: Any) -> None:
    """Check that a connection id came out of the template.

    :raises InvalidParameter: none did.
    """
    if not isinstance(conn_id, str) or conn_id.strip() in ("", "None") or leftover_in_name(conn_id):
        raise InvalidParameter(
            f"sora2_conn_id={conn_id!r}: it must be the id of a connection of type sora2.{of_mapped('sora2_conn_id', conn_id)}"
        )
