"""What type checkers must find wrong. Each line says so to both; one that is right by now fails ``make typecheck``."""

from __future__ import annotations

from airflow.sdk import task

from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor


@task
def text() -> str:
    return "a fox"


class Create(Sora2CreateVideoOperator):
    """Makes a line of each wrong argument."""


NO_PROMPT = Create(task_id="a")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
PROMPT = Create(task_id="a", prompt=7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
FUNCTION = Create(task_id="a", prompt=text)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
LIST = Create(task_id="a", prompt=["a fox"])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
TASK = Create(task_id="a", prompt=Create)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
IMAGES = Create(task_id="a", prompt="", images=[7])  # type: ignore[list-item] # pyright: ignore[reportArgumentType]
NO_IMAGE = Create(task_id="a", prompt="", images=7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
MODEL = Create(task_id="a", prompt="", model=2)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
SIZE = Create(task_id="a", prompt="", size=720)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
DURATION = Create(task_id="a", prompt="", duration=[15])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
EXTRA = Create(task_id="a", prompt="", extra=["a"])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
CONN = Create(task_id="a", prompt="", sora2_conn_id=1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
WAIT = Create(task_id="a", prompt="", timeout=(1, 2))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
POLL = Create(task_id="a", prompt="", poll_interval={})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
PATH = Create(task_id="a", prompt="", output_path=b"/")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
DURABLE = Create(task_id="a", prompt="", durable="no")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
DEFER = Create(task_id="a", prompt="", deferrable="no")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

Store = Sora2DownloadVideoOperator
ID = Store(task_id="a", video_id=7, path="/")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
IDS = Store(task_id="a", video_id=["a"], path="/")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
NO_PATH = Store(task_id="a", video_id="a")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
FILE = Store(task_id="a", video_id="a", path=7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
EXISTS = Store(task_id="a", video_id="a", path="/", if_exists=1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

NO_ID = Sora2VideoSensor(task_id="a")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
WAITED = Sora2VideoSensor(task_id="a", video_id=7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
POKE = Sora2VideoSensor(task_id="a", video_id="", poke_interval=[1])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

ASKED = Sora2Hook().get_video(7)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
UNSAID = Sora2Hook().wait_for_video("a", timeout=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
XCOM = Sora2Hook().wait_for_video("a", timeout=text())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
