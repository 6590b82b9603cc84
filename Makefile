# Everything from an empty clone: `make demo` shows the main job, `make test` checks the project.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# `approximate` builds a graph over a million rows, which takes half an hour: name it to run it.
BENCHMARKS ?= search catalogue loading extraction training

# Processes that the suite is shared out to; each takes some 2 GiB.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-backends lint types docs tables picture bench release-check clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "clothzoo needs Python 3.11 or newer; run: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.use: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Python packages into $(VENV), once; this takes some minutes and is silent."
	$(PIP) --editable '.[tensorflow,viz]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Python packages into $(VENV), once; this takes some minutes and is silent."
	$(PIP) --editable '.[tensorflow,fast,dev]'
	@touch $@ $(VENV)/.use

$(VENV)/.backends: $(VENV)/.dev
	$(PIP) --editable '.[tensorflow,jax,torch,fast,dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	$(PIP) --editable '.[tensorflow,fast,dev,docs]'
	@touch $@

demo: $(VENV)/.use ## index, classify and search drawn garments, or PHOTOS=folder; see demo/report.html
	$(BIN)/clothzoo demo --out demo $(if $(PHOTOS),--photos "$(PHOTOS)")

test: $(VENV)/.dev ## the whole suite but the checks marked long
	$(BIN)/python -m pytest -m "not long" --numprocesses $(WORKERS) --dist loadfile

test-long: $(VENV)/.dev ## the checks marked long
	$(BIN)/python -m pytest -m long

test-backends: $(VENV)/.backends ## the contract on JAX and PyTorch, and equal outputs on all three
	KERAS_BACKEND=jax $(BIN)/python -m pytest -m "backend and not long"
	KERAS_BACKEND=torch $(BIN)/python -m pytest -m "backend and not long"
	$(BIN)/python -m pytest -m long tests/models

lint: $(VENV)/.dev ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict
	$(BIN)/mypy

docs: $(VENV)/.docs ## the documents as a site, site/index.html; fails on a broken link
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet

tables: $(VENV)/.dev ## renew the generated tables of README.md and docs/
	$(BIN)/python tools/tables.py

picture: $(VENV)/.dev ## renew the picture of README.md, with the network of `make demo`
	$(BIN)/python tools/search_picture.py

bench: $(VENV)/.dev ## the benchmarks, side by side with the peers
	$(PIP) --editable '.[tensorflow,fast,dev,bench]'
	for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || exit 1; done

release-check: $(VENV)/.dev ## wheel and sdist, each installed into an empty environment and used
	$(PIP) --editable '.[tensorflow,fast,dev,release]'
	$(BIN)/python tools/release_check.py

clean: ## remove what the targets above made
	rm -rf $(VENV) demo build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
