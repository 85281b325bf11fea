# Tasks. Everything is installed into .venv from the locks in requirements/; only python3, make and git must be there.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(PYTHON) tools/bootstrap/install.py
CODE := $(wildcard src tests benchmarks tools)
BENCHMARKS := $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py))
MAKEFLAGS += --no-print-directory
# Each start of bdp takes twice as long where Python may not keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo test test-long check format bench settings lambda-costs lock clean

help: ## list these tasks
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

install: ## install what running needs into .venv
	@$(INSTALL) run

install-dev: ## install what testing and checking need as well
	@$(INSTALL) dev

demo: install ## play a day of a small company and real logs, and explain what was found
	$(BIN)/bdp demo --once

test: install-dev ## run the tests that need no outside service
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test-long: install-dev ## run the tests that take minutes
	$(BIN)/python -m pytest -m long

check: install-dev ## lint, format, types, import rules, documents
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.docs
	$(BIN)/python -m tools.settings_page --check

format: install-dev ## rewrite the code in the project's format
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: install-dev ## run each benchmark in its short form
	@set -e; for file in $(BENCHMARKS); do echo "== $$file"; $(BIN)/python $$file --quick; done

settings: install-dev ## write docs/reference/settings.md from the code
	$(BIN)/python -m tools.settings_page

lambda-costs: install-dev ## build the package of the Lambda function for costs, for arm64, in build/lambda
	$(BIN)/python -m tools.package_lambda

lock: ## choose the newest versions again and write requirements/
	@$(INSTALL) lock
	$(BIN)/python tools/lock.py

clean: ## remove .venv and every cache
	@$(INSTALL) clean
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis .coverage build dist
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
