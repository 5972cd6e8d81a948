"""What Airflow is told about this package."""

from __future__ import annotations

from typing import Any

from sora2_provider import __version__
from sora2_provider.hooks import connection_form


def provider_info() -> dict[str, Any]:
    """Return the provider's description in the form of Airflow's provider schema."""
    return {
        "package-name": "airflow-provider-sora2",
        "name": "Sora 2",
        "description": "Sora 2 video generation through a unified-video-format gateway.",
        "versions": [__version__],
        "integrations": [
            {"integration-name": "Sora 2", "external-doc-url": "https://api.jizhiai.top", "tags": ["service"]}
        ],
        "operators": [{"integration-name": "Sora 2", "python-modules": ["sora2_provider.operators.sora2"]}],
        "sensors": [{"integration-name": "Sora 2", "python-modules": ["sora2_provider.sensors.sora2"]}],
        "hooks": [{"integration-name": "Sora 2", "python-modules": ["sora2_provider.hooks.sora2"]}],
        "triggers": [{"integration-name": "Sora 2", "python-modules": ["sora2_provider.triggers.sora2"]}],
        "task-decorators": [{"name": "sora2_video", "class-name": "sora2_provider.decorators.sora2.sora2_video_task"}],
        "extra-links": ["sora2_provider.links.sora2.Sora2VideoLink"],
        "cli": ["sora2_provider.cli.definition.airflow_commands"],
        "config": {
            "sora2": {
                "description": "Options of the Sora 2 provider.",
                "options": {
                    "triggerer_connections": {
                        "description": "How many TCP connections one triggerer keeps to the gateway of one Airflow "
                        "connection. Thousands of waiting videos share them.",
                        "version_added": "0.1.0",
                        "type": "integer",
                        "example": None,
                        "default": "100",
                    },
                    "state_path": {
                        "description": "Where create tasks write down what they have submitted, so that no retry pays "
                        "twice: an absolute path that all workers share, or a URI such as "
                        "s3://my_conn@bucket/sora2-state. Empty: Airflow's task state store (Airflow 3.3 and later); "
                        "before Airflow 3.3, nowhere.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://my_conn@bucket/sora2-state",
                        "default": "",
                    },
                    "spending_path": {
                        "description": "Where the creates of connections that have a cap are counted: an absolute path "
                        "that all workers share, or a URI. Empty: state_path.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://my_conn@bucket/sora2-spending",
                        "default": "",
                    },
                    "max_creates_per_hour": {
                        "description": "How many creates each connection may send in an hour (UTC), where its extra says "
                        "nothing else. Empty: no cap. Needs spending_path or state_path.",
                        "version_added": "0.1.0",
                        "type": "integer",
                        "example": "400",
                        "default": "",
                    },
                    "max_creates_per_day": {
                        "description": "How many creates each connection may send in a day (UTC), where its extra says "
                        "nothing else. Empty: no cap. Needs spending_path or state_path.",
                        "version_added": "0.1.0",
                        "type": "integer",
                        "example": "2000",
                        "default": "",
                    },
                    "min_balance": {
                        "description": "Submit nothing on a connection whose account has less left, where its extra says "
                        "nothing else: a number of USD, or 'NUMBER quota' for a gateway that counts in points. Empty: the "
                        "balance is not asked for.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "5",
                        "default": "",
                    },
                    "openlineage_prompt": {
                        "description": "Whether the run facet that OpenLineage gets shows the prompt. Otherwise it "
                        "shows only a digest of it.",
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "False",
                    },
                },
            }
        },
        "connection-types": [
            {
                "connection-type": "sora2",
                "hook-class-name": "sora2_provider.hooks.sora2.Sora2Hook",
                "hook-name": "Sora 2",
                "conn-fields": connection_form.conn_fields(),
                "ui-field-behaviour": connection_form.ui_field_behaviour(),
            }
        ],
    }
