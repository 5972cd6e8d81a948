"""The pytest fixture ``sora2_emulator``, for tests of your own DAGs.

pytest loads this module wherever the package is installed, so nothing but pytest is imported before a test uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sora2_provider.emulator.emulator import Emulator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses the server for a whole run."""
    group = parser.getgroup("sora2")
    group.addoption("--sora2-emulator-like", metavar="NAME", help="the server that the fixture sora2_emulator is like")


@pytest.fixture
def sora2_emulator(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> Iterator[Emulator]:
    """A running emulator, to which the connection ``sora2_default`` points.

    Every test gets a new one, which has every wire unless ``--sora2-emulator-like`` names a server. Renderings take no time
    unless ``sora2_emulator.settings(render_seconds=...)`` says so. Without PyAV and Pillow every video is a small canned clip.
    """
    from sora2_provider.emulator.emulator import Emulator
    from sora2_provider.emulator.media.library import can_draw

    like = pytestconfig.getoption("--sora2-emulator-like")
    with Emulator(canned=not can_draw(), like=like) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_SORA2_DEFAULT", emulator.connection())
        yield emulator
