# Two commands are all a newcomer needs:
#
#   make repair REPO=path-or-url    repair it (without REPO: the example in examples/); ARGS="…" are options of repair
#   make test                       run every check and quick test
#
# Before each commit: make check. What else there is:
#
#   make help       print this
#   make service    add what `repair service up`, `repair submit` and `repair github` need
#   make mcp        add what `repair mcp` needs
#   make lint       ruff, its format, mypy and the order of imports
#   make check      lint, and the unit tests that are done within a minute
#   make slow       the tests that take more than ten seconds each
#   make abuse      the attacks on host, build, sandbox, service and verdict; DOCKER=1 tries the cheats there,
#                   JSON=file keeps the table, FEW=1 leaves out what CI has no time for
#   make nightly    the longest tests, and every attack: what CI leaves out
#   make faults     those on the service; JOBS=20 SHORT=1 makes it short
#   make compose    docker/compose.yaml, for real
#   make fuzz       the job API
#   make bench      list the benchmarks
#   make locks      pin anew, after a change of the dependencies in pyproject.toml

SHELL := /bin/bash
REPO ?= examples/ledger
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -I -m pip --disable-pip-version-check
# One line instead of pip's output, which is shown whole when it fails.
INSTALL := $(BIN)/python installation/install.py

# The first Python that is new enough; override with `make … PYTHON=/path/to/python`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Most tests wait for sandboxes, so even two cores finish sooner with two of them.
PARALLEL := -n auto --maxprocesses 4 --dist worksteal

# What `make check` runs, and the single tests in it that would take longer than the others together.
QUICK := tests/unit/action tests/unit/agent tests/unit/cli tests/unit/docs tests/unit/installation \
	tests/unit/sandbox tests/unit/test_packaging.py tests/unit/test_program_texts.py
SLOW := tests/unit/sandbox/host/test_untrusted_tree.py::test_folders_deeper_than_a_path_are_removed \
	tests/unit/sandbox/snapshots/test_checkout.py::test_a_large_repository \
	tests/unit/sandbox/test_syntax.py::test_threads_that_parse_together_all_get_their_trees

.PHONY: help repair service mcp test slow nightly check lint abuse faults compose fuzz bench locks
.DEFAULT_GOAL := repair

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

# A script sees any end but a repair as an error of make (2); the exit code itself is that of
# .venv/bin/repair. A person reads how it ended, so make adds no "*** Error" on a terminal.
repair: $(VENV)/.light
	@$(BIN)/repair "$(REPO)" $(ARGS) || { code=$$?; [ -t 1 ] || exit $$code; }

# Adds what `repair service up`, `repair submit` and `repair github` need.
service: $(VENV)/.service
	@echo "ready: $(BIN)/repair service up"

# Adds what `repair mcp` needs.
mcp: $(VENV)/.mcp
	@echo "ready: $(BIN)/repair mcp FOLDER"

# SERVICES=1 starts what the tests can use (engine, Redis) where this user may do that; tests of
# what is not there are skipped, and say so.
#
# MODEL=1 installs torch and transformers too, so that the real loading and generating code is
# tested (on a tiny model, on the CPU) instead of skipped.
test: $(VENV)/.dev $(if $(filter 1,$(MODEL)),$(VENV)/.model)
	@if [ "$(SERVICES)" = 1 ] && [ -x .ci/services ]; then .ci/services; fi
	@$(MAKE) --no-print-directory lint
	$(if $(filter 1,$(MODEL)),REPAIR_TEST_MODEL=1) $(BIN)/python -m pytest $(PARALLEL) -m "not slow and not nightly"

# CI runs these too, and so should you before a pull request.
slow: $(VENV)/.dev $(if $(filter 1,$(MODEL)),$(VENV)/.model)
	$(if $(filter 1,$(MODEL)),REPAIR_TEST_MODEL=1) $(BIN)/python -m pytest $(PARALLEL) -m slow

# An hour and a quarter on two quiet cores.
nightly: $(VENV)/.dev $(if $(filter 1,$(MODEL)),$(VENV)/.model)
	$(if $(filter 1,$(MODEL)),REPAIR_TEST_MODEL=1) $(BIN)/python -m pytest $(PARALLEL) -m nightly
	@$(MAKE) --no-print-directory abuse

check: lint
	$(BIN)/python -m pytest -q $(PARALLEL) $(QUICK) $(addprefix --deselect ,$(SLOW))

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

abuse: $(VENV)/.dev
	$(BIN)/python -m pytest $(PARALLEL) tests/abuse $(if $(filter 1,$(FEW)),-m "not nightly") $(if $(DOCKER),--abuse-docker) $(if $(JSON),--abuse-json $(JSON))

fuzz: $(VENV)/.dev
	REPAIR_TEST_FUZZ_EXAMPLES=300 $(BIN)/python -m pytest tests/integration/workers/web/api/test_openapi.py

# Kills, restarts, wipes and unplugs what the service stands on, and prints a table. It took 25
# minutes on two busy cores, with 200 jobs on each database; JOBS=20 SHORT=1 leaves out what waits for a minute.
faults: $(VENV)/.dev
	REPAIR_FAULT_JOBS=$(or $(JOBS),200) $(BIN)/python -m pytest $(if $(SHORT),-n 2 -m "not minutes") tests/faults

# Builds docker/compose.yaml's images, brings them up under a name of their own, has the example
# repaired, kills parts, and removes it all. Skipped without Docker Compose; took 10 minutes on two busy cores.
compose: $(VENV)/.dev
	$(BIN)/python -m pytest tests/compose

bench: $(VENV)/.dev
	@echo "Each benchmark is a module: see benchmarks/README.md."
	@ls benchmarks/*.py

$(VENV)/.light: requirements.lock pyproject.toml | $(BIN)/python
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps -e .
	@touch $@

$(VENV)/.service: requirements-service.lock $(VENV)/.light
	@$(INSTALL) --require-hashes -r requirements-service.lock
	@touch $@

$(VENV)/.mcp: requirements-mcp.lock $(VENV)/.light
	@$(INSTALL) --require-hashes -r requirements-mcp.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.light
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.model: requirements-model.txt $(VENV)/.dev
	@$(INSTALL) -r requirements-model.txt
	@touch $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed and none is on PATH; give one: make PYTHON=/path/to/python"; \
		exit 2; fi
	@echo "making $(VENV)" >&2
	@$(PYTHON) -I -m venv $(VENV)

# After a change of the dependencies in pyproject.toml; keeps what is pinned already.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

locks: $(BIN)/python
	$(PIP) install --quiet pip-tools
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) --extra service -c requirements.lock -o requirements-service.lock pyproject.toml
	$(COMPILE) --extra mcp -c requirements.lock -o requirements-mcp.lock pyproject.toml
	$(COMPILE) --extra service --extra dev --extra evaluate --extra mcp -c requirements.lock \
		-c requirements-service.lock -c requirements-mcp.lock -o requirements-dev.lock pyproject.toml
