"""What can be checked of an operator only when its templates are rendered, with the template beside its value."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from sora2_provider.compat import Context, ObjectStoragePath
from sora2_provider.exceptions import Fate, InvalidParameter
from sora2_provider.hooks.templates import rendered_text

#: The names in a template that are the same for all mapped tasks of a run. ``params`` differs only where it is mapped itself.
_OF_THE_RUN = (
    r"conf|conn|var|dag|dag_run|run_id|params|[dt]s(_nodash(_with_tz)?)?|logical_date|execution_date|start_date|inlets|outlets|"
    r"(data_interval|prev|next|yesterday|tomorrow)_\w+|triggering_\w+_events|test_mode|expanded_ti_count|task_instance_key_str"
)


def prompt_of(operator: Any, context: Context) -> Any:
    """Return the prompt, read from its file where its template or an XCom has named one: as for one in the DAG file.

    :raises InvalidParameter: Airflow's loader finds no such file beside the DAG file or in ``template_searchpath``, which
        are the only places where it looks.
    """
    from jinja2 import TemplateNotFound

    prompt = operator.prompt
    name = prompt.strip() if isinstance(prompt, str) else ""
    if not name.endswith(tuple(operator.template_ext)) or "\n" in name:
        return prompt
    environment = operator.get_template_env()
    try:
        if environment.loader is None:
            raise TemplateNotFound(name)
        environment.loader.get_source(environment, name)
    except TemplateNotFound:
        raise InvalidParameter(
            f"prompt={prompt!r}: there is no such file beside the DAG file or in template_searchpath.",
            Fate.NOTHING_SENT,
            "Correct the name. A prompt that ends with .prompt is always taken for the name of a file.",
        ) from None
    return rendered_text(operator, context, name)


def check_path_of_rows(operator: Any, context: Context, name: str) -> None:
    """Check that mapped tasks do not all write the same file.

    :param name: the attribute that holds the path.
    :raises InvalidParameter: they would, and only the last one's video would be left.
    """
    path = getattr(operator, name)
    if path is None or str(path).endswith("/") or getattr(context["ti"], "map_index", -1) in (None, -1):
        return
    if _is_of_the_run(operator, context, name):
        raise InvalidParameter(
            f"{name}={str(path)!r}: every mapped task would write this file, and replace that of the one before.",
            Fate.NOTHING_SENT,
            "End it with /, and each file is named after its video's id; or put {{ ti.map_index }} into it; or map it too.",
        )


def _is_of_the_run(operator: Any, context: Context, name: str) -> bool:
    """Whether a path is the same in all mapped tasks of a run, as far as its template tells."""
    dag = context.get("dag")
    defined = dag.get_task(operator.task_id) if dag is not None and dag.has_task(operator.task_id) else None
    partial = getattr(defined, "partial_kwargs", None)
    if partial is None and getattr(operator, "_BaseOperator__from_mapped", False):
        return False
    if partial is not None and name not in partial:
        return False
    written = operator._as_written[name] if partial is None else partial[name]
    if hasattr(written, "resolve") and not isinstance(written, (PurePath, ObjectStoragePath)):
        # In a mapped group it may be the group's own argument, or the XCom of a task of the same row.
        return defined is not None and partial is not None and not any(defined.iter_mapped_task_groups())
    names = _names_in(str(written))
    if "params" in names and _maps_params(defined):
        return False
    return all(re.fullmatch(_OF_THE_RUN, name) for name in names)


def _names_in(template: str) -> set[str]:
    from jinja2 import TemplateSyntaxError, meta
    from jinja2.sandbox import SandboxedEnvironment

    try:
        return meta.find_undeclared_variables(SandboxedEnvironment().parse(template))
    except TemplateSyntaxError:
        return {template}


def _maps_params(defined: Any) -> bool:
    """Whether the parameters of the run may differ in each row."""
    rows = getattr(getattr(defined, "expand_input", None), "value", {})
    return not isinstance(rows, dict) or "params" in rows
