"""The decorator ``@task.sora2_video``: a function says what to render, and the task does the rest.

The function is called only where a video is about to be submitted, or where the answer to "has the request changed?"
decides whether one is: a try that takes up the video of an earlier one does not call it.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Required, TypedDict

from sora2_provider.compat import (
    Context,
    DecoratedOperator,
    TaskDecorator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)
from sora2_provider.exceptions import Fate, InvalidParameter
from sora2_provider.hooks.templates import native_hint
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

__all__ = ["VideoParameters", "sora2_video_task"]

_NAME = "@task.sora2_video"
#: Stands in for the prompt until the function has made it.
_MADE_LATER = "(made by the function)"


class VideoParameters(TypedDict, total=False):
    """What a decorated function may return instead of a prompt; what is left out is as the decorator says."""

    prompt: Required[str]
    images: Sequence[str] | str
    model: str
    orientation: str
    size: str
    duration: int | str
    extra: Mapping[str, Any]


_WANTED = (
    "It must return the prompt (a str) or a dict with prompt and any of "
    f"{', '.join([*VideoParameters.__annotations__][1:])}."
)


class _Sora2VideoDecoratedOperator(DecoratedOperator, Sora2CreateVideoOperator):
    """Wraps a function that returns a prompt (str), or a dict of request parameters.

    What it returns is sent as it is: no template is rendered in it. All other parameters are those of
    ``Sora2CreateVideoOperator``, its templates included.

    :param python_callable: the function.
    :param op_args: its positional arguments.
    :param op_kwargs: its keyword arguments.
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *(field for field in Sora2CreateVideoOperator.template_fields if field != "prompt"),
    )
    #: An argument of the function that ends with ".prompt" is the function's own business.
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **Sora2CreateVideoOperator.template_fields_renderers,
    }
    custom_operator_name = _NAME

    makes_request_late = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        _check_decorated(python_callable, kwargs)
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            prompt=_MADE_LATER,
            **kwargs,
        )

    def execute(self, context: Context) -> str:
        """Do what the operator does, and nothing after it.

        Airflow's own decorated ``execute`` looks at the result when the video is paid for, and on 3.0 fails in doing so.
        """
        return Sora2CreateVideoOperator.execute(self, context)

    def make_request(self, context: Context) -> dict[str, Any]:
        """Call the function, and return the parameters of the request.

        :raises InvalidParameter: the function returned nothing that a request can be made of.
        """
        # A copy: an argument of the function may have the name of something in the context.
        merged = copy.copy(context)
        context_merge(merged, self.op_kwargs)
        arguments = determine_kwargs(self.python_callable, self.op_args, merged)
        returned = self.python_callable(*self.op_args, **arguments)
        if not isinstance(returned, (str, Mapping)):
            what = "nothing" if returned is None else f"a value of type {type(returned).__name__}"
            remedy = f"{_WANTED} {native_hint(self, returned)}".rstrip()
            raise InvalidParameter(f"{_name_of(self.python_callable)} returned {what}.", Fate.NOTHING_SENT, remedy)
        return {**self.request_parameters(), **_parameters_in(returned, self.python_callable)}


def sora2_video_task(
    python_callable: Callable[..., Any] | None = None, *, multiple_outputs: bool | None = None, **kwargs: Any
) -> TaskDecorator:
    """Make a task that creates a video of a function that returns a prompt or a dict of request parameters.

    DAG files use it as ``@task.sora2_video``.

    :param python_callable: the function.
    :param multiple_outputs: has nothing to act on: the task returns the video's id.
    :param kwargs: the parameters of ``Sora2CreateVideoOperator`` but ``prompt``, and of every operator.
    :raises InvalidParameter: shows up as an import error of the DAG file.
    """
    if multiple_outputs:
        raise InvalidParameter(f"{_NAME}: multiple_outputs=True: the task returns one value, the video's id.")
    _check_decorated(python_callable, kwargs)
    # Said outright: Airflow would take a function that is annotated to return a dict for one with many outputs.
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=False,
        decorated_operator_class=_Sora2VideoDecoratedOperator,
        **kwargs,
    )


def _check_decorated(function: Callable[..., Any] | None, kwargs: Mapping[str, Any]) -> None:
    if "prompt" in kwargs:
        raise InvalidParameter(f"{_NAME}: prompt={kwargs['prompt']!r}: the function returns the prompt.")
    for kind in (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction):
        if function is not None and kind(function):
            raise InvalidParameter(
                f"{_NAME}: {_name_of(function)} must be a plain function that returns the prompt, without async or yield."
            )


def _parameters_in(returned: str | Mapping[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    """Return the request parameters in what a function returned.

    :raises InvalidParameter: there are none, or others.
    """
    if isinstance(returned, str):
        return {"prompt": returned}
    if unknown := [name for name in returned if name not in VideoParameters.__annotations__]:
        raise InvalidParameter(
            f"{_name_of(function)} returned a dict with {', '.join(map(repr, unknown))}.",
            Fate.NOTHING_SENT,
            f"{_WANTED} Fields that only the model knows go into extra.",
        )
    if "prompt" not in returned:
        raise InvalidParameter(f"{_name_of(function)} returned a dict without prompt.", Fate.NOTHING_SENT, _WANTED)
    return dict(returned)


def _name_of(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__name__', repr(function))}()"
