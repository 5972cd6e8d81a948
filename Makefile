# Everything here runs in a virtual environment that the first target makes. `make` alone lists the targets.

AIRFLOW ?= 3.3.2
PYTHON ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
SYSTEM_VIDEOS ?= 500
FAULT_KILLS ?= 10
FAULT_VIDEOS ?= 500
HISTORIES ?= 20000

DEFAULT_AIRFLOW := 3.3.2
VENV := .venv$(if $(filter-out $(DEFAULT_AIRFLOW),$(AIRFLOW)),-$(AIRFLOW))
CONSTRAINTS := constraints/airflow-$(AIRFLOW).txt
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH := $(VENV)/bench
PEERS := tests/benchmarks/peers.txt
DOCS := $(VENV)/docs
DOCS_REQUIREMENTS := docs/requirements.txt
# The pages show DAGs and tests as the newest Airflow wants them.
DOCS_SUITE = $(if $(filter $(DEFAULT_AIRFLOW),$(AIRFLOW)),tests/docs)
SUITES = $(wildcard tests/unit tests/emulator tests/integration tests/packaging) $(DOCS_SUITE)

# The tests import Airflow, which would otherwise read, and make, an installation in the user's home.
export AIRFLOW_HOME := $(CURDIR)/$(VENV)/airflow-home

.DEFAULT_GOAL := help
.PHONY: help setup demo test system histories faults bench ui docs docs-test docs-pictures lint typecheck wheel-check constraints clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## */\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'
	@echo
	@echo "  AIRFLOW=2.11.2       run on another Airflow (constraints/ lists the versions; now $(AIRFLOW))"
	@echo "  PYTHON=python3.12    choose the Python that makes the virtual environment"
	@echo "  PYTEST_ARGS='-k x'   pass options to pytest"
	@echo "  BENCH_ARGS=--quick   pass options to the benchmarks"

demo: $(INSTALLED)  ## Render one video against the built-in emulator on a real Airflow (no key, no money)
	@$(BIN)/python scripts/demo.py

ui: $(INSTALLED)  ## Start Airflow's web interface with the emulator, the connection and the example DAGs
	@$(BIN)/python scripts/ui.py

test: $(INSTALLED)  ## Run the tests
	$(BIN)/python -m pytest $(SUITES) -m "not wheel" $(PYTEST_ARGS)

system: $(INSTALLED)  ## On a whole Airflow with PostgreSQL: every outcome in every mode, and 500 waiting videos
	SYSTEM_VIDEOS=$(SYSTEM_VIDEOS) $(BIN)/python -m pytest tests/system $(PYTEST_ARGS)

histories: $(INSTALLED)  ## Take a create task through 20,000 made-up histories of crashes, clears and lost answers
	SORA2_HISTORIES=$(HISTORIES) $(BIN)/python -m pytest tests/histories tests/unit/test_create_faults.py $(PYTEST_ARGS)

faults: histories  ## The histories, and on a whole Airflow: kill everything at every point, and break the gateway
	FAULT_KILLS=$(FAULT_KILLS) FAULT_VIDEOS=$(FAULT_VIDEOS) $(BIN)/python -m pytest tests/faults $(PYTEST_ARGS)

bench: $(BENCH)/.installed  ## Measure what waiting, parsing and creating cost, beside two peers
	@$(BENCH)/bin/python tests/benchmarks $(BENCH_ARGS)

# -E and -a: a page that has not changed must warn again, too.
docs: $(DOCS)/.installed  ## Build the documentation into build/site; any warning or broken link fails it
	@$(DOCS)/bin/python -m sphinx -E -a -W --keep-going -q -c docs -b html -d build/doctrees . build/site
	@echo "build/site/index.html"

docs-test: docs  ## Run every code block of the documentation, and hold the pages against the code
	$(BIN)/python -m pytest tests/docs $(PYTEST_ARGS)

docs-pictures: $(DOCS)/.installed  ## Go the way of the five-minute tour in a browser, and photograph it (needs Chromium)
	@$(DOCS)/bin/python scripts/screenshot_tour.py

lint: $(INSTALLED)  ## Check style and formatting
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

typecheck: $(INSTALLED)  ## Check the types
	$(BIN)/python -m mypy

wheel-check: $(INSTALLED)  ## Build the wheel, install it in an empty environment and ask Airflow about it
	$(BIN)/python -m pytest tests/packaging $(PYTEST_ARGS)

setup: $(INSTALLED)  ## Make the virtual environment (every target does so when needed)

constraints: $(INSTALLED)  ## Resolve every file in constraints/ again, with today's releases
	@for file in constraints/airflow-*.txt; do \
		UV=$(BIN)/uv sh scripts/resolve_constraints.sh "$$file" || exit 1; \
	done

clean:  ## Remove the virtual environments, caches and results
	rm -rf .venv .venv-*.*.* .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist demo-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv reads neither pip's settings nor pip's constraints; where it cannot reach an index that pip can, pip does it all.
$(INSTALLED): pyproject.toml $(CONSTRAINTS) sora2_provider/__init__.py
	@python=$$(sh scripts/find_python.sh "$(AIRFLOW)" "$(PYTHON)") && \
		{ $(BIN)/python -c "" 2>/dev/null || "$$python" -m venv --clear $(VENV); }
	@echo "Installing Airflow $(AIRFLOW) and the development tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python \
		--constraints $(CONSTRAINTS) --build-constraints $(CONSTRAINTS) --editable '.[dev]' || \
		{ echo "uv could not install it; trying pip, which takes longer"; \
		  $(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) --editable '.[dev]'; }
	@touch $@

# The peers get an environment of their own, so that nothing is tested with what they bring along.
$(BENCH)/.installed: $(INSTALLED) $(PEERS)
	@$(BIN)/python -m venv --clear $(BENCH)
	@echo "Installing the peers into $(BENCH)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BENCH)/bin/python \
		--constraints $(CONSTRAINTS) --build-constraints $(CONSTRAINTS) --editable . --requirement $(PEERS) || \
		$(BENCH)/bin/python -m pip install --quiet -c $(CONSTRAINTS) --editable . --requirement $(PEERS)
	@touch $@

# A site needs the package, for its docstrings, and tools that Airflow's own pins need not agree with.
$(DOCS)/.installed: $(INSTALLED) $(DOCS_REQUIREMENTS)
	@$(BIN)/python -m venv --clear $(DOCS)
	@echo "Installing the tools of the documentation into $(DOCS)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(DOCS)/bin/python \
		--constraints $(CONSTRAINTS) --build-constraints $(CONSTRAINTS) --editable '.[emulator]' --requirement $(DOCS_REQUIREMENTS) || \
		$(DOCS)/bin/python -m pip install --quiet -c $(CONSTRAINTS) --editable '.[emulator]' --requirement $(DOCS_REQUIREMENTS)
	@touch $@

constraints/airflow-%.txt:
	@echo "There are no constraints for Airflow $*: AIRFLOW can be one of" \
		$(patsubst constraints/airflow-%.txt,%,$(wildcard constraints/airflow-*.txt)) >&2; exit 1
