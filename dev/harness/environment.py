"""The environment variables of a throw-away Airflow: nothing of the user's own Airflow gets in, nothing gets out."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: What could lead this Airflow to the user's database, secrets, metrics or lineage service.
FOREIGN_PREFIXES = ("AIRFLOW_", "_AIRFLOW_", "OPENLINEAGE_", "OTEL_", "SENTRY_")

#: Without bytecode, which images of CI systems like to switch off, each start of Airflow takes 2 s longer.
FOREIGN_NAMES = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONWARNINGS")

LOG_FORMAT_OF_2 = "%(asctime)s [%(levelname)s] %(message)s [%(name)s]"

_DESCRIBE = """
import importlib.metadata, json
names = sorted({
    f"{dist.metadata['Name']}=={dist.version}" for dist in importlib.metadata.distributions()
    if (dist.metadata["Name"] or "").startswith("apache-airflow")
})
print(json.dumps([importlib.metadata.version("apache-airflow"), names]))
"""


@dataclass(frozen=True)
class Installation:
    """An installed Airflow: the Python that has it, its version, and a digest of it and of its providers."""

    python: Path
    version: str
    digest: str

    @property
    def is_airflow_2(self) -> bool:
        """Whether this is Airflow 2, which has a webserver and parses DAG files in its scheduler."""
        return self.version.startswith("2.")

    @classmethod
    def of(cls, python: Path) -> Installation:
        """Ask a Python which Airflow it has."""
        answer = subprocess.run([str(python), "-c", _DESCRIBE], capture_output=True, check=True, text=True, timeout=60)
        version, names = json.loads(answer.stdout)
        return cls(python, version, hashlib.sha256("\n".join(names).encode()).hexdigest()[:12])


@dataclass(frozen=True)
class HomeSecrets:
    """The keys with which the components of one AIRFLOW_HOME trust each other, and its administrator's password."""

    fernet_key: str
    session_key: str
    token_key: str
    admin_password: str

    @classmethod
    def of_home(cls, home: Path) -> HomeSecrets:
        """Return a home's secrets; a new home gets random ones."""
        file = home / "secrets.json"
        if file.exists():
            return cls(**json.loads(file.read_text()))
        made = cls(
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            session_key=secrets.token_urlsafe(32),
            token_key=secrets.token_urlsafe(64),
            admin_password=secrets.token_urlsafe(9),
        )
        file.touch(mode=0o600)
        file.write_text(json.dumps(vars(made)))
        return made


def inherited_environment() -> dict[str, str]:
    """Return this process's environment without what belongs to another Airflow."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN_PREFIXES) and name not in FOREIGN_NAMES
    }


def hermetic_environment(
    installation: Installation,
    *,
    home: Path,
    dags_folder: Path,
    port: int,
    connection: str | None,
    overrides: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment in which every command and component of one throw-away Airflow runs."""
    keys = HomeSecrets.of_home(home)
    environment = inherited_environment() | {
        # Airflow 2 starts its tasks as `airflow tasks run`.
        "PATH": os.pathsep.join([str(installation.python.parent), os.environ.get("PATH", os.defpath)]),
        # A proxy for the internet must not be asked for the loopback interface.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "DO_NOT_TRACK": "1",
        "SCARF_ANALYTICS": "false",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet_key,
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    own = _settings_of_2(keys, port) if installation.is_airflow_2 else _settings_of_3(keys, port)
    environment |= own
    if connection is not None:
        environment["AIRFLOW_CONN_SORA2_DEFAULT"] = connection
    return environment | dict(overrides)


def _settings_of_3(keys: HomeSecrets, port: int) -> dict[str, str]:
    return {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": keys.session_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.token_key,
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
    }


def _settings_of_2(keys: HomeSecrets, port: int) -> dict[str, str]:
    return {
        # Airflow 2 refuses SQLite with any executor that runs tasks in parallel.
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW__CORE__INTERNAL_API_SECRET_KEY": keys.token_key,
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session",
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
        "AIRFLOW__WEBSERVER__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__WEBSERVER__WORKERS": "1",
        "AIRFLOW__WEBSERVER__SECRET_KEY": keys.session_key,
        "AIRFLOW__WEBSERVER__SHOW_TRIGGER_FORM_IF_NO_PARAMS": "True",
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "10",
        "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "10",
        "AIRFLOW__LOGGING__LOG_FORMAT": LOG_FORMAT_OF_2,
        "AIRFLOW__LOGGING__SIMPLE_LOG_FORMAT": LOG_FORMAT_OF_2,
    }
