"""Shields the tests from the Airflow configuration of the person who runs them."""

from __future__ import annotations

import os

for name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_"))]:
    del os.environ[name]
