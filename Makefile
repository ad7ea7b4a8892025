# Everything there is to do, from an empty machine: Python 3.11 or newer (with venv), make and git are enough.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Compiled modules are kept, whatever the caller's shell prefers: without them every start recompiles.
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV
unexport PYTHONPATH
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
    "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$p" && break; done)
UV := .tools/bin/uv
INSTALL = $(UV) pip install --quiet --require-hashes
SETUP = $(MAKE) --silent --no-print-directory --jobs=2
DATA ?=
ONLY ?=
LONG ?=
EXAMPLES ?=
ROUNDS ?= 10
# Tests wait for servers half of their time: two for each of two cores.
WORKERS ?= 4

.PHONY: help demo up test test-fast faults check docs-check bench soak schema lock platform environments
help: ## what there is
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## the main job, from nothing to a trained model and back through its history
	@$(SETUP) platform environments
	@.venv/bin/vistory demo

up: ## the same stack, left running (DATA=folder; ctrl-C stops it)
	@$(SETUP) platform environments
	@.venv/bin/vistory up $(if $(DATA),--data "$(DATA)")

test: ## every test, on the real parts, fast ones first
	@$(SETUP) .venv/.dev environments
	@.venv/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-fast: .venv/.dev ## the tests that need no server
	@.venv/bin/python -m pytest -m "not connected and not slow"

faults: ## the platform harmed, round after round, and judged (ROUNDS=100; goes on where it was)
	@$(SETUP) .venv/.dev environments
	@.venv/bin/python -m tests.faults --rounds $(ROUNDS) --log .faults.jsonl

check: .venv/.dev docs-check ## style, types, layers, locks and generated pages
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	requirements/lock --check

docs-check: .venv/.dev ## generated pages are current (each script in docs/generate/ takes --check)
	@for script in $(wildcard docs/generate/*.py); do .venv/bin/python "$$script" --check; done

bench: ## benchmarks, as ratios against a limit measured in the same run (ONLY="ledger relay"; LONG=1 for the big sizes, which go on where they were stopped, AGAIN=1 measures all)
	@$(SETUP) .venv/.dev environments
	.venv/bin/python -m bench $(ONLY) $(if $(LONG),--long) $(if $(AGAIN),--again)

soak: ## memory, files and false alarms while both cores are busy (MINUTES=30)
	@$(SETUP) .venv/.dev environments
	.venv/bin/python -m bench.soaking $(or $(MINUTES),30)

schema: ## the API against its own description, at length (EXAMPLES=100 of each operation)
	@$(SETUP) .venv/.dev
	VISTORY_SCHEMA_EXAMPLES=$(or $(EXAMPLES),100) .venv/bin/python -m pytest tests/api/test_schema.py -q -rP -k description

lock: .tools/.uv ## make the lock of every requirements/*.in that changed
	requirements/lock

# ---- set-up: a stamp per step, so that nothing is done twice

platform: .venv/.platform
environments: .envs/mlflow/.ready .envs/timm/.ready .envs/ultralytics/.ready

.tools/.uv: requirements/tools.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer with the modules venv and ensurepip is needed (on Debian: python3-venv)"; exit 1; }
	@echo "setting up: tools"
	@[ -x .tools/bin/python ] || $(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	@touch $@

.venv/pyvenv.cfg: | .tools/.uv
	@$(UV) venv --quiet --allow-existing --python .tools/bin/python .venv

.venv/.platform: requirements/core.txt requirements/demo.txt pyproject.toml .venv/pyvenv.cfg | .tools/.uv
	@echo "setting up: platform"
	@$(INSTALL) --compile-bytecode -p .venv -r requirements/core.txt
	@$(INSTALL) -p .venv -r requirements/demo.txt
	@$(UV) pip install --quiet -p .venv --no-deps --no-build-isolation --offline -e .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.platform
	@echo "setting up: tests and checks"
	@$(INSTALL) -p .venv -r requirements/dev.txt
	@touch $@

.envs/%/.ready: requirements/%.txt | .tools/.uv
	@echo "setting up: $*"
	@$(UV) venv --quiet --allow-existing --python .tools/bin/python .envs/$*
	@$(INSTALL) -p .envs/$* -r requirements/$*.txt
	@$(BREAK_IN) .envs/$*/bin/python -W ignore -c "import $(LOADS_$*)" >/dev/null
	@touch $@

# What each environment loads is loaded once here, which leaves it compiled; compiling everything would take three times
# as long. Ultralytics would write its settings into the home.
LOADS_mlflow = mlflow.server.fastapi_app
LOADS_timm = torch, torchvision, timm
LOADS_ultralytics = torch, torchvision, ultralytics.models.yolo.detect, ultralytics.models.yolo.classify
BREAK_IN = YOLO_OFFLINE=true YOLO_AUTOINSTALL=false YOLO_CONFIG_DIR=$(CURDIR)/.envs/$* MLFLOW_DISABLE_TELEMETRY=true
