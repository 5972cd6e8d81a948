"""The sensor, and the sensor at work (``sensor_run.py``)."""
