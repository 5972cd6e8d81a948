"""The program ``python -m sora2_provider.emulator``."""

from __future__ import annotations

import argparse
import logging
import shlex
import signal
import sys
import time
from collections.abc import Sequence

from sora2_provider.emulator.emulator import Emulator
from sora2_provider.emulator.settings import DIALECTS, LIKES, SHAPES, EmulatorError, Settings

_DESCRIPTION = """\
A Sora 2 gateway on this machine: it answers like a real one, takes its time to render, and serves real H.264 videos
that show their prompt. Nothing is paid, and every key that starts with sk- is accepted.
"""
_EPILOG = """\
examples:
  python -m sora2_provider.emulator --port 8900
  python -m sora2_provider.emulator --port 8900 --like new-api --render-seconds 120
  python -m sora2_provider.emulator --port 8900 --canned --fault-rate 0.05 --seed 7    (a load test)
  curl -X POST http://127.0.0.1:8900/_emulator/faults -H 'Content-Type: application/json' \\
       -d '{"route": "create", "reset": "after"}'
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM, and return the exit code."""
    settings = vars(_parser().parse_args(arguments))
    quiet = settings.pop("quiet")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("sora2_provider.emulator").setLevel(logging.WARNING if quiet else logging.INFO)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Set, not left alone: a shell starts background jobs with SIGINT ignored.
        signal.signal(number, signal.default_int_handler)
    try:
        with Emulator(**settings) as emulator:
            # Flushed: a program that started this one reads the address from a pipe.
            print(_greeting(emulator), flush=True)  # noqa: T201
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        print("The emulator has ended.", flush=True)  # noqa: T201
        return 0
    except (EmulatorError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _greeting(emulator: Emulator) -> str:
    settings = emulator.settings()
    return f"""\
Sora 2 emulator at {emulator.url} ({_described(settings)}, a rendering takes {settings.render_seconds:g} s)
Point Airflow at it:
  export AIRFLOW_CONN_SORA2_DEFAULT={shlex.quote(emulator.connection())}
Control API: {emulator.url}/_emulator/   (what was billed: {emulator.url}/_emulator/billed)
Sample images: {emulator.url}/images/sample.png, {emulator.url}/images/landscape.png
Ctrl-C ends it."""


def _described(settings: Settings) -> str:
    return f"like {settings.like}" if settings.like else f"the wires {', '.join(DIALECTS)}; shape {settings.shape}"


def _balance(text: str) -> float | None:
    return None if text == "unlimited" else float(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sora2_provider.emulator",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=8900, help="0 is any free port (default: 8900)")
    add("--host", default="127.0.0.1", help="a loopback address (default: 127.0.0.1)")
    add("--like", choices=LIKES, help="the server whose wires and words it has (default: every wire at once)")
    add("--shape", choices=SHAPES, default="guide", help="how answers on the unified wire look (default: guide)")
    # The name that 0.1.0 had for --shape.
    add("--dialect", choices=SHAPES, dest="shape", help=argparse.SUPPRESS)
    add("--strict", action="store_true", help="the openai wire takes only what OpenAI's own API takes")
    add("--render-seconds", type=float, default=20.0, metavar="S", help="how long a rendering takes (default: 20)")
    add("--balance", type=_balance, default=100.0, metavar="USD", help="the account, or unlimited (default: 100)")
    add("--link-seconds", type=float, default=86_400.0, metavar="S", help="how long a link is valid (default: a day)")
    add("--link-host", metavar="NAME", help="another host name in links, such as localhost")
    add("--canned", action="store_true", help="one small clip for every video: no encoding, no PyAV needed")
    add("--file-bytes", type=int, metavar="N", help="pad served files to N bytes, for tests of big downloads")
    add("--fault-rate", type=float, default=0.0, metavar="P", help="share of requests, 0 to 1, with a random fault")
    add("--seed", type=int, default=0, metavar="N", help="the seed of the random faults (default: 0)")
    add("--quiet", action="store_true", help="no line for each request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
