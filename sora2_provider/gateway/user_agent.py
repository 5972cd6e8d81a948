"""How this package names itself to a gateway."""

from __future__ import annotations

import platform

from sora2_provider import __version__

USER_AGENT = f"airflow-provider-sora2/{__version__} (Python {platform.python_version()})"
