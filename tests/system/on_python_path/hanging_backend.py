"""A secrets backend that hangs for as long as there is a file of the connection's name. Airflow's processes import it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from airflow.secrets import BaseSecretsBackend


class HangingBackend(BaseSecretsBackend):
    """Knows no connection, and says so late."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = Path(folder)

    def get_conn_value(self, conn_id: str, **_: Any) -> str | None:
        if (self._folder / conn_id).exists():
            with (self._folder / f"{conn_id}.hung").open("a") as hung:
                hung.write(f"{os.getpid()}\n")
        while (self._folder / conn_id).exists():
            time.sleep(0.2)
        return None

    def get_variable(self, *_: Any, **__: Any) -> str | None:
        return None

    def get_config(self, *_: Any) -> str | None:
        return None
