"""How a video ended, and what Airflow is told of it: messages, XComs, metrics, asset events, lineage, retry delays."""
