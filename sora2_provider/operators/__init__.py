"""The operators, and a create task at work (``create_run.py``)."""
