"""Runs modules as ``python -m`` does, one after the other, in one process: see `command_console`.

Each line of the standard input is a command as JSON; each line of the standard output tells how it ended.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
import traceback
from typing import Any


def main() -> None:
    """Run what is asked for until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    usual = dict(os.environ)
    for line in sys.stdin:
        request = json.loads(line)
        os.environ.update(request["environment"])
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            # The files themselves, because log handlers keep the streams that they have found.
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            exit_code = run(request["module"], request["arguments"])
            sys.stdout.flush()
            sys.stderr.flush()
            answer: dict[str, Any] = {"returncode": exit_code}
            for name, file in (("stdout", output), ("stderr", errors)):
                file.seek(0)
                answer[name] = file.read().decode(errors="replace")
        print(json.dumps(answer), file=answers, flush=True)
        os.environ.clear()
        os.environ.update(usual)


def run(module: str, arguments: list[str]) -> int:
    """Run a module and return what would be its process's exit code."""
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
