"""A video's file: where it comes from (``source.py``), and how it is streamed and checked (``transfer.py``)."""
