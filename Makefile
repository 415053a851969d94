# Every target does the set-up that it needs; a second run starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NODE_STAMP := contracts/node_modules/.package-lock.json

.PHONY: setup check test test-long devnet bench format artifacts lock clean

setup: $(STAMP) $(NODE_STAMP)

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(NODE_STAMP): contracts/package-lock.json
	@if command -v npm >/dev/null; then cd contracts && npm ci --ignore-scripts --loglevel=error && touch node_modules/.package-lock.json; \
	else echo "npm is absent: the embedded L1 serves instead of anvil, and contract artifacts are used as committed"; \
	mkdir -p $(dir $@) && touch $@; fi

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n auto -m "not slow" tests/architecture tests/unit tests/property

test: setup
	$(BIN)/pytest -q -n auto tests

test-long: setup
	BRAID_RANDOM_BLOCKS=5000 $(BIN)/pytest -q -n auto tests/property/test_engines_agree.py \
		tests/property/test_adversarial_schedules.py tests/vectors/test_executable_spec.py

devnet: setup
	$(BIN)/braid devnet

bench: setup
	$(BIN)/python -m bench

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

artifacts: setup
	$(BIN)/python -m contracts.build

lock: setup
	$(BIN)/pip-compile --quiet --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-trusted-host --strip-extras \
		--no-header -o requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-trusted-host --strip-extras \
		--no-header --extra dev --extra ray -o requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist *.egg-info contracts/node_modules
