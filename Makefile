# A person and CI run the same commands.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: demo test test-all check clean

# The first command: one search from a table to a replayed notebook, headless.
demo: $(STAMP)
	$(BIN)/python notebooks/demo.py

# Everything that must hold before a change lands.
test: check
	$(BIN)/python -m pytest -m "not slow"

# The same and the long sweeps, which it names first.
test-all: check
	@echo "Only test-all runs:"
	@$(BIN)/python -m pytest -m slow --collect-only -q --no-header | grep "::" || true
	$(BIN)/python -m pytest

# Lint, formatting, types, and who may import whom.
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Expected Python 3.11 or newer, got " + sys.version.split()[0] + ". Type: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist automl_runs
