#!/bin/sh
# Resolve one file of constraints/ anew: for every Python that the project supports, Linux and macOS.
# airflow-VERSION.txt gets the newest releases that go with that Airflow, lowest.txt the oldest ones that pyproject.toml admits.
# Usage: UV=path/to/uv resolve_constraints.sh constraints/FILE.txt
set -eu

file=$1
name=${file##*/}
name=${name%.txt}
airflow=${name#airflow-}
resolved=$(mktemp)

# What these releases do not say themselves, and without which they start and then fail in every task, or at every login.
case $airflow in
    3.0.*) needs="fastapi<0.118 pyjwt<2.11 universal-pathlib<0.3" ;;
    3.2.*) needs="fastapi<0.137 svcs==25.1.0" ;;
    *) needs= ;;
esac
# The build backend and uv itself are pinned too, so that a set-up next year does what today's does.
case $name in
    lowest)
        what="the lowest versions" resolution=lowest-direct
        # Airflow 2.11.0 takes any universal-pathlib, and works with the older ones only. The development tools would take
        # a newer aiohttp in.
        needs="editables>=0.5 hatchling>=1.27 universal-pathlib<0.3,>=0.2.2 aiohttp<3.11"
        ;;
    *)
        what="Airflow $airflow" resolution=highest
        needs="apache-airflow==$airflow editables hatchling uv $needs"
        ;;
esac
# The fleet of Celery workers is tested on the newest Airflow.
case $airflow in
    3.3.*) more=tests/fleet/requirements.txt ;;
    *) more= ;;
esac
trap 'rm -f "$resolved"' EXIT

# shellcheck disable=SC2086
printf '%s\n' $needs |
    "${UV:-uv}" pip compile --quiet --universal --python-version 3.11 --upgrade --resolution "$resolution" \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links --extra dev --extra matrix pyproject.toml $more - \
        >"$resolved"

{
    echo "# What the development environment for $what installs. Made by: make constraints"
    grep -v "sys_platform == 'win32'\$" "$resolved"
} >"$file"
