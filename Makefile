# The two commands are `make serve` and `make test`; `make help` lists the rest.
# A step is done again only when what it is made from has changed: its stamp says when it was done.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

MACHINE_PATH := $(PATH)
# Nothing is activated: the environment's tools come first for every command below.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONPATH := $(CURDIR)
export NO_MKDOCS_2_WARNING := 1

PY := .venv/bin/python
PYTEST := $(PY) -m pytest --quiet
READY := .venv/.python-ready .venv/.node-ready
PLAYER := docs/assets/player/player.js
RUNTIME := docs/assets/runtime/manifest.json
SITE := site/index.html

# What each is made from. Folders count too, since a file that goes changes only its folder.
files = $(shell find $(wildcard $(1)) \( -name __pycache__ -o -path docs/assets/player \
    -o -path docs/assets/runtime \) -prune -o -print)
PLAYER_SOURCES = $(call files,embed/player)
RUNTIME_SOURCES = $(call files,simulations embed/player embed/runtime.* embed/bytecode.py pyproject.toml)
SITE_SOURCES = $(wildcard embed/*.py tests/reality/published.json) \
    $(call files,docs simulations seeds includes overrides mkdocs.yml tests/reality/divergences)

.PHONY: help setup serve site test reality bench new lock clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## Install everything that the other commands need

serve: $(SITE) ## Serve the site here, rebuilt as you write (PORT=8000)
	@$(PY) -m embed.serve

site: $(SITE) ## Build the static site into site/

# Cheap first. What is heavy on its own runs alone, so that nothing times out for lack of a core.
test: $(READY) ## Run every test
	@$(PY) -m tests.install
	ruff check --quiet .
	ruff format --check --quiet .
	tsc --noEmit --project embed/player
	@$(MAKE) site
	$(PYTEST) -n 2 --dist loadfile --ignore tests/browser --ignore tests/reality
	$(PYTEST) tests/browser
	$(PYTEST) -n 2 --dist loadfile tests/reality

reality: $(READY) ## Compare N new random schedules an engine and level with the real databases (N=10000, SEED=)
	@$(PY) -m tests.install
	REALITY_SCHEDULES=$(or $(N),10000) \
	    REALITY_SEED=$(or $(SEED),$$($(PY) -c 'import secrets; print(secrets.randbits(48))')) \
	    $(PYTEST) -n 2 --dist loadfile tests/reality -k random
	@$(PY) -m tests.reality.publish

bench: $(SITE) ## Measure the budgets; keep them in benchmarks/RESULTS.md
	@$(PY) -m benchmarks

new: $(READY) ## Start a simulation from the template: NAME=my_simulation
	@$(PY) -m embed.new "$(NAME)"

lock: $(READY) ## Compile the requirements anew from pyproject.toml
	@$(PY) -m venv build/lock && build/lock/bin/pip install --quiet uv
	@lock() { out=$$1; shift; build/lock/bin/uv pip compile pyproject.toml "$$@" --output-file $$out \
	    --quiet --upgrade --universal --python-version 3.12 --generate-hashes --strip-extras \
	    --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"; } \
	&& lock requirements.txt --group site --group build --group test \
	&& lock requirements-node.txt --group node
	@npm update --save --no-audit

clean: ## Remove all that was built; keep what was downloaded
	rm -rf site build dist .cache docs/assets/player docs/assets/runtime .pytest_cache .ruff_cache
	find simulations embed tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(SITE): $(READY) $(PLAYER) $(RUNTIME) $(SITE_SOURCES)
	@echo "Building the site."
	@$(PY) -m mkdocs build --strict --quiet

$(PLAYER): .venv/.node-ready $(PLAYER_SOURCES)
	@node embed/player/build.mjs

$(RUNTIME): $(READY) $(RUNTIME_SOURCES)
	@$(PY) -m embed.runtime
	@touch $@

# The environment. PYTHON=... chooses the interpreter; otherwise the first that is new enough.
$(PY):
	@PATH="$(MACHINE_PATH)"; for python in $(PYTHON) python3.13 python3.14 python3.12 python python3; do \
	    "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null \
	        || continue; \
	    echo "Making .venv with $$("$$python" --version)."; \
	    exec "$$python" -m venv --clear .venv; \
	done; \
	echo "No Python 3.12 or newer with its venv module was found:" \
	    "install Python 3.13 (on Debian and Ubuntu also python3-venv), or say PYTHON=/path/to/python." >&2; \
	exit 1

.venv/.python-ready: requirements.txt | $(PY)
	@cmp -s $< $@ || { echo "Installing the Python packages of $<."; \
	    $(PY) -m pip install --quiet --require-hashes --disable-pip-version-check -r $<; }
	@cp $< $@

# The machine's Node if it is 20 or newer, else the one that PyPI carries.
.venv/.node-ready: package-lock.json package.json .npmrc requirements-node.txt .venv/.python-ready
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || { \
	    echo "Installing Node of requirements-node.txt."; \
	    $(PY) -m pip install --quiet --require-hashes --disable-pip-version-check \
	        -r requirements-node.txt; }
	@cmp -s $< $@ && test -d node_modules || { echo "Installing the Node packages of $<."; \
	    npm ci --loglevel=error; }
	@cp $< $@
