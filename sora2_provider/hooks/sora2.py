"""The hook: an Airflow connection turned into a client of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from sora2_provider.compat import BaseHook, ObjectStoragePath
from sora2_provider.exceptions import Fate, InvalidParameter
from sora2_provider.gateway import parameters
from sora2_provider.gateway.dialects import dialect as dialect_of
from sora2_provider.gateway.errors import AuthenticationError, GatewayError, UnreadableResponse, as_sentence
from sora2_provider.gateway.settings import AUTO, DEFAULT_TIMEOUT
from sora2_provider.hooks import connection_form

if TYPE_CHECKING:
    from sora2_provider.gateway.client import Sora2Client
    from sora2_provider.gateway.models import Balance, Video, VideoRequest
    from sora2_provider.spending.caps import SpendingGuard
    from sora2_provider.spending.limits import SpendingLimits
    from sora2_provider.storage import StoredVideo

_CHECK_IT = "Check the base URL, and that this machine may connect to it."


class Sora2Hook(BaseHook):
    """Talks to a Sora 2 gateway with the address and the key of an Airflow connection.

    HTTP connections are kept and reused for the life of the hook. A hook belongs to one thread.

    :param sora2_conn_id: connection of type ``sora2``: Host is the base URL, Password the API key.
    :param dialect: the API that its videos are on, by the name of a file in :mod:`sora2_provider.gateway.dialects`; ``None`` or
        ``auto`` for what the connection says.
    """

    conn_name_attr = "sora2_conn_id"
    default_conn_name = "sora2_default"
    conn_type = "sora2"
    hook_name = "Sora 2"

    def __init__(self, sora2_conn_id: str = default_conn_name, *, dialect: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sora2_conn_id = sora2_conn_id
        self.dialect = checked_dialect(dialect)
        self._client: Sora2Client | None = None
        # What else is in the extra may be secret, and a hook's attributes end up in somebody's log.
        self._limits: SpendingLimits | None = None
        self._wrong_limit = ""
        self._unknown_fields = ""

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
            # Imported here: DAG files must parse fast.
            from sora2_provider.gateway.client import Sora2Client
            from sora2_provider.hooks.connection import limits_of, settings_of, unverified
            from sora2_provider.hooks.connection_extra import unknown_in

            connection = self.get_connection(self.sora2_conn_id)
            try:
                settings = settings_of(connection)
            except ValueError as error:
                del connection  # its repr shows the key
                raise InvalidParameter(str(error)) from None
            if settings.verify_tls is False:
                self.log.warning(unverified(self.sora2_conn_id))
            self._client = Sora2Client(settings, dialect=self.dialect, report=self.log.info)
            extra = connection.extra_dejson
            self._unknown_fields = unknown_in(extra)
            try:
                self._limits = limits_of(self.sora2_conn_id, extra)
            except ValueError as error:
                self._wrong_limit = str(error)
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
        from sora2_provider.hooks import operations

        return operations.create_video(
            self.get_conn, self.spending_guard, request, conn_id=self.sora2_conn_id, log=self.log
        )

    def spending_guard(self, *, retry_waits: bool = False) -> SpendingGuard:
        """Return what must allow each create: the connection's caps and ``min_balance``.

        :param retry_waits: whether Airflow's next retry will wait for as long as a cap makes it.
        :raises InvalidParameter: a limit cannot be used; says what to write where.
        """
        from sora2_provider.spending.caps import SpendingGuard

        client = self.get_conn()
        return SpendingGuard(self.sora2_conn_id, self._checked_limits(), client, retry_waits=retry_waits, log=self.log)

    def _checked_limits(self) -> SpendingLimits:
        if self._limits is None:
            raise InvalidParameter(self._wrong_limit, Fate.NOTHING_SENT)
        return self._limits

    def get_video(self, video_id: str | Mapping[str, Any]) -> Video:
        """Ask for a video's state.

        :param video_id: the id, or the dict that ``Sora2VideoSensor`` returns; so in the methods below.

        :raises GatewayError: no state came back.
        """
        return self.get_conn().get_video(checked_id(video_id))

    def wait_for_video(
        self,
        video_id: str | Mapping[str, Any],
        *,
        timeout: float | timedelta | str = DEFAULT_TIMEOUT,
        poll_interval: float | timedelta | str | None = None,
    ) -> Video:
        """Wait until a video is completed, and return it.

        :param timeout: seconds: a number, a ``timedelta``, or a text such as ``"7.5"``.
        :param poll_interval: seconds between two questions; ``None`` for a schedule that fits usual rendering times.
        :raises AirflowException: it failed, was cancelled, took too long, or the gateway could not be asked. The
            message names the id.
        """
        from sora2_provider.hooks import operations

        return operations.wait_for_video(
            self.get_conn(),
            checked_id(video_id),
            timeout=seconds_to_wait("timeout", timeout),
            poll_interval=seconds_to_wait("poll_interval", poll_interval),
            conn_id=self.sora2_conn_id,
            log=self.log,
        )

    def download_video(
        self,
        video_id: str | Mapping[str, Any],
        path: str | PurePath | ObjectStoragePath,
        *,
        if_exists: str = "replace",
        video: Video | None = None,
    ) -> StoredVideo:
        """Store a completed video's file, in constant memory, whole or not at all.

        :param path: URI for ``ObjectStoragePath`` or an absolute path; a folder when it ends with ``/``.
        :param if_exists: ``replace``, ``skip`` (keep the file that is there) or ``fail``.
        :param video: the video as just queried, to save a question.
        :raises ValueError: the path or ``if_exists`` cannot be used.
        :raises FileExistsError: there is a file, and ``if_exists`` is ``fail``.
        :raises GatewayError: the file could not be had; ``transient`` says whether a later try may get it.
        """
        from sora2_provider.hooks import operations

        return operations.download_video(
            self.get_conn, checked_id(video_id), path, if_exists=if_exists, video=video, log=self.log
        )

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
            self.get_conn()
            self._checked_limits()
            models = self.list_models()
        except AuthenticationError as error:
            return False, f"The gateway answers, but does not accept the key: {as_sentence(str(error))} {error.remedy}"
        except UnreadableResponse as error:
            return False, f"Wrong address: {as_sentence(str(error))} {error.remedy}"
        except GatewayError as error:
            if error.http_status is None:
                return False, f"Unreachable: {as_sentence(str(error))} {error.to_do or _CHECK_IT}"
            if error.to_do:
                return False, f"{as_sentence(str(error))} {error.to_do}"
            if error.http_status == 404:
                return (
                    False,
                    f"Wrong address: there is no /v1/models there: {as_sentence(str(error))} Check the base URL.",
                )
            return False, f"The gateway answers, but not as it should: {as_sentence(str(error))} {error.remedy}"
        except Exception as error:
            # The form shows this text; whatever else is wrong belongs there too.
            return False, str(error)
        if "sora-2" in models:
            others = [name for name in models if name.startswith("sora") and name != "sora-2"]
            also = f" (also {', '.join(others[:5])})" if others else ""
            return True, f"The key works, and the gateway offers sora-2{also}. {self._unknown_fields}".rstrip()
        offered = ", ".join(models[:8]) + (", ..." if len(models) > 8 else "")
        seen = f"The key works, but sora-2 is not among its models. It may use: {offered or 'none'}."
        return True, f"{seen} {self._unknown_fields}".rstrip()


def seconds_to_wait(name: str, value: Any) -> Any:
    """Return how long to wait, in seconds; ``None`` is a schedule's ``poll_interval``.

    :param name: of the parameter.
    :param value: a number of seconds, a ``timedelta``, or what a template has made of a number.
    :raises InvalidParameter: it is none, or the wait would have no end.
    """
    if value is None and name == "poll_interval":
        return None
    try:
        return parameters.checked_seconds(name, value)
    except ValueError as error:
        raise InvalidParameter(str(error)) from None


def checked_id(video_id: Any, *, operator: str = "Sora2VideoSensor") -> str:
    """Return a video's id, or the id of the dict that a sensor returned.

    :param operator: what the id is for.
    :raises InvalidParameter: there is none.
    """
    try:
        return parameters.checked_video_id(video_id, operator=operator)
    except ValueError as error:
        raise InvalidParameter(str(error)) from None


def dialect_for(video_id: Any, dialect: str | None) -> str:
    """Return the dialect that a video is on; empty where the connection decides.

    :param video_id: as the argument of this name: a dict that a task has pushed may hold the dialect.
    :param dialect: what is named beside it.
    :raises InvalidParameter: there is none of this name.
    """
    pushed = video_id.get("dialect") if isinstance(video_id, Mapping) else None
    return checked_dialect(pushed or dialect)


def checked_dialect(dialect: str | None) -> str:
    """Return the name of a dialect; empty where the connection decides.

    :raises InvalidParameter: there is none of this name.
    """
    if dialect in (None, "", AUTO):
        return ""
    try:
        return dialect_of(dialect).name
    except ValueError as error:
        raise InvalidParameter(f"{error} Or {AUTO!r}.") from None
