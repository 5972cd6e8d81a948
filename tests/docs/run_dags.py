"""Runs DAG files to their end, one after the other in this process, and prints a JSON object a line for each DAG.

The arguments are files, each with the run's conf as JSON after it. Runs with the Python of an Airflow whose database is
migrated. Real renderings take minutes, so the pauses between two questions are shortened; nothing else is changed.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Run all files."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from sora2_provider.gateway.polling import wait as waiting

    waiting._FIRST_SHARE = 0.0  # type: ignore[misc]
    waiting._SHORTEST_PAUSE = waiting._LONGEST_PAUSE = 0.1  # type: ignore[misc]
    DagBundlesManager().sync_bundles_to_db()
    for file, conf in zip(arguments[::2], arguments[1::2], strict=True):
        try:
            run(Path(file), json.loads(conf))
        except Exception:
            tell(file, dag_id="", state="broken", tasks={}, error=traceback.format_exc()[-3000:])


def run(file: Path, conf: dict[str, str]) -> None:
    """Run the DAGs of one file."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    bag = DagBag(str(file))
    if bag.import_errors or not bag.dags:
        tell(str(file), dag_id="", state="not imported", tasks={}, error=str(bag.import_errors))
    sync_bag_to_db(bag, "dags-folder", None)
    for dag_id, dag in bag.dags.items():
        ended = dag.test(run_conf={name: value for name, value in conf.items() if name in dag.params})
        tasks = {f"{one.task_id}[{one.map_index}]": str(one.state) for one in ended.get_task_instances()}
        tell(str(file), dag_id=dag_id, state=str(ended.state), tasks=tasks, error="")


def tell(file: str, **facts: object) -> None:
    """Print one result: on a line that begins with a mark, because tasks print, too."""
    print("RESULT " + json.dumps({"file": file, **facts}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
