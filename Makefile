# Every task of the project. `make` alone lists them.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.stamp
ARGS   ?=

WAITING := tests/fault tests/acceptance

.PHONY: help setup run test lab bench lint system-deps lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## Create or refresh .venv from the lock file (instant when nothing changed)

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
	  || { echo "Kairos needs Python 3.11 to 3.14 as '$(PYTHON)'; on Debian 12 or later: apt-get install python3 (or: make PYTHON=/path/to/python3.12 setup)" >&2; exit 1; }
	@if command -v uv >/dev/null; then \
	  [ -x $(PY) ] || uv venv --quiet --python "$(PYTHON)" $(VENV); \
	  uv pip install --quiet --python $(PY) --require-hashes -r requirements-dev.lock; \
	  uv pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .; \
	else \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo "'$(PYTHON)' has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }; \
	  [ -x $(VENV)/bin/pip ] || $(PYTHON) -m venv $(VENV); \
	  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock; \
	  $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

run: setup ## Start Kairos in the practice world
	$(VENV)/bin/kairos practice $(ARGS)

# In CI everything must be had; elsewhere nothing is installed on the machine unasked.
# Killing gateways and watching far ends is mostly waiting: that goes on beside all the rest. (What
# a shell starts beside itself is deaf to Ctrl-C, which some of these tests press.)
test: lint $(if $(filter true 1,$(CI)),system-deps) ## Lint, then the whole test suite; ARGS= goes to pytest
ifneq ($(ARGS),)
	$(PY) -m pytest $(ARGS)
else
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	env --default-signal=INT $(PY) -m pytest $(WAITING) >"$$log" 2>&1 & beside=$$!; \
	$(PY) -m pytest $(WAITING:%=--ignore=%); rest=$$?; \
	echo; echo "Beside it, $(WAITING):"; wait $$beside; waiting=$$?; cat "$$log"; \
	exit $$((rest > waiting ? rest : waiting))
endif

lab: setup ## Start the practice switch and its simulated people
	$(PY) -m adapters.lab $(ARGS)

bench: setup ## Run the benchmarks
	$(PY) -m bench $(ARGS)

lint: setup ## ruff, mypy and the import rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

system-deps: ## Install what tests need from apt (a PostgreSQL server), where it is missing
	@tests/support/install-system.sh

lock: ## Resolve the dependencies anew into the two lock files
	@uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then \
	  tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	  $(PYTHON) -m venv "$$tools"; \
	  "$$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv; \
	  uv="$$tools/bin/uv"; \
	fi; \
	compile() { "$$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command 'make lock' --upgrade pyproject.toml "$$@"; }; \
	compile --output-file requirements.lock; \
	compile --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove the virtual environment, caches and build results
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
