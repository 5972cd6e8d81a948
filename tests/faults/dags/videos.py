"""The Airflow DAG of most fault tests."""

from __future__ import annotations

from videos_of_a_list import videos_of_a_list

videos = videos_of_a_list("videos", retries=2, retry_delay=1)
