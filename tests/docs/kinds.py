"""What becomes of each code block. A block that fits nothing here fails its test."""

from __future__ import annotations

from tests.docs.blocks import DATA, DIRECTIVES, PYTHON, SHELL, TEXT, Block

DAG = "run to their end as DAGs, on Airflow"
PROJECT_FILE = "run as test files of a user's project"
SNIPPET = "Python, run"
COMMANDS = "commands, checked and where cheap run"
PARSED = "data, parsed"
DRAWING = "output and drawings"
BUILT = "directives of the site"
NOT_RUN = "not run, for a reason that is given"
UNKNOWN = "unknown"


def kind_of(block: Block) -> str:
    """Return one of the texts above."""
    if block.reason is not None:
        return NOT_RUN
    if block.is_dag:
        return DAG
    if block.language in PYTHON:
        return PROJECT_FILE if (block.file_name or "").startswith("tests/") else SNIPPET
    for languages, kind in ((SHELL, COMMANDS), (DATA, PARSED), (TEXT, DRAWING), (DIRECTIVES, BUILT)):
        if block.language in languages:
            return kind
    return UNKNOWN


def of_kind(blocks: tuple[Block, ...], *kinds: str) -> list[Block]:
    """Return the blocks of these kinds."""
    return [block for block in blocks if kind_of(block) in kinds]
