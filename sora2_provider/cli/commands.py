"""The commands: what is printed where, and the exit codes. The answer goes to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator

from sora2_provider.cli import display
from sora2_provider.cli.connections import read_connection
from sora2_provider.cli.doctor.examine import examine
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import GatewayError, VideoNotFound, as_sentence
from sora2_provider.gateway.parameters import checked_video_id


def doctor(arguments: Namespace) -> int:
    """Check a connection; return 1 where something must be fixed."""
    with _quiet():
        report = examine(arguments.conn_id)
    if arguments.output == "table":
        display.print_report(report)
    else:
        display.print_values(report.to_dict(), arguments.output)
    return 0 if report.is_healthy else 1


def get(arguments: Namespace) -> int:
    """Show a video; return 1 where there is none, or the gateway cannot be asked."""
    redact: Callable[[str], str] = str
    try:
        with _quiet():
            video_id = checked_video_id(arguments.video_id)
            settings = read_connection(arguments.conn_id).settings
            redact = settings.redact
            with Sora2Client(settings) as client:
                video = client.get_video(video_id)
    except VideoNotFound as error:
        return _failed(redact(f"The gateway has no video {video_id}: {as_sentence(str(error))} {error.remedy}"))
    except GatewayError as error:
        return _failed(redact(f"The gateway did not return the video: {as_sentence(str(error))} {error.remedy}"))
    except ValueError as error:
        return _failed(redact(str(error)))
    if arguments.output == "table":
        display.print_video(video, arguments.conn_id)
    else:
        display.print_values({"conn_id": arguments.conn_id, **video.to_dict()}, arguments.output)
    return 0


def _failed(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return 1


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Airflow's warnings and log lines out of stdout, which a program may read."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
