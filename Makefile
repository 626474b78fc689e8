# The commands of this project. The first one that is called makes .venv; later calls start at once.
#
#   make lab     open JupyterLab at the first notebook
#   make test    everything that CI runs: style, types, floors, tests, doctests, notebooks
#   make lint    style, types and floors only
#   make widgets the JavaScript of labkit_widgets, if its TypeScript changed; lab and test do so too
#   make hub     a JupyterHub on this machine, to try a workshop before it happens
#   make test-hub  twenty learners log in to that hub and work, two of them in a browser; then it is killed
#   make test-hub5  two learners on the same hub with JupyterHub 5, as The Littlest JupyterHub has it
#   make bench   labkit beside hand-written JAX; make bench-tf also beside TensorFlow
#   make bench-placement  the placers beside known optima
#   make bench-scaling    published points of how training scales, beside simulated ones
#   make pins    choose new versions for binder/constraints.txt
#
# PYTHON=... chooses the Python to make .venv with, WORKERS=... how many processes test (three keep two cores busy, as some
# tests wait for processes and pages), NOTEBOOK=03 what lab opens.

SHELL := /bin/bash
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TF := .venv-tf/.ready
READY_HUB5 := .venv-hub5/.ready
PIP := -m pip --disable-pip-version-check -qq

.DEFAULT_GOAL := help
.PHONY: help lab test lint tests notebooks widgets hub test-hub test-hub5 bench bench-tf bench-placement bench-scaling pins

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

lab: widgets
	@$(BIN)/labkit lab $(NOTEBOOK)

# Each step prints one line when it is content. The last line is pytest's own summary.
test: lint tests notebooks

lint: $(READY)
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@out=$$($(BIN)/lint-imports 2>&1) || { echo "$$out"; exit 1; }
	@out=$$($(BIN)/pyright 2>&1) || { echo "$$out"; exit 1; }
	@$(BIN)/python widgets/hatch_build.py check
	@echo "lint: style, types and floors are clean"

# loadfile: the tests of a file stay in one process, so each file's programs are compiled once.
tests: widgets
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# MNIST is fetched first where there is a network, because a download's progress is not part of a notebook's output.
# Each notebook is run from top to bottom in a kernel of its own and every output compared; compiled code is kept, as
# for learners.
notebooks: widgets
	@$(BIN)/labkit data mnist >/dev/null 2>&1 || true
	@eval "$$($(BIN)/python -m labkit.compile_cache)"; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=300 notebooks

# Quiet, and at once, where the bundle is made of the sources as they are.
widgets: $(READY)
	@$(BIN)/python widgets/hatch_build.py

hub: widgets
	@$(BIN)/python binder/hub/start.py

test-hub: widgets
	@$(BIN)/python -m tests.hub

test-hub5: widgets $(READY_HUB5)
	@.venv-hub5/bin/python -m pytest tests/hub

bench: widgets
	@$(BIN)/python -m tests.benchmarks

bench-tf: $(READY) $(READY_TF)
	@$(BIN)/python -m tests.benchmarks.against_tensorflow .venv-tf/bin/python

bench-placement: $(READY)
	@$(BIN)/python -m tests.benchmarks.placement

bench-scaling: $(READY)
	@$(BIN)/python -m tests.benchmarks.scaling

pins: $(READY)
	$(BIN)/python $(PIP) install uv
	$(BIN)/uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
	  --no-annotate --no-header -o binder/constraints.txt

# A Python is taken if it starts, is new enough and can make environments (Debian keeps that part in a package of its
# own). The names are tried in this order because every pinned package has wheels for the first three.
$(BIN)/python:
	@for python in $(PYTHON) python3.12 python3.11 python3.13 python3.14 python3 python; do \
	  $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  echo "Making $(VENV) with $$($$python --version) ..."; \
	  $$python -m venv $(VENV) && exit 0; \
	done; \
	echo "labkit needs Python 3.11 or newer with its venv module, and found none on this computer." >&2; \
	echo "  Try: apt install python3-venv (Debian, Ubuntu), brew install python (macOS), or the installer from" >&2; \
	echo "  python.org; or say where it is: make lab PYTHON=/path/to/python3.12" >&2; \
	exit 1

$(READY): pyproject.toml binder/constraints.txt | $(BIN)/python
	@echo "Installing labkit and what it needs into $(VENV) (once; about a minute) ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip -q
	@$(BIN)/python $(PIP) install -c binder/constraints.txt -e '.[dev]'
	@touch $@

# The pins name JupyterHub 6: what is older comes on top of them.
$(READY_HUB5): pyproject.toml binder/constraints.txt | $(BIN)/python
	@echo "Installing labkit and JupyterHub 5 into .venv-hub5 (once; about a minute) ..."
	@$(BIN)/python -m venv .venv-hub5
	@.venv-hub5/bin/python $(PIP) install -c binder/constraints.txt -e '.[dev]'
	@.venv-hub5/bin/python $(PIP) install 'jupyterhub>=5.5.1,<6'
	@touch $@

$(READY_TF):
	@echo "Installing tensorflow-cpu into .venv-tf (once) ..."
	@$(BIN)/python -m venv .venv-tf
	@.venv-tf/bin/python $(PIP) install tensorflow-cpu
	@touch $@
