"""The operator that creates a video; ``Sora2DownloadVideoOperator`` is imported from here too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from sora2_provider.compat import AirflowTaskTimeout, BaseOperator, Context, Resolvable
from sora2_provider.gateway.settings import DEFAULT_TIMEOUT
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.hooks.templates import Seconds, StoragePath, Text, put_back, texts_in
from sora2_provider.links.sora2 import Sora2VideoLink
from sora2_provider.operators import arguments
from sora2_provider.operators.download import Sora2DownloadVideoOperator

if TYPE_CHECKING:
    from sora2_provider.compat import PlainXComArg
    from sora2_provider.operators.create_run import CreateRun
    from sora2_provider.reporting.lineage import Lineage

__all__ = ["Sora2CreateVideoOperator", "Sora2DownloadVideoOperator"]

#: The fields that want a text.
_TEXTS = ("prompt", "model", "orientation", "size", "sora2_conn_id", "output_path")


class Sora2CreateVideoOperator(BaseOperator):
    """Submits a video to a Sora 2 gateway, and returns its id.

    Creating costs money, so everything that can be checked is checked before the request is sent, and one task instance
    pays once: what it submits is written down first, and a retry or a restart goes on with the video that is there.

    XCom: ``return_value`` is the id (str); ``video`` is the video as the gateway last described it, with ``request``
    (what was sent), ``conn_id`` and ``stored_uri`` added. It is pushed at submit and at every end.

    :param prompt: what to render: style, action, camera. A string that ends with ``.prompt`` names a template file.
    :param images: http(s) links to source images, for image to video: a list, an XComArg, one link, or a string that
        holds a JSON list. Empty for text to video.
    :param model: the model's name at the gateway.
    :param orientation: ``portrait`` or ``landscape``.
    :param size: ``small`` (about 720p) or ``large``.
    :param duration: seconds: 10 or 15; with ``sora-2-pro`` also 25.
    :param extra: fields that the model adds, such as ``{"watermark": False}``; may not override the ones above.
    :param sora2_conn_id: the connection.
    :param dialect: the API that the video is created on: ``unified``, ``openai``, ``generations`` or ``v2``; ``None`` for what
        the connection says.
    :param wait_for_completion: wait until the rendering has ended.
    :param deferrable: wait in the triggerer, which holds no worker; the default is Airflow's
        ``[operators] default_deferrable``. Without ``wait_for_completion`` there is nothing to wait for.
    :param timeout: seconds to wait for the rendering. Seconds are a number, a ``timedelta`` or a text (``"7.5"``), here
        and in ``duration`` and ``poll_interval``.
    :param poll_interval: seconds between two questions; ``None`` for a schedule that fits usual rendering times.
    :param output_path: with ``wait_for_completion``, also store the file there: a URI for ``ObjectStoragePath`` or an
        absolute path; a folder when it ends with ``/``. An existing file is replaced.
    :param durable: keep a record of what is submitted, in Airflow's task state store (3.3 and later) or under the
        option ``[sora2] state_path``. Without it, a task that breaks after its submit is failed and not retried.
    :param on_clear: what a cleared task does whose video was delivered: ``regenerate`` it, or ``reuse`` it. A video that
        was not delivered yet is always taken up again. Where the request has changed, another video is submitted.
    :param on_unknown_submission: what a try does when the outcome of an earlier create is unknown: ``fail``, for a person to
        look and clear the task, or ``resubmit``, which may pay twice.
    """

    template_fields: Sequence[str] = (
        "prompt",
        "images",
        "model",
        "orientation",
        "size",
        "duration",
        "extra",
        "sora2_conn_id",
        "output_path",
        "timeout",
        "poll_interval",
    )
    template_ext: Sequence[str] = (".prompt",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"prompt": "md", "images": "json", "extra": "json"}
    ui_color = "#e8e1ff"
    operator_extra_links = (Sora2VideoLink(),)

    #: Whether the request is made by code of the user's, which is not called for a video that is there.
    makes_request_late: ClassVar[bool] = False

    _run: CreateRun | None = None

    if TYPE_CHECKING:
        # Airflow's own annotation knows nothing of keys: ``create.output["video"]``.
        @property
        def output(self) -> PlainXComArg:
            """What the task returns, and by their keys its other XComs."""

    def __init__(
        self,
        *,
        prompt: Text,
        images: Iterable[Text] | Resolvable = (),
        model: Text = "sora-2",
        orientation: Text = "portrait",
        size: Text = "small",
        duration: Seconds = 10,
        extra: Mapping[str, Any] | Text | None = None,
        sora2_conn_id: Text = Sora2Hook.default_conn_name,
        dialect: str | None = None,
        wait_for_completion: bool = False,
        deferrable: bool | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT,
        poll_interval: Seconds | None = None,
        output_path: StoragePath | None = None,
        durable: bool = True,
        on_clear: str = "regenerate",
        on_unknown_submission: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt: Any = prompt
        self.images = arguments.listed(self.task_id, images)
        self.model: Any = model
        self.orientation: Any = orientation
        self.size: Any = size
        self.duration: Any = duration
        self.extra: Any = {} if extra is None else extra
        self.sora2_conn_id: Any = sora2_conn_id
        self.dialect = arguments.checked_dialect(self.task_id, dialect)
        self.wait_for_completion = wait_for_completion
        self.deferrable = arguments.resolved_deferrable(deferrable, wait_for_completion=wait_for_completion)
        self.timeout = arguments.settled_seconds(self.task_id, "timeout", timeout)
        self.poll_interval = arguments.settled_seconds(self.task_id, "poll_interval", poll_interval)
        self.output_path: Any = output_path
        self.durable = durable
        self.on_clear = on_clear
        self.on_unknown_submission = on_unknown_submission
        arguments.check_settled(self.task_id, self.request_parameters())
        arguments.check_waiting(self.task_id, wait_for_completion=wait_for_completion, output_path=output_path)
        arguments.check_paying(
            self.task_id, durable=durable, on_clear=on_clear, on_unknown_submission=on_unknown_submission
        )
        self._as_written = {name: getattr(self, name) for name in (*_TEXTS, "extra", "timeout", "poll_interval")}

    def execute(self, context: Context) -> str:
        """Submit the video, or take up the one of an earlier try; wait for it and store it where that was asked for."""
        put_back(self, context, *_TEXTS)
        self.extra = texts_in(self, self._as_written["extra"], self.extra)
        return self._begin(context).start()

    def execute_complete(self, context: Context, event: Any = None, *, record: dict[str, Any] | None = None) -> str:
        """Go on when the trigger has seen the end of the rendering.

        :param record: what ``execute`` left for this moment. ``airflow dags test`` loses it (seen on 3.3.2), but XCom
            has it too.
        """
        return self._begin(context).go_on(event, record)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after the deferral. A trigger that died must not lead Airflow to submit a second video."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except Exception as error:
            raise (self._run or self._begin(context)).broken_resume(error, next_kwargs) from error

    def on_kill(self) -> None:
        """Say which video goes on rendering: the gateway has no way to cancel it. A wait in this process ends.

        :raises AirflowException: out of a wait, or of a task that came back when its ``execution_timeout`` was over.
        """
        if self._run is not None:
            self._run.stop()
            return
        from sora2_provider.triggers.time_limits import context_of_late_resume

        if (context := context_of_late_resume()) is not None:
            kept: Any = context["ti"]
            late = AirflowTaskTimeout()
            raise self._begin(context).broken_resume(late, kept.next_kwargs) from late

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Lineage | None:
        """Tell OpenLineage of the images, the video and the file; it asks only where its provider is installed."""
        from sora2_provider.reporting.lineage import lineage_of_create

        return None if self._run is None else lineage_of_create(self._run.metadata)

    get_openlineage_facets_on_failure = get_openlineage_facets_on_complete

    def _begin(self, context: Context) -> CreateRun:
        # Imported here: DAG files must parse fast.
        from sora2_provider.operators.create_options import CreateOptions
        from sora2_provider.operators.create_run import CreateRun
        from sora2_provider.operators.rendered import check_path_of_rows

        def make_request() -> dict[str, Any]:
            check_path_of_rows(self, context, "output_path")
            return self.make_request(context)

        self._run = CreateRun(self, CreateOptions.of(self), make_request, context)
        return self._run

    def make_request(self, context: Context) -> dict[str, Any]:
        """Return the parameters of the request to submit, by name, when the templates are rendered."""
        from sora2_provider.operators.rendered import prompt_of

        return {**self.request_parameters(), "prompt": prompt_of(self, context)}

    def request_parameters(self) -> dict[str, Any]:
        """Return the parameters that the request is made of, by name."""
        names = ("prompt", "images", "model", "orientation", "size", "duration", "extra", "dialect")
        return {name: getattr(self, name) for name in names}
