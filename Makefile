# Everything here runs in a virtual environment that the first target makes. `make` alone lists the targets.

AIRFLOW ?= 3.3.2
PYTHON ?=
PYTEST_ARGS ?=
PARTS ?=
MUTANT_ARGS ?=
# Tests at a time in `make test`, `make histories` and `make mutants`, where one test does not use all processors by itself.
WORKERS ?= 2
# Whole Airflows at a time in `make system` and `make faults`, which need 2 GB each and often wait.
WHOLE_WORKERS ?= 2
BENCH_ARGS ?=
SYSTEM_VIDEOS ?= 500
# Waiting videos in each trouble, all in one triggerer.
SYSTEM_WAITS ?= 200
FAULT_KILLS ?= 10
FAULT_VIDEOS ?= 500
# For each seed. A seed that has ever failed stays in the list.
HISTORIES ?= 1000
SEEDS ?= 1-20
FROM ?=
TAG ?=
MATRIX ?=
FLEET_VIDEOS ?= 300
RELEASES ?= all

DEFAULT_AIRFLOW := 3.3.2
VENV := .venv$(if $(filter-out $(DEFAULT_AIRFLOW),$(AIRFLOW)),-$(AIRFLOW))
CONSTRAINTS := constraints/airflow-$(AIRFLOW).txt
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
NOX := $(BIN)/nox
BENCH := $(VENV)/bench
PEERS := tests/benchmarks/peers.txt
RELEASE_TOOLS := $(VENV)/release-tools
FLEET := $(VENV)/fleet
FLEET_NEEDS := tests/fleet/requirements.txt
MUTANTS := $(VENV)/mutants
MUTANT_NEEDS := tests/mutants/requirements.txt
TEST_UI := $(VENV)/test-ui
TEST_UI_NEEDS := tests/ui/requirements.txt
FILES = $(wildcard constraints/*.txt)
SDKS := $(VENV)/sdks
SDKS_NEEDS := tests/sdks/requirements.txt tests/sdks/package.json
TYPING := $(VENV)/typing
TYPING_NEEDS := tests/typing/requirements.txt
DOCS := $(VENV)/docs
DOCS_REQUIREMENTS := docs/requirements.txt
# The pages show DAGs and tests as the newest Airflow wants them.
DOCS_SUITE = $(if $(filter $(DEFAULT_AIRFLOW),$(AIRFLOW)),tests/docs)
# What takes longest first, so that no worker is left alone with it at the end.
SUITES = $(DOCS_SUITE) $(wildcard tests/integration tests/upgrade tests/packaging tests/emulator tests/unit)

# The tests import Airflow, which would otherwise read, and make, an installation in the user's home.
export AIRFLOW_HOME := $(CURDIR)/$(VENV)/airflow-home

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-matrix test-ui conformance-sdks system system-celery histories mutants faults upgrade approval bench ui docs docs-test docs-pictures lint typecheck wheel-check install-check dist fixtures constraints clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## */\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-16s  %s\n", $$1, $$2 }'
	@echo
	@echo "  AIRFLOW=2.11.2       run on another Airflow (constraints/ lists the versions; now $(AIRFLOW))"
	@echo "  PYTHON=python3.12    choose the Python that makes the virtual environment"
	@echo "  PYTEST_ARGS='-k x'   pass options to pytest"
	@echo "  WORKERS=4            run so many tests at a time (test, histories, mutants; now $(WORKERS))"
	@echo "  MATRIX='3.1.8 lowest' run these rows of the matrix only ($(NOX) -l lists them)"
	@echo "  BENCH_ARGS=--quick   pass options to the benchmarks"
	@echo "  PARTS=submission     make mutants of these parts only (submission, spending, parsing, polling, download)"
	@echo "  MUTANT_ARGS=--help   pass options to make mutants"
	@echo "  TAG=v0.1.0           make dist only if that is this version, with a date in the changelog"
	@echo "  FROM=v0.1.0          upgrade from the code of that commit, too"
	@echo "  RELEASES='3.0.6'     make install-check on these only: releases of tests/packaging/releases.py, or newest"

demo: $(INSTALLED)  ## Render one video against the built-in emulator on a real Airflow (no key, no money)
	@$(BIN)/python -m dev.demo

ui: $(INSTALLED)  ## Start Airflow's web interface with the emulator, the connection and the example DAGs
	@$(BIN)/python -m dev.ui

test: $(INSTALLED)  ## Run the tests
	$(BIN)/python -m pytest $(SUITES) -n $(WORKERS) -m "not wheel and not whole" $(PYTEST_ARGS)

test-matrix: $(NOX)  ## Run the tests on every supported Airflow and Python
	PATH="$(CURDIR)/$(BIN):$$PATH" $(NOX) $(if $(MATRIX),--session $(MATRIX)) $(if $(PYTEST_ARGS),-- $(PYTEST_ARGS))

test-ui: $(TEST_UI)/.installed  ## In a browser, on a whole Airflow with users: the page of videos, and each task's link
	$(TEST_UI)/bin/python -m pytest tests/ui $(PYTEST_ARGS)

conformance-sdks: $(SDKS)/.installed  ## OpenAI's SDKs for Python and Node against the emulator (needs Node)
	SDKS=$(CURDIR)/$(SDKS) $(BIN)/python -m pytest tests/sdks $(PYTEST_ARGS)

system: $(INSTALLED)  ## On a whole Airflow with PostgreSQL: every outcome in every mode, 500 waiting videos, and waits in trouble
	SYSTEM_VIDEOS=$(SYSTEM_VIDEOS) SYSTEM_WAITS=$(SYSTEM_WAITS) $(BIN)/python -m pytest tests/system -n $(WHOLE_WORKERS) $(PYTEST_ARGS)

system-celery: $(FLEET)/.installed  ## 300 videos on two Celery workers with Redis and S3, which are struck in mid-run
	FLEET_VIDEOS=$(FLEET_VIDEOS) $(FLEET)/bin/python -m pytest tests/fleet $(PYTEST_ARGS)

histories: $(INSTALLED)  ## Take a create task through made-up histories of crashes, clears and lost answers
	SORA2_HISTORIES=$(HISTORIES) SORA2_HISTORIES_SEED="$(SEEDS)" $(BIN)/python -m pytest tests/histories tests/unit/test_create_faults.py -n $(WORKERS) $(PYTEST_ARGS)

mutants: $(MUTANTS)/.installed  ## Break the code in one place at a time, and look whether a test notices (PARTS='submission spending')
	$(MUTANTS)/bin/python -m pytest -q tests/mutants
	$(MUTANTS)/bin/python -m tests.mutants $(PARTS) --processes $(WORKERS) $(MUTANT_ARGS)

faults: histories  ## The histories, and on a whole Airflow: kill everything at every point, and break the gateway
	FAULT_KILLS=$(FAULT_KILLS) FAULT_VIDEOS=$(FAULT_VIDEOS) $(BIN)/python -m pytest tests/faults -n $(WHOLE_WORKERS) $(PYTEST_ARGS)

upgrade: $(INSTALLED)  ## Go on with what earlier releases have left, on a whole Airflow too (FROM=v0.1.0: defer with that one)
ifneq ($(FROM),)
	rm -rf $(VENV)/earlier && mkdir $(VENV)/earlier
	git archive --output $(VENV)/earlier.tar $(FROM) sora2_provider && tar -x -f $(VENV)/earlier.tar -C $(VENV)/earlier
	UPGRADE_FROM=$(CURDIR)/$(VENV)/earlier $(BIN)/python -m pytest tests/upgrade/upgrade_from.py $(PYTEST_ARGS)
endif
	$(BIN)/python -m pytest tests/upgrade $(PYTEST_ARGS)

approval: $(INSTALLED)  ## On a whole Airflow: a person approves or rejects a video in the example DAG
	$(BIN)/python -m pytest tests/system/test_approve_then_publish.py $(PYTEST_ARGS)

bench: $(BENCH)/.installed  ## Measure what waiting and parsing cost, beside a peer
	@$(BENCH)/bin/python -m tests.benchmarks $(BENCH_ARGS)

# -E and -a: a page that has not changed must warn again, too.
docs: $(DOCS)/.installed  ## Build the documentation into build/site; any warning or broken link fails it
	@$(DOCS)/bin/python -m sphinx -E -a -W --keep-going -q -c docs -b html -d build/doctrees . build/site
	@echo "build/site/index.html"

docs-test: docs  ## Run every code block of the documentation, and hold the pages against the code
	$(BIN)/python -m pytest tests/docs $(PYTEST_ARGS)

docs-pictures: $(INSTALLED)  ## Photograph the tour and the connection form, and press its Test button (needs Chromium)
	@$(BIN)/python -m dev.pictures

lint: $(INSTALLED)  ## Check style, formatting and which way the imports run
	$(BIN)/python -m ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m ruff format --check .

typecheck: $(TYPING)/.installed  ## Check the types, also as DAG files see them
	$(BIN)/python -m mypy
	PYRIGHT_PYTHON_CACHE_DIR=$(CURDIR)/$(TYPING)/pyright $(TYPING)/bin/pyright --pythonpath $(BIN)/python

wheel-check: $(RELEASE_TOOLS)/.installed  ## Build the wheel and the sdist, and check them as their users get them
	$(BIN)/python -m pytest tests/packaging $(PYTEST_ARGS)

install-check: $(INSTALLED)  ## Install the wheel beside each Airflow release, under its constraints, and render a video
	RELEASES="$(RELEASES)" $(BIN)/python -m pytest tests/packaging/test_installed_wheel.py --verbose $(PYTEST_ARGS)

dist: $(RELEASE_TOOLS)/.installed  ## Build what a release uploads into dist/, and check just these files
	$(if $(TAG),$(BIN)/python -m dev.check_tag $(TAG))
	rm -rf dist
	$(BIN)/uv build --quiet --build-constraints constraints/airflow-$(DEFAULT_AIRFLOW).txt --out-dir dist
	DIST=$(CURDIR)/dist $(BIN)/python -m pytest tests/packaging $(PYTEST_ARGS)
	@$(BIN)/python -m pip hash dist/*.whl dist/*.tar.gz

fixtures: $(INSTALLED)  ## Record what this version leaves in databases and buckets, for later versions to be tested with
	@$(BIN)/python -m dev.upgrade_fixtures

setup: $(INSTALLED)  ## Make the virtual environment (every target does so when needed)

constraints: $(INSTALLED)  ## Resolve every file in constraints/ again, with today's releases (or FILES=constraints/airflow-3.1.8.txt)
	@for file in $(FILES); do \
		UV=$(BIN)/uv sh dev/resolve_constraints.sh "$$file" || exit 1; \
	done

clean:  ## Remove the virtual environments, caches and results
	rm -rf .venv .venv-*.*.* .nox .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist demo-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv reads neither pip's settings nor pip's constraints; where it cannot reach an index that pip can, pip does it all.
$(INSTALLED): pyproject.toml $(CONSTRAINTS) sora2_provider/__init__.py
	@python=$$(sh dev/find_python.sh "$(AIRFLOW)" "$(PYTHON)") && \
		{ $(BIN)/python -c "" 2>/dev/null || "$$python" -m venv --clear $(VENV); }
	@echo "Installing Airflow $(AIRFLOW) and the development tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python \
		--constraints $(CONSTRAINTS) --build-constraints $(CONSTRAINTS) --editable '.[dev]' || \
		{ echo "uv could not install it; trying pip, which takes longer"; \
		  $(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) --editable '.[dev]'; }
	@touch $@

# nox makes the environments of the matrix with this uv and with the same constraints.
$(NOX): $(INSTALLED)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python \
		--constraints $(CONSTRAINTS) --build-constraints $(CONSTRAINTS) --editable '.[dev,matrix]' || \
		$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) --editable '.[dev,matrix]'
	@touch $@

# The peer gets an environment of its own, so that nothing is tested with what it brings along.
$(BENCH)/.installed: $(INSTALLED) $(PEERS)
	@$(BIN)/python -m venv --clear $(BENCH)
	@echo "Installing the peer into $(BENCH)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BENCH)/bin/python \
		--constraints $(CONSTRAINTS) --build-constraints $(CONSTRAINTS) --editable . --requirement $(PEERS) || \
		$(BENCH)/bin/python -m pip install --quiet -c $(CONSTRAINTS) --editable . --requirement $(PEERS)
	@touch $@

# The same for what checks the distributions.
$(RELEASE_TOOLS)/.installed: $(INSTALLED) tests/packaging/tools.txt
	@$(BIN)/python -m venv --clear $(RELEASE_TOOLS)
	@$(BIN)/uv pip install --quiet --python $(RELEASE_TOOLS)/bin/python --requirement tests/packaging/tools.txt || \
		$(RELEASE_TOOLS)/bin/python -m pip install --quiet --requirement tests/packaging/tools.txt
	@touch $@

# So does the fleet: with Celery installed, the other tests would test something else.
$(FLEET)/.installed: $(INSTALLED) $(FLEET_NEEDS)
	@$(if $(filter $(DEFAULT_AIRFLOW),$(AIRFLOW)),,echo "The fleet is tested on Airflow $(DEFAULT_AIRFLOW) only" >&2; exit 1)
	@$(BIN)/python -m venv --clear $(FLEET)
	@echo "Installing Celery beside the development tools into $(FLEET)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(FLEET)/bin/python \
		--constraints $(CONSTRAINTS) --build-constraints $(CONSTRAINTS) --editable '.[dev]' --requirement $(FLEET_NEEDS) || \
		$(FLEET)/bin/python -m pip install --quiet -c $(CONSTRAINTS) --editable '.[dev]' --requirement $(FLEET_NEEDS)
	@touch $@

# Cosmic Ray brings a dozen packages that no other target may lean on.
$(MUTANTS)/.installed: $(INSTALLED) $(MUTANT_NEEDS)
	@$(BIN)/python -m venv --clear $(MUTANTS)
	@echo "Installing Cosmic Ray beside the development tools into $(MUTANTS)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(MUTANTS)/bin/python --constraints $(CONSTRAINTS) \
		--build-constraints $(CONSTRAINTS) --editable '.[dev]' --requirement $(MUTANT_NEEDS) || \
		$(MUTANTS)/bin/python -m pip install --quiet -c $(CONSTRAINTS) --editable '.[dev]' --requirement $(MUTANT_NEEDS)
	@touch $@

# The users' rights come from a provider that changes which login an Airflow has: not in the environment of all else.
$(TEST_UI)/.installed: $(INSTALLED) $(TEST_UI_NEEDS)
	@$(BIN)/python -m venv --clear $(TEST_UI)
	@echo "Installing what test-ui needs into $(TEST_UI)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(TEST_UI)/bin/python --constraints $(CONSTRAINTS) \
		--build-constraints $(CONSTRAINTS) --editable '.[dev]' --requirement $(TEST_UI_NEEDS) || \
		$(TEST_UI)/bin/python -m pip install --quiet -c $(CONSTRAINTS) --editable '.[dev]' --requirement $(TEST_UI_NEEDS)
	@touch $@

# The SDKs only: the emulator that they talk to is a program of the environment of all else.
$(SDKS)/.installed: $(INSTALLED) $(SDKS_NEEDS)
	@$(BIN)/python -m venv --clear $(SDKS)
	@echo "Installing OpenAI's SDKs into $(SDKS)"
	@$(BIN)/uv pip install --quiet --python $(SDKS)/bin/python --requirement tests/sdks/requirements.txt || \
		$(SDKS)/bin/python -m pip install --quiet --requirement tests/sdks/requirements.txt
	@cp tests/sdks/package.json $(SDKS)/ && npm install --prefix $(SDKS) --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

# A site needs the package, for its docstrings, and tools that Airflow's own pins need not agree with.
$(DOCS)/.installed: $(INSTALLED) $(DOCS_REQUIREMENTS)
	@$(BIN)/python -m venv --clear $(DOCS)
	@echo "Installing the tools of the documentation into $(DOCS)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(DOCS)/bin/python \
		--constraints $(CONSTRAINTS) --build-constraints $(CONSTRAINTS) --editable '.[emulator]' --requirement $(DOCS_REQUIREMENTS) || \
		$(DOCS)/bin/python -m pip install --quiet -c $(CONSTRAINTS) --editable '.[emulator]' --requirement $(DOCS_REQUIREMENTS)
	@touch $@

# It only reads the environment that is checked.
$(TYPING)/.installed: $(INSTALLED) $(TYPING_NEEDS)
	@$(BIN)/python -m venv --clear $(TYPING)
	@$(BIN)/uv pip install --quiet --python $(TYPING)/bin/python --requirement $(TYPING_NEEDS) || \
		$(TYPING)/bin/python -m pip install --quiet --requirement $(TYPING_NEEDS)
	@touch $@

constraints/airflow-%.txt:
	@echo "There are no constraints for Airflow $*: AIRFLOW can be one of" \
		$(patsubst constraints/airflow-%.txt,%,$(wildcard constraints/airflow-*.txt)) >&2; exit 1
