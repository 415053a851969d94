# Every target does the set-up that it needs; a second run starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGE_STAMP := $(VENV)/.package
NODE_STAMP := contracts/node_modules/.package-lock.json
VIEM_STAMP := tests/e2e/viem/node_modules/.package-lock.json
CRATE := sequencer/native
CRATE_SOURCES := $(CRATE)/Cargo.toml $(CRATE)/Cargo.lock $(shell find $(CRATE)/src -name '*.rs')
# The crate's tests run Python; the directory of its library is not always among the system's.
CARGO := PYO3_PYTHON=$(abspath $(BIN))/python \
	LD_LIBRARY_PATH=$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"):$$LD_LIBRARY_PATH cargo

.PHONY: setup check lint test test-python test-native test-pure test-long fuzz conformance devnet bench gas-table format artifacts lock clean

setup: $(STAMP) $(PACKAGE_STAMP) $(NODE_STAMP) $(VIEM_STAMP)

$(STAMP): requirements-dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# Compiles the native extension where cargo is; without it, or where it does not compile, py-evm serves.
$(PACKAGE_STAMP): $(STAMP) pyproject.toml $(CRATE_SOURCES)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -c "from sequencer.native import absence; print('native extension:', absence or 'built')"
	touch $@

$(NODE_STAMP): contracts/package-lock.json
	@if command -v npm >/dev/null; then cd contracts && npm ci --ignore-scripts --loglevel=error && touch node_modules/.package-lock.json; \
	else echo "npm is absent: the embedded L1 serves instead of anvil, and contract artifacts are used as committed"; \
	mkdir -p $(dir $@) && touch $@; fi

$(VIEM_STAMP): tests/e2e/viem/package-lock.json
	@if command -v npm >/dev/null; then cd tests/e2e/viem && npm ci --ignore-scripts --loglevel=error && touch node_modules/.package-lock.json; \
	else echo "npm is absent: the test of the bridge by viem is skipped"; mkdir -p $(dir $@) && touch $@; fi

check: lint
	$(BIN)/pytest -q -n auto -m "not slow" tests/architecture tests/unit tests/property

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v cargo >/dev/null; then cargo fmt --manifest-path $(CRATE)/Cargo.toml --check; \
	else echo "cargo is absent: the native crate is not checked"; fi

test: test-python test-native

test-python: setup
	$(BIN)/pytest -q -n auto tests

test-native: setup
	@if command -v cargo >/dev/null; then \
	$(CARGO) clippy --quiet --release --all-targets --manifest-path $(CRATE)/Cargo.toml -- -D warnings && \
	$(CARGO) test --quiet --release --manifest-path $(CRATE)/Cargo.toml; \
	else echo "cargo is absent: the native crate is not tested"; fi

# With the extension left out: what serves on a machine without cargo, where `make test` runs all of it.
test-pure: setup
	BRAID_PURE_PYTHON=1 $(BIN)/pytest -q -n auto -m "not slow" tests/unit tests/actions tests/contracts

test-long: setup
	BRAID_FAULTS=50 $(BIN)/pytest -q tests/e2e/test_fault_table.py tests/integration/test_sending_on_anvil.py
	BRAID_RANDOM_BLOCKS=5000 $(BIN)/pytest -q -n auto tests/property/test_engines_agree.py \
		tests/property/test_adversarial_schedules.py tests/vectors/test_executable_spec.py
	BRAID_BRIDGE_STORIES=300 $(BIN)/pytest -q tests/contracts/test_bridge_invariants.py
	BRAID_CONTRACT_FAULTS=all $(BIN)/pytest -q -n auto tests/contracts/test_forge.py
	FOUNDRY_OPTIMIZER=true FOUNDRY_FUZZ_RUNS=5000 FOUNDRY_INVARIANT_RUNS=300 FOUNDRY_FUZZ_SEED=$$(date +%s) \
		$(BIN)/pytest -q tests/contracts/test_forge.py::test_every_solidity_suite_passes

# Coverage-guided, on decoders of what comes from L1; a Linux machine with CPython 3.11 to 3.13.
FUZZ_SECONDS ?= 60
fuzz: setup
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	for target in frames channel batch span blob; do $(BIN)/python -m tests.fuzz $$target $(FUZZ_SECONDS) || exit 1; done

# op-node and op-geth beside us, and the bytes of op-batcher's channels; builds them from the Go module proxy the first time.
# CONFORMANCE="--seconds 10" and so on.
conformance: setup
	$(BIN)/python -m tests.conformance $(CONFORMANCE)

devnet: setup
	$(BIN)/braid devnet

bench: setup
	$(BIN)/python -m bench

format: setup
	@if command -v cargo >/dev/null; then cargo fmt --manifest-path $(CRATE)/Cargo.toml; fi
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

artifacts: setup
	$(BIN)/python -m contracts.build

# What the steps of bridging cost; a test compares it.
gas-table: setup
	$(BIN)/python -m tests.contracts.gas_table

lock: setup
	$(BIN)/pip-compile --quiet --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras \
		--no-header -o requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras \
		--no-header --extra dev --extra ray -o requirements-dev.lock pyproject.toml
	echo 'atheris==3.0.0' | $(BIN)/pip-compile --quiet --allow-unsafe --generate-hashes --no-emit-index-url \
		--no-emit-trusted-host --no-emit-find-links --strip-extras --no-header --no-annotate -o requirements-fuzz.lock -

clean:
	rm -rf $(VENV) build dist *.egg-info contracts/node_modules tests/e2e/viem/node_modules $(CRATE)/target $(CRATE)/*.so
