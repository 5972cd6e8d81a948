"""The operator that stores a video's file."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sora2_provider.compat import BaseOperator, Context
from sora2_provider.exceptions import FinalError
from sora2_provider.gateway.errors import GatewayError
from sora2_provider.hooks.sora2 import Sora2Hook, dialect_for
from sora2_provider.hooks.templates import StoragePath, Text, VideoId, given_id, put_back
from sora2_provider.links.sora2 import Sora2VideoLink
from sora2_provider.operators import arguments

if TYPE_CHECKING:
    from sora2_provider.compat import PlainXComArg
    from sora2_provider.reporting.lineage import Lineage
    from sora2_provider.reporting.task_report import TaskReport


class Sora2DownloadVideoOperator(BaseOperator):
    """Stores a completed video's file in any storage that Airflow's ``ObjectStoragePath`` reaches.

    Streams in constant memory; the target appears whole or not at all. Downloading costs nothing, so retries are safe.

    XCom: ``return_value`` is the URI written; ``size`` (bytes), ``sha256`` (hex) and ``content_type``; ``video`` is the
    video as the gateway described it when the file was fetched, with ``conn_id`` and ``stored_uri`` added.

    :param video_id: the id that ``Sora2CreateVideoOperator`` returned, or the dict of ``Sora2VideoSensor``, or the XCom
        ``video`` of the create task (``create.output["video"]``), with which asset events and lineage know all.
    :param path: a URI such as ``s3://my_conn@bucket/videos/cat.mp4``, or an absolute path. One that ends with ``/`` is
        a folder, in which the file gets the video's id as its name.
    :param if_exists: ``replace``, ``skip`` (keep the file that is there) or ``fail``.
    :param sora2_conn_id: the connection that the video was created with.
    :param dialect: the API that the video was created on, where ``video_id`` is no dict that holds it; ``None`` for what the
        connection says.
    """

    template_fields: Sequence[str] = ("video_id", "path", "if_exists", "sora2_conn_id")
    ui_color = "#e1f0ff"
    operator_extra_links = (Sora2VideoLink(),)

    _report: TaskReport | None = None

    if TYPE_CHECKING:
        # Airflow's own annotation knows nothing of keys: ``create.output["video"]``.
        @property
        def output(self) -> PlainXComArg:
            """What the task returns, and by their keys its other XComs."""

    def __init__(
        self,
        *,
        video_id: VideoId,
        path: StoragePath,
        if_exists: Text = "replace",
        sora2_conn_id: Text = Sora2Hook.default_conn_name,
        dialect: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.video_id: Any = video_id
        self.path: Any = path
        self.if_exists: Any = if_exists
        self.sora2_conn_id: Any = sora2_conn_id
        self.dialect = arguments.checked_dialect(self.task_id, dialect)
        arguments.check_video_id(self.task_id, video_id)
        arguments.check_storing(self.task_id, path=path, if_exists=if_exists)
        self._as_written = {name: getattr(self, name) for name in self.template_fields}

    def execute(self, context: Context) -> str:
        """Store the file and return its URI."""
        # Imported here: DAG files must parse fast.
        from sora2_provider.operators.rendered import check_path_of_rows
        from sora2_provider.reporting.failures import not_downloaded
        from sora2_provider.reporting.retry_policy import pass_on_retry_after
        from sora2_provider.reporting.task_report import TaskReport
        from sora2_provider.reporting.video_metadata import VideoMetadata

        pass_on_retry_after(self)
        put_back(self, context, *self._as_written)
        video_id = given_id(self, context)
        arguments.checked_connection_id(self.sora2_conn_id)
        arguments.check_one_path("path", self.path, "Sora2DownloadVideoOperator")
        check_path_of_rows(self, context, "path")
        report = self._report = TaskReport(self, context, VideoMetadata.of_given(self.video_id, self.sora2_conn_id))
        dialect = dialect_for(self.video_id, self.dialect)
        with contextlib.closing(Sora2Hook(self.sora2_conn_id, dialect=dialect)) as hook:
            try:
                stored = hook.download_video(self.video_id, self.path, if_exists=self.if_exists)
            except (GatewayError, OSError) as error:
                report.failed(error)
                if isinstance(error, GatewayError):
                    raise not_downloaded(error) from error
                if isinstance(error, FileExistsError):
                    raise FinalError(str(error)) from None
                raise
        report.stored(stored)
        report.file(stored, video_id)
        return stored.uri

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Lineage | None:
        """Tell OpenLineage of the video and the file; it asks only where its provider is installed."""
        from sora2_provider.reporting.lineage import lineage_of_download

        return None if self._report is None else lineage_of_download(self._report.metadata)

    get_openlineage_facets_on_failure = get_openlineage_facets_on_complete
