"""The Airflow DAG whose file a test edits: between two tries, for which the pause must suffice, and before a clear."""

from __future__ import annotations

from videos_of_a_list import videos_of_a_list

RETRIES = 2

edited = videos_of_a_list("edited", retries=RETRIES, retry_delay=30)
