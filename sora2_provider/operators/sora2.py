"""The operator that creates a video; ``Sora2DownloadVideoOperator`` is imported from here too."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from sora2_provider.compat import AirflowFailException, BaseOperator, Context, TaskDeferred
from sora2_provider.gateway.errors import GatewayError, SubmissionUnknown
from sora2_provider.gateway.expectation import RenderingKind
from sora2_provider.gateway.status import VideoStatus
from sora2_provider.gateway.waiting import DEFAULT_TIMEOUT, Finished, Outcome, duration_text
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators import arguments
from sora2_provider.operators.download import Sora2DownloadVideoOperator
from sora2_provider.outcomes import (
    TRIGGER_GRACE,
    InvalidParameter,
    RenderingFailed,
    broken_after_submit,
    not_completed,
    pick_up,
    refused,
    rendering_ended,
)

if TYPE_CHECKING:
    from sora2_provider.gateway.models import Video, VideoRequest

__all__ = ["Sora2CreateVideoOperator", "Sora2DownloadVideoOperator"]


class Sora2CreateVideoOperator(BaseOperator):
    """Submits a video to a Sora 2 gateway, and returns its id.

    Creating costs money, so everything that can be checked is checked before the request is sent, and a task whose
    video was accepted is never retried into a second one.

    XCom: ``return_value`` is the id (str); ``video`` is the video as the gateway last described it, with ``request``
    (what was sent), ``conn_id`` and ``stored_uri`` added. It is pushed at submit and at every end.

    :param prompt: what to render: style, action, camera. A string that ends with ``.prompt`` names a template file.
    :param images: http(s) links to source images, for image to video: a list, an XComArg, one link, or a string that
        holds a JSON list. Empty for text to video.
    :param model: the model's name at the gateway.
    :param orientation: ``portrait`` or ``landscape``.
    :param size: ``small`` (about 720p) or ``large``.
    :param duration: seconds, as a number or a string of digits: 10 or 15; with ``sora-2-pro`` also 25.
    :param extra: fields that the model adds, such as ``{"watermark": False}``; may not override the ones above.
    :param sora2_conn_id: the connection.
    :param wait_for_completion: wait until the rendering has ended.
    :param deferrable: wait in the triggerer, which holds no worker; the default is Airflow's
        ``[operators] default_deferrable``. Without ``wait_for_completion`` there is nothing to wait for.
    :param timeout: seconds to wait for the rendering.
    :param poll_interval: seconds between two questions; ``None`` for a schedule that fits usual rendering times.
    :param output_path: with ``wait_for_completion``, also store the file there: a URI for ``ObjectStoragePath`` or an
        absolute path; a folder when it ends with ``/``. An existing file is replaced.
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
    )
    template_ext: Sequence[str] = (".prompt",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"prompt": "md", "images": "json", "extra": "json"}
    ui_color = "#e8e1ff"
    _video_id: str | None = None

    def __init__(
        self,
        *,
        prompt: str,
        images: Any = (),
        model: str = "sora-2",
        orientation: str = "portrait",
        size: str = "small",
        duration: int | str = 10,
        extra: Mapping[str, Any] | str | None = None,
        sora2_conn_id: str = Sora2Hook.default_conn_name,
        wait_for_completion: bool = False,
        deferrable: bool | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        poll_interval: float | None = None,
        output_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt = prompt
        # An iterator could be read only once, and a tuple comes back from the database as a list. An empty one stays a
        # tuple: to look for files in a list, Airflow makes a Jinja environment, a tenth of what an operator costs to parse.
        self.images = list(images) if isinstance(images, (tuple, Iterator)) and images else images
        self.model = model
        self.orientation = orientation
        self.size = size
        self.duration = duration
        self.extra = {} if extra is None else extra
        self.sora2_conn_id = sora2_conn_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = arguments.resolved_deferrable(deferrable, wait_for_completion=wait_for_completion)
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.output_path = output_path
        arguments.check_settled(self.task_id, self._parameters())
        arguments.check_waiting(
            self.task_id,
            wait_for_completion=wait_for_completion,
            timeout=timeout,
            poll_interval=poll_interval,
            output_path=output_path,
        )

    def execute(self, context: Context) -> str:
        """Submit the video; with ``wait_for_completion`` wait for it, and with ``output_path`` store it."""
        request = self._request()
        if self.wait_for_completion and self.output_path is not None:
            arguments.checked_target(self.output_path)
        hook = Sora2Hook(self.sora2_conn_id)
        try:
            hook.get_conn()
            video = self._submit(hook, request)
            with self._no_second_bill(video.id):
                return self._follow(hook, video, request, context)
        finally:
            hook.close()

    def execute_complete(self, context: Context, event: Any = None, *, record: dict[str, Any] | None = None) -> str:
        """Go on when the trigger has seen the end of the rendering.

        :param record: what ``execute`` left for this moment. ``airflow dags test`` loses it (seen on 3.3.2), but XCom
            has it too.
        """
        from sora2_provider.events import from_event

        record = record or self._record_of_xcom(context)
        video_id = record["video_id"]
        self._video_id = video_id
        hook = Sora2Hook(record["conn_id"])
        try:
            with self._no_second_bill(video_id):
                return self._finish(hook, from_event(event, video_id=video_id), record, context)
        finally:
            hook.close()

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after the deferral. A trigger that died must not lead Airflow to submit a second video."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (AirflowFailException, RenderingFailed):
            raise
        except Exception as error:
            # Whatever else is broken by now, this must end in a failure that is not retried.
            try:
                video_id = ((next_kwargs or {}).get("record") or self._record_of_xcom(context))["video_id"]
            except Exception:
                video_id = "of this task's log"
            raise AirflowFailException(broken_after_submit(error, video_id, self.sora2_conn_id)) from error

    def on_kill(self) -> None:
        """Say which video goes on rendering: the gateway has no way to cancel it."""
        if self._video_id:
            self.log.warning(
                "The task is stopped. Video %s: %s", self._video_id, pick_up(self._video_id, self.sora2_conn_id)
            )

    def _parameters(self) -> dict[str, Any]:
        names = ("prompt", "images", "model", "orientation", "size", "duration", "extra")
        return {name: getattr(self, name) for name in names}

    def _request(self) -> VideoRequest:
        # Loaded here: a DAG file must not pay for it.
        from sora2_provider.gateway.models import VideoRequest

        arguments.checked_connection_id(self.sora2_conn_id)
        try:
            return VideoRequest(**self._parameters())
        except ValueError as error:
            raise InvalidParameter(f"{error} Nothing was sent, and nothing was paid.") from None

    def _submit(self, hook: Sora2Hook, request: VideoRequest) -> Video:
        self.log.info(
            "Submitting a video: %s, %s, %s, %s s, source images: %s",
            request.model,
            request.orientation,
            request.size,
            request.duration,
            len(request.images) or "none",
        )
        try:
            video = hook.create_video(request)
        except SubmissionUnknown as error:
            raise refused(error, "Nobody knows whether the gateway accepted the video") from error
        except GatewayError as error:
            raise refused(error, "The gateway did not accept the video") from error
        except Exception:
            raise
        except BaseException as error:
            # execution_timeout and signals come as BaseException, and Airflow would retry.
            lost = SubmissionUnknown(f"The task was interrupted in the middle of the create ({type(error).__name__})")
            raise refused(lost, "Nobody knows whether the gateway accepted the video") from error
        self._video_id = video.id
        self.log.info("The gateway accepted video %s", video.id)
        return video

    def _follow(self, hook: Sora2Hook, video: Video, request: VideoRequest, context: Context) -> str:
        started = time.time()
        record = {
            "video_id": video.id,
            "conn_id": self.sora2_conn_id,
            "request": request.to_json(),
            "started": started,
        }
        _push_video(context, video, record)
        if video.status in (VideoStatus.FAILED, VideoStatus.CANCELLED):
            raise rendering_ended(video)
        if not self.wait_for_completion:
            return video.id
        kind = RenderingKind(request.model, request.size, request.duration)
        deadline = started + self.timeout
        if self.deferrable:
            self._defer(kind, record, deadline)
        finished = hook.await_outcome(
            video.id, started=started, deadline=deadline, expected=kind.expected, poll_interval=self.poll_interval
        )
        return self._finish(hook, finished, record, context)

    def _record_of_xcom(self, context: Context) -> dict[str, Any]:
        task_instance = context["ti"]
        pushed = task_instance.xcom_pull(task_ids=self.task_id, key="video", map_indexes=task_instance.map_index)
        names = ("conn_id", "request")
        return {"video_id": pushed["id"], "started": time.time(), **{name: pushed[name] for name in names}}

    def _defer(self, kind: RenderingKind, record: dict[str, Any], deadline: float) -> NoReturn:
        # Loaded here: a DAG file must not pay for it.
        from sora2_provider.triggers.sora2 import Sora2VideoTrigger

        trigger = Sora2VideoTrigger(
            video_id=record["video_id"],
            sora2_conn_id=record["conn_id"],
            started=record["started"],
            deadline=deadline,
            poll_interval=self.poll_interval,
            model=kind.model,
            size=kind.size,
            duration=kind.duration,
        )
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            kwargs={"record": record},
            # A net below the trigger's own deadline: it catches a triggerer that stays away.
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + TRIGGER_GRACE),
        )

    def _finish(self, hook: Sora2Hook, finished: Finished, record: dict[str, Any], context: Context) -> str:
        """Tell the end of the wait, store the file where that was asked for, and return the id."""
        video_id = record["video_id"]
        ended = finished.video
        stored_uri = None
        try:
            if ended is None or finished.outcome is not Outcome.COMPLETED:
                waited = duration_text(time.time() - record["started"])
                raise not_completed(finished, video_id, record["conn_id"], waited=waited)
            self.log.info("Link: %s", ended.url or "none in the answer: the gateway serves the file itself")
            if self.output_path is not None:
                stored_uri = self._store(hook, ended)
        finally:
            if ended is not None:
                _push_video(context, ended, record, stored_uri)
        return str(video_id)

    def _store(self, hook: Sora2Hook, video: Video) -> str:
        try:
            stored = hook.download_video(video.id, str(self.output_path), video=video)
        except Exception as error:
            raise AirflowFailException(
                f"Video {video.id} is rendered, but its file could not be stored: {error} A retry would submit a second "
                "one, so the task fails now. To store it: "
                f"Sora2DownloadVideoOperator(video_id={video.id!r}, path={str(self.output_path)!r}, "
                f"sora2_conn_id={self.sora2_conn_id!r})."
            ) from error
        self.log.info("Stored %s bytes at %s", stored.size, stored.uri)
        return stored.uri

    @contextlib.contextmanager
    def _no_second_bill(self, video_id: str) -> Iterator[None]:
        """Turn whatever breaks after the submit into a failure that Airflow does not retry into a second bill."""
        try:
            yield
        except (AirflowFailException, RenderingFailed, TaskDeferred):
            raise
        except BaseException as error:
            # Time-outs and signals come as BaseException.
            raise AirflowFailException(broken_after_submit(error, video_id, self.sora2_conn_id)) from error


def _push_video(context: Context, video: Video, record: dict[str, Any], stored_uri: str | None = None) -> None:
    said = {"request": record["request"], "conn_id": record["conn_id"], "stored_uri": stored_uri}
    context["ti"].xcom_push(key="video", value={**video.to_dict(), **said})
