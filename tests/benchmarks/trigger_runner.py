"""10,000 triggers in Airflow's own TriggerRunner: its memory for each of them, and the stalls of its event loop.

Usage: python -m tests.benchmarks.trigger_runner URL OPTIONS. The process that is started so stands for the supervisor, without a
database: it hands out the triggers over the same socket, in the same frames, and reads the logs away. The runner is a
process of its own, whose watchdog is replaced by a finer one, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from dev.harness.processes import wait_until
from tests.benchmarks import contestants
from tests.benchmarks.stalls import KINDS, Beat, Stalls


def memory(pid: int) -> int:
    """Return the bytes that a process holds for itself."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith(("Private_", "Swap:")))


def run_as_runner(log: int, results: int) -> None:
    from airflow.jobs.triggerer_job_runner import TriggerRunner
    from airflow.sdk.log import configure_logging

    class MeasuredRunner(TriggerRunner):
        """Reports what it measured when it is told to stop."""

        async def block_watchdog(self) -> None:
            stalls = Stalls()
            heart = asyncio.create_task(stalls.beat())
            while not self.stop:
                await asyncio.sleep(0.2)
                started = len(self.triggers)
                os.write(results, f"{started}\n".encode())
            heart.cancel()
            os.write(results, (json.dumps(stalls.beats) + "\n").encode())

    configure_logging(json_output=True, output=os.fdopen(log, "wb", buffering=0), sending_to_supervisor=True)
    MeasuredRunner().run()


class Supervisor:
    """Starts a runner and answers its questions."""

    def __init__(self, kind: str, count: int) -> None:
        from airflow.jobs.triggerer_job_runner import messages
        from airflow.sdk.execution_time.comms import _ResponseFrame

        self._frame = _ResponseFrame
        self._workloads = _workloads(KINDS[kind](count), messages)
        self._none = messages.TriggerStateSync(to_create=[], to_cancel=set()).model_dump(mode="json")
        self._start = messages.StartTriggerer().model_dump()
        self._own, theirs = socket.socketpair()
        self._results, results = os.pipe()
        self._log, log = os.pipe()
        command = [sys.executable, "-m", "tests.benchmarks.trigger_runner", "--runner", str(log), str(results)]
        self.process = subprocess.Popen(command, stdin=theirs.fileno(), pass_fds=(log, results))
        for descriptor in (log, results):
            os.close(descriptor)
        theirs.close()
        self.beats = self.running = 0
        self.beaten: list[Beat] = []
        #: Set when the runner is to get its triggers, all in one message, as the supervisor does.
        self.hand_out = False
        targets = (self._answer, self._read_results, self._drain)
        self._threads = [threading.Thread(target=target, daemon=True) for target in targets]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(10)
        self._own.close()

    def _answer(self) -> None:
        import msgspec

        reader = self._own.makefile("rb")
        self._own.sendall(self._frame(id=0, body=self._start).as_bytes())
        while len(head := reader.read(4)) == 4:
            number, body, *_ = msgspec.msgpack.decode(reader.read(int.from_bytes(head, "big")))
            answer: dict[str, Any] | None = None
            if body and body["type"] == "TriggerStateChanges":
                answer, self.hand_out = (self._workloads if self.hand_out else self._none), False
            try:
                self._own.sendall(self._frame(id=number, body=answer).as_bytes())
            except OSError:
                return

    def _read_results(self) -> None:
        with os.fdopen(self._results, "rb") as stream:
            for line in stream:
                said = json.loads(line)
                if isinstance(said, int):
                    self.running = said
                    self.beats += 1
                else:
                    self.beaten = [Beat(*one) for one in said]

    def _drain(self) -> None:
        while os.read(self._log, 1 << 20):
            pass


def _workloads(triggers: list[tuple[str, dict[str, Any]]], messages: Any) -> dict[str, Any]:
    from airflow.executors.workloads.task import TaskInstanceDTO
    from airflow.executors.workloads.trigger import RunTrigger
    from airflow.models.trigger import Trigger

    names = {"task_id": "video", "dag_id": "ten_thousand_videos", "run_id": "manual__2026-01-01", "queue": "default"}
    numbers = {"try_number": 1, "pool_slots": 1, "priority_weight": 1}
    made = []
    for number, (path, kwargs) in enumerate(triggers, 1):
        ti = TaskInstanceDTO(id=uuid.uuid4(), dag_version_id=uuid.uuid4(), map_index=number, **names, **numbers)
        made.append(RunTrigger(id=number, classpath=path, encrypted_kwargs=Trigger.encrypt_kwargs(kwargs), ti=ti))
    return messages.TriggerStateSync(to_create=made, to_cancel=set()).model_dump(mode="json")


def measure(kind: str, count: int, seconds: float) -> dict[str, float]:
    """Return the memory for each trigger once all wait, and after some seconds of waiting, and the stalls."""
    supervisor = Supervisor(kind, count)
    try:
        wait_until(lambda: supervisor.beats > 5, timeout=120, what="the runner")
        empty = memory(supervisor.process.pid)
        supervisor.hand_out = True
        wait_until(lambda: supervisor.running >= count, timeout=120, what="the runner's triggers")
        time.sleep(2)
        started, full = time.monotonic(), memory(supervisor.process.pid)
        time.sleep(seconds)
        later = memory(supervisor.process.pid)
    finally:
        supervisor.stop()
    return Stalls(supervisor.beaten).summary(started) | {
        "kilobytes_each": (full - empty) / count / 1000,
        "kilobytes_each_later": (later - empty) / count / 1000,
    }


if __name__ == "__main__":
    if sys.argv[1] == "--runner":
        run_as_runner(int(sys.argv[2]), int(sys.argv[3]))
    else:
        contestants.set_connections(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        print(json.dumps(measure(**json.loads(sys.argv[2]))))
