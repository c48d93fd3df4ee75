# Two commands matter: `make run` makes today's content, `make test` says whether all is well. `make help` lists the rest.
PYTHON ?= python3
# pip writes nothing outside the checkout by default; its download cache is used with: make setup PIP_FLAGS=
PIP_FLAGS ?= --no-cache-dir
export PIP_FLAGS

# Tests of code that needs torch run in the worker's environment, all others in Airflow's.
WORKER_TESTS := $(wildcard tests/engines tests/worker tests/training tests/starters tests/compliance)
PYTEST_FLAGS ?=
# Which integration tests to run, all by default, and what their report is called.
INTEGRATION ?= tests/integration
SUITE ?= integration

.DEFAULT_GOAL := help
.PHONY: help setup run up down test test-integration lint format lock doctor wheel base-image images services-up services-down services-env stack-up stack-down train-starters train-starter-image train-starter-text train-starter-toxicity measure-starters bench bench-gpu clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Create .venv (Airflow) and .venv-worker (torch) from their lock files; the one step that needs the network
	@$(PYTHON) include/galley/bootstrap.py install

run: setup ## Make today's content; BRIEF=x.yaml or REQUESTS=x.jsonl for one file, DATE=2026-11-01 for another date
	@.venv/bin/galley run $(if $(BRIEF),--brief "$(BRIEF)") $(if $(REQUESTS),--requests "$(REQUESTS)") $(if $(DATE),--date "$(DATE)") $(if $(RUNTIME),--runtime "$(RUNTIME)")

up: setup ## Start a standing Airflow on this machine (UI at 127.0.0.1, GALLEY_PORT or 8080)
	@.venv/bin/galley up

down: ## End the standing Airflow
	@.venv/bin/galley down

test: setup ## Everything that needs no running Airflow, container engine or GPU, in both environments
	@mkdir -p build && rm -f build/junit-*.xml
	@failed=0; \
	.venv/bin/python -m pytest $(PYTEST_FLAGS) --junitxml=build/junit-airflow.xml $(addprefix --ignore=,$(WORKER_TESTS) tests/integration) tests || failed=1; \
	$(if $(WORKER_TESTS),.venv-worker/bin/python -m pytest $(PYTEST_FLAGS) --junitxml=build/junit-worker.xml $(WORKER_TESTS) || failed=1;) \
	.venv/bin/python tests/totals.py build/junit-*.xml || failed=1; \
	exit $$failed

test-integration: setup ## Whole runs in a standing Airflow of the tests' own; minutes
	@mkdir -p build && rm -f build/junit-$(SUITE).xml
	@failed=0; \
	.venv/bin/python -m pytest $(PYTEST_FLAGS) --junitxml=build/junit-$(SUITE).xml $(INTEGRATION) || failed=1; \
	.venv/bin/python tests/totals.py build/junit-$(SUITE).xml || failed=1; \
	exit $$failed

lint: setup ## ruff, mypy --strict, and who may import whom
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: setup ## Format the code
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

lock: ## Write docker/*.lock from what the environments hold now
	@$(PYTHON) include/galley/bootstrap.py lock

doctor: ## Say what is missing on this machine, and the command that mends it
	@if [ -x .venv/bin/galley ]; then .venv/bin/galley doctor; else echo "the environments are not there yet; run: make setup"; exit 1; fi

wheel: setup ## Build dist/galley-*.whl, for an Airflow 3.3 of your own
	@rm -rf build/lib build/bdist.* dist/galley-*.whl
	@.venv/bin/python -m pip wheel -q --no-build-isolation --no-deps --disable-pip-version-check --wheel-dir dist .
	@ls dist/galley-*.whl

services-up: ## Real servers on loopback: minio, versitygw, postgres, docker, kubernetes, or NAMES="minio" alone; compiled once, minutes
	@$(PYTHON) -m tests.integration.services up $(NAMES)

services-down: ## End them; data and programs stay in .galley-services
	@$(PYTHON) -m tests.integration.services down $(NAMES)

services-env: ## Print the variables with which Galley uses them, as export lines for eval
	@$(PYTHON) -m tests.integration.services env $(NAMES)

stack-up: ## The production stack by Docker Compose: Airflow, PostgreSQL, MinIO or S3_SERVER=versitygw, Prometheus
	@docker/stack/up

stack-down: ## End it and its jobs; its data stays
	@docker/stack/down

base-image: ## Make the images' base from Debian packages, where none can be pulled; needs root and debootstrap
	@docker/base-image

images: ## Build the Dify images and Airflow's, or NAMES="airflow" (DEVICE=cpu, STARTER_MODELS=1, BASE_IMAGE=…, BUILD_FLAGS=…)
	@docker/images $(NAMES)

TRAIN = .venv-worker/bin/python -m galley.training --out include/models --work .galley/training $(if $(MINUTES),--minutes $(MINUTES))

train-starters: setup ## Train all starter models anew (hours on two cores); MINUTES=30 stops there, to go on later
	@$(TRAIN) starter-image starter-toxicity starter-text teacher-text

train-starter-image train-starter-text train-starter-toxicity: setup
	@$(TRAIN) $(@:train-%=%)

measure-starters: setup ## Measure the starter models against their thresholds
	@.venv-worker/bin/python -m tests.starters.measure

bench: setup ## Benchmarks against the peers, for an idle machine; NAMES="gpt-mixed sd-brief" for some of them
	@.venv-worker/bin/python -m tests.benchmarks $(NAMES)

bench-gpu: setup ## Benchmarks of a CUDA GPU against transformers and diffusers; needs a CUDA build of torch in .venv-worker
	@.venv-worker/bin/python -m tests.benchmarks gpt-gpu sd-gpu

clean: ## Remove caches and build output; state (.galley) and environments stay
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find include tests dags plugins -name __pycache__ -type d -prune -exec rm -rf {} +
