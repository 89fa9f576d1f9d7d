# One machine with Python 3.11 and make is enough: no Java, Maven or Docker. `make help` lists the verbs.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.11 python3; do command -v $$p >/dev/null && \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SLOW := spark or solr or s3 or services or browser

.PHONY: help demo down test check lint lock bench bundle install
.DEFAULT_GOAL := help

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

install: $(INSTALLED) ## make the virtual environment from the lock

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 was not found; install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "$(PYTHON) is not Python 3.11; name one that is: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3.11-venv" >&2; exit 1; }

$(INSTALLED): requirements.txt requirements-dev.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED) ## start everything and play the lifecycle in three acts (REVIEW=me: you approve)
	@$(BIN)/reprise sandbox demo

down: $(INSTALLED) ## end the processes that the demo started, and no others
	@$(BIN)/reprise sandbox down

test: $(INSTALLED) ## every test, on real services, two files at a time
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint ## lint, and the tests that need no Spark, Solr or services: under a minute
	$(BIN)/pytest -m "not ($(SLOW))"

lint: $(INSTALLED) ## format, lint, types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

bench: $(INSTALLED) ## the speed figures, each a ratio measured side by side
	$(BIN)/python benchmarks/run.py

bundle: $(INSTALLED) ## what EMR needs: package, entry script, wheelhouse, bootstrap action
	$(BIN)/reprise bundle --out build/bundle

lock: $(INSTALLED) ## requirements*.txt anew from requirements*.in: every package, every hash
	for name in requirements requirements-dev requirements-emr; do \
		$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url $$name.in -o $$name.txt || exit 1; \
	done
