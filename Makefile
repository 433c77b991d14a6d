# Two commands do the main things from a fresh clone with Python >= 3.11, pip and make:
#     make demo    make test
# Each builds .venv when it is missing or older than what it was built from.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
# test processes; each keeps one core busy
WORKERS ?= 2

RECIPE  := pyproject.toml constraints/cpu.txt
PACKAGE := $(VENV)/.package-installed
TOOLS   := $(VENV)/.tools-installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint format types imports docs check clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(PACKAGE)  ## the whole story on real cells: a table, figures and a page in demo/
	$(BIN)/scrna-longformer demo

test: $(PACKAGE)  ## all tests (the real data sets too where SCRNA_LONGFORMER_DATA names their folder)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(TOOLS)  ## style of the code
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(TOOLS)  ## mend what the style check can mend by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(TOOLS)  ## types of src
	$(BIN)/mypy

imports: $(TOOLS)  ## which package may import which
	$(BIN)/lint-imports --no-cache

docs: $(TOOLS)  ## the documentation, offline, warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

check: lint types imports test docs  ## everything that a change must pass

clean:  ## remove .venv and everything that was built
	rm -rf $(VENV) demo docs/_build docs/api/generated build dist

# pip learnt dependency groups in 25.1, and a new environment may come with an older one.
$(PACKAGE): $(RECIPE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  f"scrna-longformer needs Python 3.11 or newer; $(PYTHON) is {sys.version.split()[0]}. Try: make PYTHON=python3.11")'
	@echo "Installing into $(VENV), once: a few minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints/cpu.txt --editable . --group test
	@touch $@

$(TOOLS): $(PACKAGE)
	$(BIN)/python -m pip install --quiet --constraint constraints/cpu.txt --group lint --group docs
	@touch $@
