# The two commands of the README, and the four that developers use.
# Everything runs from .venv, which is made once: requirements.lock to run, requirements-dev.lock to test.

SHELL := /bin/sh
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help

.PHONY: help up test install check lint types lock clean

help:
	@echo "make up        a demo mesh of real Envoys on this machine; Ctrl-C ends it"
	@echo "make test      lint, types, import floors and every test, against the real Envoy"
	@echo "make install   .venv with what requirements.lock pins, and the meshloom command in it"
	@echo "make check     lint and types only"
	@echo "make lock      resolve pyproject.toml again into the requirements*.lock files"
	@echo "make clean     remove .venv and the caches"

up: .venv/installed
	@.venv/bin/meshloom up $(ARGS)

test: .venv/dev check
	@$(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

install: .venv/installed

check: lint types

lint: .venv/dev
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@.venv/bin/lint-imports --no-cache

types: .venv/dev
	@$(PYTHON) -m mypy

.venv/installed: requirements.lock requirements-uv.lock pyproject.toml scripts/find_python scripts/install
	@sh scripts/install

.venv/dev: .venv/installed requirements-dev.lock
	@sh scripts/install dev

# Each lock keeps to the versions of the one before it
COMPILE := -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: .venv/installed
	@$(PYTHON) -m pip install --quiet uv
	@$(PYTHON) $(COMPILE) --group uv --output-file requirements-uv.lock
	@$(PYTHON) $(COMPILE) --group build pyproject.toml --output-file requirements.lock
	@$(PYTHON) $(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
