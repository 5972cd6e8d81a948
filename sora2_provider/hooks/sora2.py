"""The hook: an Airflow connection turned into a client of the gateway."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sora2_provider.compat import BaseHook, mask_secret
from sora2_provider.exceptions import Fate, InvalidParameter
from sora2_provider.gateway import parameters
from sora2_provider.gateway.errors import AuthenticationError, GatewayError, UnreadableResponse
from sora2_provider.gateway.models import VideoStatus
from sora2_provider.gateway.polling.estimates import DEFAULT_EXPECTED
from sora2_provider.gateway.polling.progress import ProgressReport, duration_text
from sora2_provider.gateway.polling.wait import DEFAULT_TIMEOUT, Finished, Outcome, PollAgain, VideoWait
from sora2_provider.hooks import connection_form
from sora2_provider.hooks.connection import limits_of, settings_of, unverified
from sora2_provider.hooks.connection_fields import LIMIT_FIELDS
from sora2_provider.reporting import metrics
from sora2_provider.storage import StoredVideo

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client
    from sora2_provider.gateway.models import Balance, Video, VideoRequest
    from sora2_provider.spending.guard import SpendingGuard
    from sora2_provider.spending.limits import SpendingLimits


class Sora2Hook(BaseHook):
    """Talks to a Sora 2 gateway with the address and the key of an Airflow connection.

    HTTP connections are kept and reused for the life of the hook. A hook belongs to one thread.

    :param sora2_conn_id: connection of type ``sora2``: Host is the base URL, Password the API key.
    """

    conn_name_attr = "sora2_conn_id"
    default_conn_name = "sora2_default"
    conn_type = "sora2"
    hook_name = "Sora 2"

    def __init__(self, sora2_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sora2_conn_id = sora2_conn_id
        self._client: Sora2Client | None = None
        # What else is in the extra may be secret, and a hook's attributes end up in somebody's log.
        self._limits_in_extra: dict[str, Any] = {}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the connection form's fields, for Airflow before 3.2."""
        return connection_form.widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the behaviour of the form's built-in fields, for Airflow before 3.2."""
        behaviour = connection_form.ui_field_behaviour()
        return {name.replace("-", "_"): value for name, value in behaviour.items()}

    def get_conn(self) -> Sora2Client:
        """Return the client, made on first use.

        :raises InvalidParameter: the connection lacks something; says what to write where.
        :raises AirflowNotFoundException: there is no such connection.
        """
        if self._client is None:
            # Loaded here: a DAG file that imports the operators must not pay for requests.
            from sora2_provider.gateway.client import Sora2Client

            connection = self.get_connection(self.sora2_conn_id)
            try:
                settings = settings_of(connection)
            except ValueError as error:
                raise InvalidParameter(str(error)) from None
            for secret in settings.secrets:
                mask_secret(secret)
            if settings.verify_tls is False:
                self.log.warning(unverified(self.sora2_conn_id))
            self._client = Sora2Client(settings)
            extra = connection.extra_dejson
            self._limits_in_extra = {field.name: extra[field.name] for field in LIMIT_FIELDS if field.name in extra}
        return self._client

    def close(self) -> None:
        """Close the kept HTTP connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def create_video(self, request: VideoRequest) -> Video:
        """Submit a video. Costs money.

        The request is sent again, a few times at most, only where certainly nothing was accepted: the gateway could not
        be reached, or refused for now. This method keeps no record: a task of your own that is retried after it submits
        again. Every error that a retry would pay for again, or that a retry cannot help, is an ``AirflowFailException`` too, so
        that Airflow does not retry a task that lets it through. The connection's caps and ``min_balance`` hold here too.

        :raises SubmissionUnknown: the answer was lost: the video may be rendering, and billed.
        :raises GatewayError: nothing was accepted.
        :raises AirflowException: nothing was sent, see :meth:`SpendingGuard.reserve`.
        """
        # Loaded here: a DAG file that imports the operators must not pay for it.
        from sora2_provider.reporting.failures import failure, not_retried
        from sora2_provider.submission.journal import SubmissionJournal
        from sora2_provider.submission.submitter import Accepted, Submitter

        submitter = Submitter(
            self.get_conn(),
            self.spending_guard(),
            SubmissionJournal(None, log=self.log),
            conn_id=self.sora2_conn_id,
            log=self.log,
        )
        accepted = submitter.submit(request)
        if isinstance(accepted, Accepted):
            return accepted.video
        if isinstance(accepted.error, GatewayError):
            raise not_retried(accepted.error) from accepted.error.__cause__
        raise failure(accepted) from accepted.error

    def spending_guard(self, *, retry_waits: bool = False) -> SpendingGuard:
        """Return what must allow each create: the connection's caps and ``min_balance``.

        :param retry_waits: whether Airflow's next retry will wait for as long as a cap makes it.
        :raises InvalidParameter: a limit cannot be used; says what to write where.
        """
        from sora2_provider.spending.guard import SpendingGuard

        return SpendingGuard(self.sora2_conn_id, self._limits(), self.get_conn(), retry_waits=retry_waits, log=self.log)

    def _limits(self) -> SpendingLimits:
        try:
            return limits_of(self.sora2_conn_id, self._limits_in_extra)
        except ValueError as error:
            raise InvalidParameter(str(error), Fate.NOTHING_SENT) from None

    def get_video(self, video_id: str) -> Video:
        """Ask for a video's state.

        :raises GatewayError: no state came back.
        """
        return self.get_conn().get_video(checked_id(video_id))

    def wait_for_video(
        self, video_id: str, *, timeout: float = DEFAULT_TIMEOUT, poll_interval: float | None = None
    ) -> Video:
        """Wait until a video is completed, and return it.

        :param timeout: seconds.
        :param poll_interval: seconds between two questions; ``None`` for a schedule that fits usual rendering times.
        :raises AirflowException: it failed, was cancelled, took too long, or the gateway could not be asked. The
            message names the id.
        """
        started = time.time()
        finished = self.await_outcome(
            video_id, started=started, deadline=started + timeout, poll_interval=poll_interval, ask_at_once=True
        )
        if finished.outcome is Outcome.COMPLETED and finished.video is not None:
            return finished.video
        from sora2_provider.reporting.endings import Ending
        from sora2_provider.reporting.failures import failure

        waited = duration_text(time.time() - started)
        raise failure(Ending.of_wait(finished, video_id, self.sora2_conn_id, waited=waited))

    def await_outcome(
        self,
        video_id: str,
        *,
        started: float,
        deadline: float,
        expected: float = DEFAULT_EXPECTED,
        poll_interval: float | None = None,
        ask_at_once: bool = False,
    ) -> Finished:
        """Wait until a video's rendering has ended, one way or the other; log what a person wants to see of it.

        :param started: when the video was created, in seconds since the epoch.
        :param deadline: when the wait ends, in seconds since the epoch.
        :param expected: seconds that the rendering is expected to take.
        :param ask_at_once: ask first and wait then: for a video that was not created just now.
        """
        video_id = checked_id(video_id)
        client = self.get_conn()
        wait = VideoWait(started=started, deadline=deadline, expected=expected, poll_interval=poll_interval)
        progress = ProgressReport()
        step: PollAgain | Finished = PollAgain(0) if ask_at_once else wait.start(now=time.time())
        while isinstance(step, PollAgain):
            time.sleep(step.after)
            try:
                video = client.get_video(video_id)
            except GatewayError as error:
                metrics.poll_failed(error)
                step = wait.on_error(error, now=time.time())
                self.log.warning("The gateway could not say how video %s stands: %s", video_id, error)
                continue
            if line := progress.line(video, elapsed=time.time() - started):
                self.log.info("Video %s", line)
            step = wait.on_video(video, now=time.time())
        return step

    def download_video(
        self, video_id: str, path: str, *, if_exists: str = "replace", video: Video | None = None
    ) -> StoredVideo:
        """Store a completed video's file, in constant memory, whole or not at all.

        :param path: URI for ``ObjectStoragePath`` or an absolute path; a folder when it ends with ``/``.
        :param if_exists: ``replace``, ``skip`` (keep the file that is there) or ``fail``.
        :param video: the video as just queried, to save a question.
        :raises ValueError: the path or ``if_exists`` cannot be used.
        :raises FileExistsError: there is a file, and ``if_exists`` is ``fail``.
        :raises GatewayError: the file could not be had; ``transient`` says whether a later try may get it.
        """
        from sora2_provider import storage
        from sora2_provider.gateway.download.transfer import download

        video_id = checked_id(video_id)
        if if_exists not in storage.IF_EXISTS:
            raise InvalidParameter(f"if_exists={if_exists!r}: it must be one of {', '.join(storage.IF_EXISTS)}.")
        try:
            target = storage.Target.parse(path, video_id=video_id)
        except ValueError as error:
            raise InvalidParameter(str(error)) from error
        if if_exists != "replace" and target.exists():
            if if_exists == "fail":
                raise FileExistsError(f"{target.uri} exists, and if_exists is 'fail': nothing was downloaded.")
            self.log.info("%s exists and is kept (if_exists='skip')", target.uri)
            return StoredVideo(target.uri, *target.described())
        client = self.get_conn()
        known = video if video is not None and video.status is VideoStatus.COMPLETED else client.get_video(video_id)
        got = target.write(
            lambda sink: download(client, known, sink, pause=time.sleep, report=self.log.warning),
        )
        if not got.length_known and got.content_type != "video/mp4":
            self.log.warning("The server did not say how long the file is, so its end could not be checked.")
        if (stored := target.size()) != got.size:
            raise OSError(f"{target.uri} holds {stored} bytes, but {got.size} were written. Try again.")
        return StoredVideo(target.uri, got.size, got.sha256, got.content_type, known)

    def list_models(self) -> list[str]:
        """Return the names of the models that the key may use. Costs nothing.

        :raises GatewayError: no list came back.
        """
        return list(self.get_conn().list_models())

    def get_balance(self) -> Balance:
        """Return what the account (or where the gateway has no billing routes, the key) has left. Costs nothing.

        :raises GatewayError: no balance came back.
        """
        return self.get_conn().get_balance()

    def test_connection(self) -> tuple[bool, str]:
        """Check address and key by asking for the list of models, which costs nothing."""
        try:
            models = self.list_models()
            self._limits()
        except AuthenticationError as error:
            return False, f"The gateway answers, but does not accept the key: {error}. {error.remedy}"
        except UnreadableResponse as error:
            return False, f"Wrong address: {error} {error.remedy}"
        except GatewayError as error:
            if error.http_status is None:
                return False, f"Unreachable: {error} Check the base URL, and that this machine may connect to it."
            if error.http_status == 404:
                return False, f"Wrong address: there is no /v1/models there: {error}. Check the base URL."
            return False, f"The gateway answers, but not as it should: {error}. {error.remedy}"
        except Exception as error:
            # The form shows this text; whatever else is wrong belongs there too.
            return False, str(error)
        if "sora-2" in models:
            others = [name for name in models if name.startswith("sora") and name != "sora-2"]
            also = f" (also {', '.join(others[:5])})" if others else ""
            return True, f"The key works, and the gateway offers sora-2{also}."
        offered = ", ".join(models[:8]) + (", ..." if len(models) > 8 else "")
        return True, f"The key works, but sora-2 is not among its models. It may use: {offered or 'none'}."


def checked_id(video_id: Any) -> str:
    """Return a video's id, or the id of the dict that a sensor returned.

    :raises InvalidParameter: there is none.
    """
    try:
        return parameters.checked_video_id(video_id)
    except ValueError as error:
        raise InvalidParameter(str(error)) from None
