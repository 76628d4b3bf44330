# Every target sets up what it needs: a virtual environment, the locked packages, the project itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test fast lint bench generate lock new-service stack-up stack-down clean

help: ## print the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "firstbell needs Python 3.11 or newer: seen $$($(PYTHON) --version); try make PYTHON=python3.12"; exit 1; }
	@echo "setting up $(VENV): about 90 packages, 700 MB on disk, one to three minutes"
	@$(PYTHON) -m venv $(VENV) || { echo "python's venv module is missing: on Debian, apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## real schools walk four gates, live on the terminal
	$(BIN)/firstbell demo $(DEMO)

test: lint ## everything: lint, fast tests, real servers, faults
	$(BIN)/python -m pytest -q -n 2 tests/unit tests/property tests/contract tests/workflow tests/replay
	$(BIN)/python -m pytest -q tests/integration tests/e2e tests/faults

fast: $(READY) ## tests without servers, under a minute
	$(BIN)/python -m pytest -q -n 2 tests/unit tests/property tests/contract tests/workflow tests/replay

lint: $(READY) ## ruff, mypy --strict, the import law, declared dependencies, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: $(READY) ## measure side by side and write docs/performance.md
	$(BIN)/python -m tests.bench

generate: $(READY) ## write JSON Schema, AsyncAPI and the dashboards
	$(BIN)/python -m schemas
	$(BIN)/python -m dashboards

lock: $(READY) ## resolve requirements.lock anew (hashes, no addresses)
	$(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 --extra dev --no-header --no-annotate --quiet pyproject.toml -o requirements.lock

new-service: $(READY) ## make a room: make new-service name=x
	$(BIN)/python -m services.cli.scaffold $(name)

stack-up: $(READY) ## start the servers and the services
	$(BIN)/firstbell stack up

stack-down: ## stop whatever firstbell started here
	@if [ -x $(BIN)/firstbell ]; then $(BIN)/firstbell stack down --all; fi

clean: stack-down ## stop everything and remove state and caches
	rm -rf .firstbell .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache $(VENV)
