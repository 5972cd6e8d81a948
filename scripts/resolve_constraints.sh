#!/bin/sh
# Resolve constraints/airflow-VERSION.txt anew: for every Python that the project supports, Linux and macOS.
# Usage: UV=path/to/uv resolve_constraints.sh constraints/airflow-VERSION.txt
set -eu

file=$1
airflow=${file##*/airflow-}
airflow=${airflow%.txt}
resolved=$(mktemp)

# What these releases do not say themselves, and without which they start and then fail in every task.
case $airflow in
    3.0.*) needs="fastapi<0.118 universal-pathlib<0.3" ;;
    3.2.*) needs="fastapi<0.137 svcs==25.1.0" ;;
    *) needs= ;;
esac
# The fleet of Celery workers is tested on the newest Airflow.
case $airflow in
    3.3.*) more=tests/fleet/requirements.txt ;;
    *) more= ;;
esac
trap 'rm -f "$resolved"' EXIT

# The build backend and uv itself are pinned too, so that a set-up next year does what today's does.
# shellcheck disable=SC2086
printf '%s\n' "apache-airflow==$airflow" editables hatchling uv $needs |
    "${UV:-uv}" pip compile --quiet --universal --python-version 3.11 --upgrade --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --extra dev --extra emulator pyproject.toml $more - >"$resolved"

{
    echo "# What the development environment for Airflow $airflow installs. Made by: make constraints"
    grep -v "sys_platform == 'win32'\$" "$resolved"
} >"$file"
