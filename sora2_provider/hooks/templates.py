"""Arguments of operators and sensors that are templates: what is known of them now, and what rendering makes of them.

Airflow's native rendering (``render_template_as_native_obj=True``) makes a Python value of every text that reads as one:
of the prompt ``"1984"`` a number, of a prompt in JSON a dict, of ``'"Go!"'`` a text without its quotes. Where a text is
wanted, it is put back as its template makes it.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import Any, TypeAlias

from sora2_provider.compat import Context, ObjectStoragePath, Resolvable
from sora2_provider.exceptions import InvalidParameter
from sora2_provider.hooks.sora2 import checked_id

#: What a template field may be given: its value, a template of it, or what Airflow resolves.
Text: TypeAlias = str | Resolvable
VideoId: TypeAlias = str | Mapping[str, Any] | Resolvable
StoragePath: TypeAlias = str | PurePath | ObjectStoragePath | Resolvable
Seconds: TypeAlias = float | timedelta | str | Resolvable

#: What a template gives where a task has returned nothing.
_NOTHING = (None, "None", "")
_NATIVE = (
    "The DAG has render_template_as_native_obj=True, which makes Python values of texts (1984, {...}, [...]), also of the "
    "arguments of a function: take the text that is meant, such as {{ row['prompt'] }}, or write the value as JSON, with the "
    "filter tojson; in a function return str(...) or json.dumps(...)."
)


def is_settled(value: Any) -> bool:
    """Whether an argument is known when the DAG file is parsed: it holds no template, and nothing that Airflow resolves."""
    if isinstance(value, str):
        return not is_template(value) and not value.endswith(".prompt")
    if value is None or isinstance(value, (int, float)):
        return True
    if isinstance(value, (list, tuple)):
        return all(map(is_settled, value))
    # Asked of all operators of a DAG file, and to ask an abstract class takes much longer.
    if isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101
        return all(map(is_settled, value.values()))
    # XComArg, and whatever else Airflow resolves at run time.
    return not hasattr(value, "resolve")


def is_template(text: str) -> bool:
    """Whether a text holds anything for Jinja."""
    return "{" in text and any(mark in text for mark in ("{{", "{%", "{#"))


def renders_natively(operator: Any) -> bool:
    """Whether Airflow renders an operator's templates natively."""
    from jinja2.nativetypes import NativeEnvironment

    return isinstance(operator.get_template_env(), NativeEnvironment)


def native_hint(operator: Any, *values: Any) -> str:
    """Return what to do about values that are no texts, if native rendering may have made them; empty if not."""
    texts = all(value is None or isinstance(value, str) for value in values)
    return _NATIVE if not texts and renders_natively(operator) else ""


def put_back(operator: Any, context: Context, *names: str) -> None:
    """Put the texts back that native rendering has made something else of, in an operator that is about to run.

    What a template has taken whole and is no text (a list, a dict) stays, and so does what was set after the rendering.

    :param names: fields that want a text. ``_as_written`` of the operator holds what they were before the rendering.
    """
    from jinja2 import TemplateError

    for name in names:
        value, written = getattr(operator, name), operator._as_written[name]
        if name == "video_id" and isinstance(value, Mapping):
            continue  # The dict of a sensor stands for its id.
        if isinstance(written, str) and value != written and renders_natively(operator):
            # A value that was set after the rendering may need no template that can be rendered.
            with contextlib.suppress(TemplateError):
                setattr(operator, name, _as_text(value, _nodes(operator, context, written)))


def given_id(operator: Any, context: Context) -> str:
    """Return the id of the video that an operator was given.

    :raises InvalidParameter: there is none; says which ids the tasks before it have told, where they have returned none.
    """
    try:
        return checked_id(operator.video_id, operator=type(operator).__name__)
    except InvalidParameter as error:
        known = [] if operator.video_id not in _NOTHING else _told_before(operator, context)
        told = "".join(f" The XCom 'video' of task {task_id!r} names {video_id}." for task_id, video_id in known)
        raise InvalidParameter(f"{error}{told}", remedy=native_hint(operator, operator.video_id)) from None


def _told_before(operator: Any, context: Context) -> Iterator[tuple[str, str]]:
    for task_id in sorted(operator.upstream_task_ids):
        with contextlib.suppress(Exception):
            video = context["ti"].xcom_pull(task_ids=task_id, key="video")
            yield task_id, video["id"]


def rendered_text(operator: Any, context: Context, template: str) -> str:
    """Return what a template is rendered to as a text, however the DAG renders."""
    return "".join(map(str, _nodes(operator, context, template)))


def texts_in(operator: Any, written: Any, value: Any) -> Any:
    """Return a collection's value with the texts in it that are no templates as they were written, if rendered natively."""
    return _literals(written, value) if written != value and renders_natively(operator) else value


def _as_text(value: Any, nodes: list[Any]) -> Any:
    from jinja2.nativetypes import native_concat

    lone = nodes[0] if len(nodes) == 1 else ""
    is_collection = isinstance(lone, Iterable) and not isinstance(lone, (str, bytes))
    return value if is_collection or native_concat(nodes) != value else "".join(map(str, nodes))


def _literals(written: Any, value: Any) -> Any:
    if isinstance(written, str) and not is_template(written):
        return written
    if isinstance(written, dict) and isinstance(value, dict) and written.keys() == value.keys():
        return {name: _literals(part, value[name]) for name, part in written.items()}
    if isinstance(written, list) and isinstance(value, list) and len(written) == len(value):
        return [_literals(*pair) for pair in zip(written, value, strict=True)]
    return value


def _nodes(operator: Any, context: Context, written: str) -> list[Any]:
    """Return the parts of a template, each as the value that it has."""
    environment = operator.get_template_env()
    is_file = written.endswith(tuple(operator.template_ext))
    template = environment.get_template(written) if is_file else environment.from_string(written)
    # As Airflow does it: a dict made of its context would ask for all that is deprecated in it.
    known: Any = copy.copy(context)
    known.update({name: value for name, value in template.globals.items() if name not in known})
    return list(
        template.root_render_func(environment.context_class(environment, known, template.name, template.blocks))
    )
