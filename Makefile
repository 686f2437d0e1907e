# The two commands of the project are `make crepe` and `make test`; each sets itself up on a machine with Python 3.11+.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# No telemetry, no model hub, and no progress of pip in the log.
export DO_NOT_TRACK := 1
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install crepe test test-all lint format bench viz sample-world clean

help:  ## Show the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@

install: $(INSTALLED)  ## Make the virtual environment and install the project with its development tools

crepe: $(INSTALLED)  ## Run the main pipeline on the bundled sample world: annotations to metrics, plots and report
	$(BIN)/kedro run --pipelines=crepe
	@$(BIN)/python -m visual_relations.where_to_look crepe

test: $(INSTALLED)  ## Run the fast tests
	$(BIN)/python -m pytest -m 'not slow' -n 2 --dist loadscope $(PYTEST_ARGS)

test-all: $(INSTALLED)  ## Run all tests, the slow ones too
	$(BIN)/python -m pytest -n 2 --dist loadscope $(PYTEST_ARGS)

lint: $(INSTALLED)  ## Check style, types and the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)  ## Bring the code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)  ## Measure speed as ratios within one run
	$(BIN)/python -m benchmarks

viz: $(INSTALLED)  ## Explore the lineage in the browser
	$(BIN)/kedro viz run

sample-world: $(INSTALLED)  ## Draw the sample world again, train its tiny models (about half an hour)
	$(BIN)/kedro run --pipelines=sample_world --params sample_world.scale=full,sample_world_folder=data/01_raw/sample_world

clean:  ## Delete everything that runs have made, not the sample world
	find data -mindepth 2 -not -path 'data/01_raw*' -not -name .gitkeep -delete
	rm -f data/.ledger.json
