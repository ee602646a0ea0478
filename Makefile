# Needs Python 3.11 or newer and make; everything else is installed into .venv the first time.
#   make PYTHON=/path/to/python3.12 ...    another interpreter
#   make test FAULTS=nightly               with the tests that take minutes
#   make test ARGS='-k R14'                more arguments for pytest (also: run, bench)

export PYTHON FAULTS
ARGS ?=
FUZZ ?= audience
JOBS ?= 2
BIN := .venv/bin

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check lint format-check types layers rules bench soak soak-faults fuzz format clean env-run env-dev

help:
	@echo 'make run      open the console on sample data'
	@echo 'make test     run every test'
	@echo 'make check    lint, format, types, layers and every test: what CI runs'
	@echo 'make rules    the rule book: each rule with its tests, passed or not'
	@echo 'make bench    run the benchmarks, one JSON document a line'
	@echo 'make soak     the random machine over the whole engine, for long (ARGS="--examples N --seed S")'
	@echo 'make soak-faults   random faults over whole runs, for long (ARGS="--minutes N --seed S")'
	@echo 'make fuzz     odd files for the audience reader (FUZZ=callbacks: odd bodies for the endpoint; ARGS="--minutes M")'
	@echo 'make format   format the code and mend what the linter can'
	@echo 'make clean    remove caches and built files (.venv stays)'

run: env-run
	@$(BIN)/sendoff demo $(ARGS)

# Tests of one file stay on one worker, so that module fixtures are made once.
test: env-dev
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: lint format-check types layers
	@$(MAKE) --no-print-directory test

lint: env-dev
	@echo '== lint'
	@$(BIN)/python -m ruff check

format-check: env-dev
	@echo '== format'
	@$(BIN)/python -m ruff format --check

types: env-dev
	@echo '== types'
	@$(BIN)/python -m mypy

layers: env-dev
	@echo '== layers'
	@$(BIN)/lint-imports --no-logo

rules: env-dev
	@$(BIN)/python tools/rules.py $(JOBS)

bench: env-dev
	@$(BIN)/python -m tests.bench $(ARGS)

soak: env-dev
	@$(BIN)/python -m tests.machine $(ARGS)

soak-faults: env-dev
	@$(BIN)/python -m tests.faults $(ARGS)

fuzz: env-dev
	@$(BIN)/python -m tests.fuzz $(FUZZ) $(ARGS)

format: env-dev
	@$(BIN)/python -m ruff check --fix
	@$(BIN)/python -m ruff format

clean:
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis snapshot_report.html
	@find tui store engine tests -name __pycache__ -type d -prune -exec rm -rf {} +

env-run:
	@sh tools/environment.sh run

env-dev:
	@sh tools/environment.sh dev
