"""Check that a tag names the version that is about to be released: ``python -m dev.check_tag v0.1.0``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import sora2_provider

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def released_versions(changelog: str) -> list[str]:
    """Return the versions whose headings in the changelog have a date, newest first."""
    return re.findall(r"^## (\S+) \(\d{4}-\d{2}-\d{2}\)$", changelog, re.MULTILINE)


def problems_of(tag: str, *, version: str, changelog: str) -> list[str]:
    """Return what is wrong with a release of this tag."""
    problems = []
    if tag != f"v{version}":
        problems.append(f"The tag is {tag}, and sora2_provider.__version__ is {version}: the tag must be v{version}.")
    if version not in released_versions(changelog)[:1]:
        problems.append(f"CHANGELOG.md must begin with the heading ## {version} (YYYY-MM-DD), the day of the release.")
    return problems


if __name__ == "__main__":
    found = problems_of(sys.argv[1], version=sora2_provider.__version__, changelog=CHANGELOG.read_text("utf-8"))
    print("\n".join(found) or f"{sys.argv[1]} is the version, and the changelog has its date")
    sys.exit(bool(found))
