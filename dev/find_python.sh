#!/bin/sh
# Print the path of a Python that can make this project's virtual environment, or say what is missing.
# Usage: find_python.sh AIRFLOW_VERSION [PYTHON]
set -eu

airflow=$1
asked_for=${2:-}

# Airflow 2 refuses Python 3.13 and later.
case $airflow in
    2.*) newest=12 ;;
    *) newest=14 ;;
esac

# Being on PATH proves nothing: a version manager leaves launchers there for versions that are switched off.
version_fits() {
    "$1" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $newest))" 2>/dev/null
}

can_make_venv() {
    "$1" -c "import ensurepip, venv" 2>/dev/null
}

# A version manager keeps interpreters that no shell finds: they are tried last.
managed() {
    for name in "$@"; do
        for found in "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/*/bin/"$name"; do
            if [ -x "$found" ]; then echo "$found"; fi
        done
    done
}

wanted=${asked_for:-python3.12 python3.11 python3.13 python3 python3.14 python}
without_venv=
for candidate in $wanted $(managed $wanted); do
    if version_fits "$candidate"; then
        if can_make_venv "$candidate"; then
            "$candidate" -c "import sys; print(sys.executable)"
            exit 0
        fi
        without_venv=${without_venv:-$candidate}
    fi
done

if [ -n "$without_venv" ]; then
    echo "$without_venv is recent enough but cannot make a virtual environment: its 'venv' module is missing." >&2
    echo "On Debian and Ubuntu: apt-get install python3-venv (or ${without_venv##*/}-venv)." >&2
elif [ -n "$asked_for" ]; then
    echo "'$asked_for' is not a working Python 3.11 to 3.$newest, which Airflow $airflow needs here." >&2
else
    echo "No Python 3.11 to 3.$newest was found, which Airflow $airflow needs here." >&2
    echo "Install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2
fi
exit 1
