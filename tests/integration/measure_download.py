"""Downloads one big video in a process of its own and prints, as JSON, how much memory that added.

Usage: measure_download.py VIDEO_ID PATH WARM_UP_VIDEO_ID WARM_UP_PATH

The connection ``sora2_small`` serves the warm-up, which loads every module and opens the storage once, so that only
the download itself is counted. Linux only: the peak is reset and read under /proc.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sora2_provider.operators.sora2 import Sora2DownloadVideoOperator

STATUS = Path("/proc/self/status")
RESET_PEAK = Path("/proc/self/clear_refs")


class KeptXComs:
    """Keeps what the operator pushes."""

    def __init__(self) -> None:
        self.xcoms: dict[str, object] = {}

    def xcom_push(self, key: str, value: object) -> None:
        self.xcoms[key] = value


def memory(name: str) -> int:
    """Return a figure of this process in bytes: VmRSS now, VmHWM at its peak."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Warm up, reset the peak, download, report."""
    video_id, path, small_id, small_path = sys.argv[1:]
    warm_up = Sora2DownloadVideoOperator(
        task_id="warm_up", video_id=small_id, path=small_path, sora2_conn_id="sora2_small"
    )
    warm_up.execute({"ti": KeptXComs()})
    before = memory("VmRSS")
    RESET_PEAK.write_text("5")
    kept = KeptXComs()
    uri = Sora2DownloadVideoOperator(task_id="download", video_id=video_id, path=path).execute({"ti": kept})
    print(json.dumps({"uri": uri, "added": memory("VmHWM") - before, **kept.xcoms}))


if __name__ == "__main__":
    main()
