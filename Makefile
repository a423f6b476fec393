# Every target works first and alone in a fresh clone: it sets up .venv from requirements.lock, then does its work.

PYTHON := $(if $(PYTHON),$(PYTHON),$(shell \
  for python in python3 python3.13 python3.12 python3.11; do \
    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo "$$python"; break; }; \
  done))
BIN := .venv/bin
READY := .venv/.installed
ARGS ?=
PGBOUNCER := $(if $(shell PATH="$$PATH:/usr/sbin" command -v pgbouncer),--pgbouncer)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-thorough test-slow slurm-test compose-test check docs format bench quality compare parity fuzz simulate chaos chaos-short lock clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

install: $(READY) ## Set up .venv from requirements.lock; every other target does it too

demo: $(READY) ## The main job: 50 configurations of the report's network on Fashion-MNIST; again: goes on, or says it is done
	$(BIN)/hpo optimize cnn --trials 50
	$(BIN)/hpo best cnn-report

# Three at a time, as a good part of them waits for processes. ARGS=-n0 runs them one after another.
test: $(READY) ## The tests to run after each change; ARGS goes to pytest
	$(BIN)/pytest -n 3 --dist worksteal $(ARGS)

test-thorough: $(READY) ## The tests that take seconds each: whole searches, formulas of every optimizer, simulated statistics
	$(BIN)/pytest -n 3 --dist worksteal -m "thorough and not slow" $(ARGS)

slurm-test: $(READY) ## hpo fleet on a Slurm that it starts itself: as root, with Debian's slurm-wlm
	$(BIN)/pytest -n0 -m slurm tests/integration/test_slurm.py $(ARGS)

test-slow: $(READY) ## The slow tests: the suite of the databases on Debian's PostgreSQL, too
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m slow $(ARGS)

compose-test: $(READY) ## The compose file built and run by Docker, disturbed: 30 drawn, none lost (skips without an engine)
	$(BIN)/python tests/compose/run_compose.py $(ARGS)

check: $(READY) docs ## Lint, format, types, import layers, the site of the docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# NO_MKDOCS_2_WARNING: mkdocs-material's own advertisement.
docs: $(READY) ## Build the site of the docs into site/, strictly and without a network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

format: $(READY) ## Put code and prose in their format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/wrap.py

bench: $(READY) ## Measure start-up, engine, overhead, throughput, the fcnn winner anew (hours; each alone: see benchmarks/)
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.kernels
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.scored
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.overhead --scale
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.scale --status
	$(BIN)/python -m benchmarks.many_workers
	$(BIN)/python -m benchmarks.many_workers --restart
	$(BIN)/python -m benchmarks.many_workers --waiting
	$(BIN)/python -m benchmarks.many_workers --costs
	$(BIN)/python -m benchmarks.checkpoints
	$(BIN)/python -m benchmarks.throughput fcnn
	$(BIN)/python -m benchmarks.throughput cnn
	$(BIN)/python -m benchmarks.throughput cnn --space
	$(BIN)/python -m benchmarks.throughput fcnn --reach
	$(BIN)/python -m benchmarks.throughput cnn --reach
	$(BIN)/hpo optimize fcnn --trials 50 --fidelity full
	$(BIN)/python -m benchmarks.remeasure fcnn-report-full

quality: $(READY) ## How good the networks are that a search names, beside other ways to search (an hour; see benchmarks/quality)
	$(BIN)/python -m benchmarks.quality.replay
	$(BIN)/python -m benchmarks.quality.replay --tuned
	$(BIN)/python -m benchmarks.quality.replay --variants
	$(BIN)/python -m benchmarks.quality.contest

compare: $(READY) ## The report's tables and both questions answered, a page for each (hours; a second time it goes on)
	$(BIN)/hpo sweep fcnn --repeats 3
	$(BIN)/hpo optimize fcnn --space wide --trials 100 --fidelity full
	$(BIN)/hpo compare fcnn-wide-full --pairs 30
	$(BIN)/hpo report fcnn-wide-full -o fcnn.html
	$(BIN)/hpo sweep cnn --fidelity quick
	$(BIN)/hpo optimize cnn --space wide --trials 60
	$(BIN)/hpo compare cnn-wide --pairs 8
	$(BIN)/hpo report cnn-wide -o cnn.html

parity: $(READY) ## Every optimizer, loss, mask and kind of layer: the compiled loop beside Keras's own training (minutes)
	$(BIN)/python tests/unit/training/parity.py $(ARGS)

fuzz: $(READY) ## Wrong inputs of every kind, definitions that misbehave, records with wrong fields: all must be told (minutes)
	$(BIN)/python tests/fuzz/fuzz.py $(ARGS)

simulate: $(READY) ## How often the verdicts err where the truth is known (minutes); ARGS=--keep: and keep it for the docs
	$(BIN)/python tests/unit/analysis/simulate.py $(ARGS)

chaos: $(READY) ## On each database: 43 or 47 rounds of one fault, then 300 trials while everything goes wrong (some 45 minutes)
	$(BIN)/python tests/integration/rounds.py --database sqlite
	$(BIN)/python tests/integration/rounds.py --database postgresql
	$(BIN)/python tests/integration/chaos.py --database postgresql --compare $(ARGS)
	$(BIN)/python tests/integration/chaos.py --database sqlite --workers 4 --hosts 2 --compare $(ARGS)
	$(BIN)/python tests/integration/chaos.py --database postgresql --workers 4 --trials 60 --seconds 0.5 --lease 2 --kill-every 1 --plain
	$(BIN)/python tests/integration/chaos.py --database sqlite --workers 4 --hosts 2 --trials 60 --seconds 0.5 --lease 2 --kill-every 1 --plain
	$(BIN)/python tests/integration/chaos.py --database postgresql --pgbouncer --workers 4 --trials 60 --seconds 0.5 --lease 2 --kill-every 1
	$(BIN)/python tests/integration/chaos.py --database sqlite --workers 4 --hosts 2 --trials 60 --trained
	$(BIN)/python tests/integration/chaos.py --database postgresql --workers 4 --hosts 2 --trials 60 --trained

chaos-short: $(READY) ## The same in short: 60 trials of half a second, and 12 that train, through PgBouncer where it is installed
	$(BIN)/python tests/integration/chaos.py --database sqlite --workers 4 --hosts 2 --trials 60 --seconds 0.5 --lease 2 --kill-every 1 $(ARGS)
	$(BIN)/python tests/integration/chaos.py --database postgresql --workers 4 --trials 60 --seconds 0.5 --lease 2 --kill-every 1 $(ARGS)
	$(BIN)/python tests/integration/chaos.py --database postgresql --workers 4 --hosts 2 --trials 12 --beside 2 --trained $(PGBOUNCER) $(ARGS)

lock: ## Resolve requirements.lock anew (needs uv)
	$(if $(PYTHON),$(PYTHON),python3) tools/lock.py

clean: ## Remove .venv and the tools' caches; studies and fetched data stay
	rm -rf .venv site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip checks every file against the hashes of the lock; setuptools comes from there too, so nothing unlocked is fetched.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11, 3.12 or 3.13 here: install one, or name it with make PYTHON=…" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip' 2>/dev/null \
	  || { echo "$(PYTHON) comes without venv: on Debian, apt-get install python3-venv" >&2; exit 1; }
	test -x $(BIN)/pip || "$(PYTHON)" -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@
