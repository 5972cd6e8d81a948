"""``python -m sora2_provider doctor`` and ``get``: the commands of ``airflow sora2`` on every version of Airflow."""

from __future__ import annotations

import sys

from sora2_provider.cli.definition import parser, run


def main() -> int:
    """Run a command; return its exit code."""
    arguments = parser().parse_args()
    return run(arguments.command, arguments)


if __name__ == "__main__":
    sys.exit(main())
