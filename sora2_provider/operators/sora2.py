"""The operators: create a video, download a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sora2_provider.compat import AirflowFailException, AirflowTaskTimeout, BaseOperator, Context
from sora2_provider.gateway.errors import GatewayError, SubmissionUnknown
from sora2_provider.gateway.models import Video, VideoRequest
from sora2_provider.gateway.waiting import DEFAULT_TIMEOUT, Outcome, duration_text
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators import arguments
from sora2_provider.outcomes import InvalidParameter, RenderingFailed, not_completed, pick_up, refused, rendering_ended


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
    :param wait_for_completion: wait in the worker until the rendering has ended.
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
        timeout: float = DEFAULT_TIMEOUT,
        poll_interval: float | None = None,
        output_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt = prompt
        self.images = list(images) if isinstance(images, tuple) else images
        self.model = model
        self.orientation = orientation
        self.size = size
        self.duration = duration
        self.extra = {} if extra is None else extra
        self.sora2_conn_id = sora2_conn_id
        self.wait_for_completion = wait_for_completion
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.output_path = output_path
        self._video_id: str | None = None
        arguments.check_settled(self, self._parameters())
        arguments.check_waiting(self)

    def execute(self, context: Context) -> str:
        """Submit the video; with ``wait_for_completion`` wait for it, and with ``output_path`` store it."""
        request = self._request()
        target = self.output_path if self.wait_for_completion else None
        if target is not None:
            arguments.checked_target(target)
        hook = Sora2Hook(self.sora2_conn_id)
        try:
            hook.get_conn()
            video = self._submit(hook, request)
            record = {"request": request.to_json(), "conn_id": self.sora2_conn_id, "stored_uri": None}
            try:
                return self._follow(hook, video, record, context)
            except (AirflowFailException, RenderingFailed):
                raise
            except (Exception, AirflowTaskTimeout) as error:
                raise AirflowFailException(
                    f"Video {video.id} was submitted, and then the task broke: {type(error).__name__}: {error}. "
                    f"{pick_up(video.id, self.sora2_conn_id)} A retry would submit a second one, so the task fails now."
                ) from error
        finally:
            hook.close()

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
        arguments.checked_connection_id(self.sora2_conn_id)
        try:
            return VideoRequest(**self._parameters())
        except ValueError as error:
            raise InvalidParameter(f"{error} Nothing was sent, and nothing was paid.") from None

    def _submit(self, hook: Sora2Hook, request: VideoRequest) -> Video:
        self.log.info(
            "Submitting a video: %s, %s, %s, %s s, %s source images",
            request.model,
            request.orientation,
            request.size,
            request.duration,
            len(request.images) or "no",
        )
        try:
            video = hook.create_video(request)
        except SubmissionUnknown as error:
            raise refused(error, "Nobody knows whether the gateway accepted the video") from error
        except GatewayError as error:
            raise refused(error, "The gateway did not accept the video") from error
        self._video_id = video.id
        self.log.info("The gateway accepted video %s", video.id)
        return video

    def _follow(self, hook: Sora2Hook, video: Video, record: dict[str, Any], context: Context) -> str:
        _push_video(context, video, record)
        if video.status.is_terminal and video.status.value != Outcome.COMPLETED.value:
            raise rendering_ended(video)
        if not self.wait_for_completion:
            return video.id
        finished = hook.await_outcome(video.id, timeout=self.timeout, poll_interval=self.poll_interval)
        ended = finished.video or video
        if finished.outcome is not Outcome.COMPLETED:
            _push_video(context, ended, record)
            waited = duration_text(self.timeout)
            raise not_completed(finished, video.id, self.sora2_conn_id, waited=waited)
        self.log.info("Link: %s", ended.url or "none in the answer: the gateway serves the file itself")
        if self.output_path is None:
            _push_video(context, ended, record)
            return video.id
        try:
            stored = hook.download_video(video.id, self.output_path, video=ended)
        except Exception as error:
            _push_video(context, ended, record)
            raise AirflowFailException(
                f"Video {video.id} is rendered, but its file could not be stored: {error} A retry would submit a second "
                "one, so the task fails now. To store it: "
                f"Sora2DownloadVideoOperator(video_id={video.id!r}, path={self.output_path!r}, "
                f"sora2_conn_id={self.sora2_conn_id!r})."
            ) from error
        self.log.info("Stored %s bytes at %s", stored.size, stored.uri)
        _push_video(context, ended, {**record, "stored_uri": stored.uri})
        return video.id


class Sora2DownloadVideoOperator(BaseOperator):
    """Stores a completed video's file in any storage that Airflow's ``ObjectStoragePath`` reaches.

    Streams in constant memory; the target appears whole or not at all. Downloading costs nothing, so retries are safe.

    XCom: ``return_value`` is the URI written; ``size`` (bytes), ``sha256`` (hex) and ``content_type``.

    :param video_id: the id that ``Sora2CreateVideoOperator`` returned, or the dict of ``Sora2VideoSensor``.
    :param path: a URI such as ``s3://my_conn@bucket/videos/cat.mp4``, or an absolute path. One that ends with ``/`` is
        a folder, in which the file gets the video's id as its name.
    :param if_exists: ``replace``, ``skip`` (keep the file that is there) or ``fail``.
    :param sora2_conn_id: the connection that the video was created with.
    """

    template_fields: Sequence[str] = ("video_id", "path", "if_exists", "sora2_conn_id")
    ui_color = "#e1f0ff"

    def __init__(
        self,
        *,
        video_id: Any,
        path: str,
        if_exists: str = "replace",
        sora2_conn_id: str = Sora2Hook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.video_id = video_id
        self.path = path
        self.if_exists = if_exists
        self.sora2_conn_id = sora2_conn_id

    def execute(self, context: Context) -> str:
        """Store the file and return its URI."""
        arguments.checked_connection_id(self.sora2_conn_id)
        hook = Sora2Hook(self.sora2_conn_id)
        try:
            stored = hook.download_video(self.video_id, self.path, if_exists=self.if_exists)
        except GatewayError as error:
            raise refused(error, "The video could not be downloaded") from error
        except FileExistsError as error:
            raise AirflowFailException(str(error)) from None
        finally:
            hook.close()
        self.log.info("%s: %s bytes, %s, sha256 %s", stored.uri, stored.size, stored.content_type, stored.sha256)
        task_instance = context["ti"]
        task_instance.xcom_push(key="size", value=stored.size)
        task_instance.xcom_push(key="sha256", value=stored.sha256)
        task_instance.xcom_push(key="content_type", value=stored.content_type)
        return stored.uri


def _push_video(context: Context, video: Video, record: dict[str, Any]) -> None:
    context["ti"].xcom_push(key="video", value={**video.to_dict(), **record})
