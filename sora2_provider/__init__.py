"""Apache Airflow provider for Sora 2 video generation.

Importing the package loads neither Airflow nor an HTTP library.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.2.0"

__all__ = ["__version__", "get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow is told about this package (entry-point group ``apache_airflow_provider``)."""
    from sora2_provider.provider_info import provider_info

    return provider_info()
