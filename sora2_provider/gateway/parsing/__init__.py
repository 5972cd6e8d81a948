"""Reads the gateway's answers. Pure. Status words are in ``fields.py``, codes and phrases of errors in ``error_kinds.py``."""
