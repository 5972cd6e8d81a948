"""What Airflow is told about this package."""

from __future__ import annotations

from typing import Any

from sora2_provider import __version__
from sora2_provider.hooks import connection_form
from sora2_provider.hooks.connection_fields import LIMIT_FIELDS


def provider_info() -> dict[str, Any]:
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
        "config": {"sora2": {"description": "Options of the Sora 2 provider.", "options": _options()}},
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


def _options() -> dict[str, Any]:
    return {
        "triggerer_connections": _option(
            "The maximum number of TCP connections that one triggerer keeps to the gateway of one Airflow connection. "
            "Thousands of waiting videos share them.",
            kind="integer",
            default="100",
        ),
        "state_path": _option(
            "Where create tasks record what they have submitted, so that no retry pays twice: an absolute path that all "
            "workers share, or a URI such as s3://my_conn@bucket/sora2-state. Empty: Airflow's task state store (Airflow 3.3 "
            "and later); before Airflow 3.3, nowhere.",
            example="s3://my_conn@bucket/sora2-state",
        ),
        "deployment": _option(
            "The name of this Airflow, the same on all its machines, where several Airflows share one state_path. It stands in "
            "each record, and a record with another name is left alone.",
            example="production",
            added="0.2.0",
        ),
        "spending_path": _option(
            "Where the creates of connections that have a cap are counted: an absolute path that all workers share, or a URI. "
            "Empty: state_path.",
            example="s3://my_conn@bucket/sora2-spending",
        ),
        **{field.name: _option(field.option, kind=field.kind, example=field.example) for field in LIMIT_FIELDS},
        "openlineage_prompt": _option(
            "Whether the run facet for OpenLineage shows the prompt. Otherwise it shows only a digest of it.",
            kind="boolean",
            default="False",
        ),
    }


def _option(
    description: str, *, kind: str = "string", example: str | None = None, default: str = "", added: str = "0.1.0"
) -> dict[str, Any]:
    return {"description": description, "version_added": added, "type": kind, "example": example, "default": default}
