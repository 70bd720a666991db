# The targets make their own virtual environment from a plain python3, once, and again when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Silent, with its warnings on index settings, unless it fails.
PIP := quietly() { out=$$("$$@" 2>&1) || { printf '%s\n' "$$out" >&2; return 1; }; }; \
	quietly $(BIN)/python -m pip --quiet --disable-pip-version-check
# uv installs the rest in a tenth of pip's time; where it cannot (an index that only pip's settings name), pip does.
UV := $(shell sed -n 's/^ *"\(uv==[^"]*\)".*/\1/p' pyproject.toml)
UV_INSTALL := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),UV_SYSTEM_CERTS=true) \
	$(BIN)/uv pip install --quiet --python $(BIN)/python
# Groups of tests side by side, each in one process, the longest first: tests/gate/lanes.py.
PYTEST := $(BIN)/python -m pytest --numprocesses auto
# Only from the command line: a variable of that name is in many shells. Airflow 1 cannot read the sample DAG.
RELEASE := $(if $(filter command line,$(origin AIRFLOW_VERSION)),$(AIRFLOW_VERSION))
SAMPLE := $(if $(filter 1.%,$(RELEASE)),,$(if $(wildcard dags/hello_mwaa.py),--run hello_mwaa))

.DEFAULT_GOAL := help
.PHONY: help up down status logs test test-full test-releases check lint bench bench-releases docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.installed ## Start MWAA here and run the sample DAG; AIRFLOW_VERSION=2.8.1 takes that release instead of mwaa.yaml's
	@$(BIN)/mwaa-local up $(if $(RELEASE),--airflow-version $(RELEASE)) $(SAMPLE) $(ARGS)

down: $(VENV)/.installed ## Stop it
	@$(BIN)/mwaa-local down $(ARGS)

status: $(VENV)/.installed ## Show what runs
	@$(BIN)/mwaa-local status $(ARGS)

logs: $(VENV)/.installed ## Follow all logs
	@$(BIN)/mwaa-local logs -f $(ARGS)

test: $(VENV)/.dev ## Run the tests that show a change to be sound, in minutes
	@$(PYTEST) -m 'not full' $(ARGS)

test-full: $(VENV)/.dev ## Run all tests, of every kind of release; well over an hour
	@$(PYTEST) $(ARGS)

test-releases: $(VENV)/.dev ## Try all releases in both runtimes and write docs/releases.md; hours. RELEASES=2.8.1,3.3.1 RUNTIME=process; a run that was cut off goes on
	@$(BIN)/python -m tools.release_matrix --releases '$(RELEASES)' --runtime '$(RUNTIME)' $(ARGS)

lint: $(VENV)/.dev ## Check style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

check: lint test ## What CI runs

bench: $(VENV)/.dev ## Measure both runtimes beside `airflow standalone`, the check beside pip, check dags, smoke, MWAA's API, the local AWS, the sync of a bucket, the front door, the sending of logs, the rehearsal of an upgrade
	@$(BIN)/python -m tools.bench $(ARGS)
	@$(BIN)/python -m tools.bench_requirements $(filter --quick,$(ARGS))
	@$(BIN)/python -m tools.bench_upload $(filter --quick --skip-cold,$(ARGS))
	@$(BIN)/python -m tools.bench_door $(filter --quick,$(ARGS))
	@$(BIN)/python -m tools.bench_api $(filter --quick,$(ARGS))
	@$(BIN)/python -m tools.bench_aws $(filter --quick,$(ARGS))
	@$(BIN)/python -m tools.bench_sync $(filter --quick,$(ARGS))
	@$(BIN)/python -m tools.bench_logs $(filter --quick,$(ARGS))
	@$(BIN)/python -m tools.bench_upgrade $(filter --quick,$(ARGS))

bench-releases: $(VENV)/.dev ## Measure how fast each release starts, cold and warm, beside its `airflow standalone`; hours. RELEASES= as above
	@$(BIN)/python -m tools.bench_releases --releases '$(RELEASES)' $(ARGS)

docs: $(VENV)/.dev ## Write the command-line reference anew
	@$(BIN)/python -m tools.build_cli_reference

clean: ## Stop the environment and remove what the targets made; the database stays
	@test ! -x $(BIN)/mwaa-local || $(BIN)/mwaa-local down --now
	@rm -rf $(VENV)

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("make: mwaa-local needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@echo "installing mwaa-local into $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install '$(UV)'
	@$(UV_INSTALL) --editable . 2>/dev/null || { $(PIP) install --editable .; }
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(UV_INSTALL) --editable '.[dev]' 2>/dev/null || { $(PIP) install --editable '.[dev]'; }
	@touch $@
