"""Record what this release leaves in users' databases and buckets, for later releases to be tested with.

Writes ``tests/upgrade/fixtures/VERSION/`` and its digest. Everything is made by the provider's own code against the
built-in emulator. A version that is dated in CHANGELOG.md is released: its folder never changes again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
FIXTURES = PROJECT / "tests" / "upgrade" / "fixtures"
DIGESTS = "digests.json"


def main() -> int:
    """Write the fixtures of the installed provider's version; return the exit code."""
    # Loaded here: a test asks this module about digests only.
    import sora2_provider

    parser = argparse.ArgumentParser(description="Record what this release leaves in users' databases and buckets.")
    parser.add_argument("--version", default=sora2_provider.__version__, help="name of the folder")
    version = parser.parse_args().version
    if version in released_versions((PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")):
        print(f"{version} is released: its fixtures never change. Set the next version in sora2_provider/__init__.py.")
        return 1
    from dev.recording import record

    write(record(), FIXTURES, version)
    print(f"Recorded {FIXTURES / version} from {sora2_provider.__file__}")
    return 0


def write(documents: dict[str, Any], fixtures: Path, version: str) -> None:
    """Write one version's documents, and its digest beside those of the other versions."""
    folder = fixtures / version
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.json"):
        file.unlink()
    for name, document in documents.items():
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    kept = fixtures / DIGESTS
    digests = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    digests[version] = digest_of(folder)
    kept.write_text(f"{json.dumps(digests, indent=1, sort_keys=True)}\n", encoding="utf-8")


def digest_of(folder: Path) -> str:
    """Return the SHA-256 of a folder's files and their names."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(f"{file.name}\n{file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def released_versions(changelog: str) -> list[str]:
    """Return the versions whose headings in the changelog have a date, newest first."""
    return re.findall(r"^## (\S+) \(\d{4}-\d{2}-\d{2}\)$", changelog, re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
