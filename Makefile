# `make help` lists the targets. Everything lives in .venv and runs/; elsewhere go only the data cache and what `make report`
# rewrites: tables in the READMEs and docs/results.svg.
PYTHON ?= python3
DOMAIN ?= vision
PORT ?= 8000
BIN := .venv/bin
STAMP := .venv/.installed
RUN := runs/demo/$(DOMAIN)-$(shell date +%Y-%m-%d_%H-%M-%S)

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: help demo app test check report clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 16

demo: $(STAMP) ## install, then train and compare both programs of DOMAIN=vision; prints the table and a page's path
	$(BIN)/python -m scripts.train domain=$(DOMAIN) split=test output_dir=$(RUN)
	@$(BIN)/python -m scripts.report run=$(RUN) | tail -1

app: $(STAMP) ## install, then serve the demo page: both programs of every domain, without training
	$(BIN)/python -m scripts.app port=$(PORT)

test: $(STAMP) ## install, then run the whole test suite
	$(BIN)/python -m pytest

check: $(STAMP) ## lint, formatting, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

report: $(STAMP) ## redraw the README's picture and rewrite all tables from the committed results
	$(BIN)/python -m scripts.report picture=docs/results.svg output_dir=runs/report | tail -1
	for card in $$(grep -l "<!-- report: " README.md */README.md */*/README.md); do $(BIN)/python -m scripts.report update=$$card output_dir=runs/report | tail -1; done

clean: ## remove the environment and all runs
	rm -rf .venv runs

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), f"given Python {sys.version.split()[0]}, wanted 3.11 or later"'
	$(PYTHON) -m venv .venv || { echo "error: venv: on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "installing about 7 GB into .venv (most of it PyTorch's CUDA libraries); 2 to 5 minutes"
	$(BIN)/pip install -qqq -c constraints.txt -e '.[app,sweep,dev]'
	@touch $@
