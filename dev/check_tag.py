"""Check that a tag names the version that is about to be released: ``check_tag.py v0.1.0``."""

from __future__ import annotations

import sys
from pathlib import Path

import sora2_provider
from dev.upgrade_fixtures import released_versions

PROJECT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Check the tag on the command line; return the exit code."""
    problems = problems_of(
        sys.argv[1],
        version=sora2_provider.__version__,
        changelog=(PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"),
    )
    print("\n".join(problems) or f"{sys.argv[1]} is the version, and the changelog has its date")
    return bool(problems)


def problems_of(tag: str, *, version: str, changelog: str) -> list[str]:
    """Return what is wrong with a release of this tag."""
    problems = []
    if tag != f"v{version}":
        problems.append(f"The tag is {tag}, and sora2_provider.__version__ is {version}: the tag must be v{version}.")
    if version not in released_versions(changelog)[:1]:
        problems.append(f"CHANGELOG.md must begin with the heading ## {version} (YYYY-MM-DD), the day of the release.")
    return problems


if __name__ == "__main__":
    sys.exit(main())
