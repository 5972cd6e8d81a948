"""An S3-compatible server on loopback, with one bucket."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

import requests

BUCKET = "videos"

# Ends by itself when its standard input closes, so also when this process dies. One request at a time: moto's threads may
# come between a conditional write's look and its write, and make two writers believe that each has made the object.
_SERVER = """
import sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer
serve, turn = DomainDispatcherApplication.__call__, threading.Lock()
def one_at_a_time(*call):
    with turn:
        return serve(*call)
DomainDispatcherApplication.__call__ = one_at_a_time
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
server.stop()
"""


def aws_connection(url: str) -> str:
    """Return the Airflow connection for the server, as JSON."""
    return json.dumps(
        {
            "conn_type": "aws",
            "login": "testing",
            "password": "testing",
            "extra": {"endpoint_url": url, "region_name": "us-east-1"},
        }
    )


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Run the server and give its URL."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        url = server.stdout.readline().strip()
        requests.put(f"{url}/{BUCKET}", timeout=20).raise_for_status()
        yield url
        server.stdin.close()
