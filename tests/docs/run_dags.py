"""Runs DAG files to their end in this process, and prints for each file what failed: ``RESULT`` and a JSON pair.

The arguments are files. Runs with the Python of an Airflow whose database is migrated, with the ids of completed videos
in ``VIDEO_IDS``, one for each file. Real renderings take minutes, so the pauses between two questions are shortened.
"""

from __future__ import annotations

import json
import os
import sys
import traceback


def main(files: list[str]) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from sora2_provider.gateway.polling import wait

    wait._FIRST_SHARE = 0.0  # type: ignore[misc]
    wait._SHORTEST_PAUSE = wait._LONGEST_PAUSE = 0.1  # type: ignore[misc]
    DagBundlesManager().sync_bundles_to_db()
    for file, video_id in zip(files, json.loads(os.environ["VIDEO_IDS"]), strict=True):
        try:
            failure = run(file, {"video_id": video_id})
        except Exception:
            failure = traceback.format_exc()
        print("RESULT " + json.dumps([file, failure]), flush=True)


def run(file: str, conf: dict[str, str]) -> str | None:
    """Run the DAGs of one file, and return what failed."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    bag = DagBag(file)
    if bag.import_errors or not bag.dags:
        return f"not imported: {bag.import_errors}"
    sync_bag_to_db(bag, "dags-folder", None)
    for dag_id, dag in bag.dags.items():
        ended = dag.test(run_conf={name: value for name, value in conf.items() if name in dag.params})
        states = {f"{one.task_id}[{one.map_index}]": str(one.state) for one in ended.get_task_instances()}
        if str(ended.state) != "success" or set(states.values()) != {"success"}:
            return f"{dag_id} ended as {ended.state}: {states}"
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
