"""The stalls of a triggerer's event loop, as Airflow's own watchdog notes them in the triggerer's log."""

from __future__ import annotations

import re

#: The watchdog sleeps for 0.1 s and notes what it took, where that is more than this: so nearly every stall counts.
ENVIRONMENT = {"AIRFLOW__TRIGGERER__BLOCKED_MAIN_THREAD_WARNING_THRESHOLD": "0.15"}

_SLEEPS = 0.1
_NOTED = re.compile(r"async thread was blocked for ([\d.]+) seconds")


def stalls(triggerer_log: str) -> list[float]:
    """Return the stalls that were noted, in seconds, less the time that the watchdog sleeps itself."""
    return [float(each) - _SLEEPS for each in _NOTED.findall(triggerer_log)]
