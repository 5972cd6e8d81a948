"""An S3-compatible server on loopback, with one bucket."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

import requests

BUCKET = "videos"

# Ends by itself when its standard input closes, so also when this process dies.
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
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
