"""Leaves the tests of the tool alone where Cosmic Ray is not installed: everywhere but in ``make mutants``."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("cosmic_ray") else ["test_tool.py"]
