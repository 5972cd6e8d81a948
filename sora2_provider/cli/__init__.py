"""The commands ``airflow sora2 ...`` and ``python -m sora2_provider ...``.

Airflow 3.2 and later load :mod:`.definition` at every start of ``airflow``; everything else is loaded by a command that runs.
"""
