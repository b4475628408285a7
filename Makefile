.PHONY: help serve test prove bench bench-search lint clean
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Tests wait much for the servers they start. Each process has a PostgreSQL; the tests of one file stay together.
TEST_PROCESSES ?= 3
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:  ## List the targets
	@awk -F "##" "/^[a-z-]+:.*##/ { split(\$$1, target, \":\"); printf \"make %-13s%s\\n\", target[1], \$$2 }" Makefile

serve: .venv/.installed  ## Start the server with its databases; GALENIC_PORT and GALENIC_DATA_DIR choose where
	@exec $(BIN)/galenic serve

test: .venv/.installed-dev  ## Lint, types, import contract and every test at reduced counts
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@$(BIN)/python -m pytest -m "not alone" --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
	@$(BIN)/python -m pytest -m alone tests/acceptance/test_search_cost.py

prove: .venv/.installed-dev  ## Every test at full counts
	@GALENIC_PROVE=1 $(BIN)/python -m pytest -m "not alone" --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
	@GALENIC_PROVE=1 $(BIN)/python -m pytest -m alone tests/acceptance/test_search_cost.py

bench: .venv/.installed-dev  ## Measure, against a limit measured in the same run
	@$(BIN)/python -m tests.benchmarks

bench-search: .venv/.installed-dev  ## Measure searching in a store of 100,000 and of 1,000,000 resources
	@$(BIN)/python -m tests.benchmarks.search

lint: .venv/.installed-dev  ## Lint, types and import contract only
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

clean:  ## Remove what was installed and built; the data folder stays
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache

# Debian without python3-venv has no ensurepip: then the pip of the system installs one into the environment.
.venv/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "Galenic needs Python 3.11 or newer: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv > /dev/null 2>&1 || { rm -rf .venv && $(PYTHON) -m venv --without-pip .venv; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check pip || \
		{ rm -rf .venv; echo "There is no pip: apt-get install python3-venv (or python3-pip), then again" >&2; exit 1; }

.venv/.installed: pyproject.toml | .venv/bin/python
	@echo "Installing Galenic into .venv ..."
	@$(PIP) -e .
	@touch $@

.venv/.installed-dev: pyproject.toml | .venv/bin/python
	@echo "Installing Galenic and its tools into .venv ..."
	@$(PIP) -e ".[dev]"
	@touch $@ .venv/.installed
