# Two commands do all set-up: `make run` and `make test`. Every target builds the environment first if it has to.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check pytest fuzz demo faults bench audit sbom lock clean
.DEFAULT_GOAL := run

# The lock file names every package with its hashes and no index: pip's own configuration decides where they come from.
.venv: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "muniment needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv

run: .venv
	$(BIN)/muniment serve

test: check pytest

check: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A process a core; a file stays in one, with the database and the server that its tests share. tests/conftest.py says
# which files begin first.
pytest: .venv
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

# The suite's fuzzing with more examples of each property.
FUZZ_EXAMPLES ?= 5000
fuzz: .venv
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest tests/fuzz tests/clients/test_fuzz.py tests/domain/policy/test_naive.py

demo: .venv
	$(BIN)/python -m tests.clients.demo

# Needs ten minutes; as root it fills a small disk, too.
faults: .venv
	$(BIN)/python -m tests.failures

# What decisions are compared with: nothing else needs these packages.
.venv/bench: .venv benchmarks/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	@touch .venv/bench

bench: .venv/bench
	$(BIN)/python -m benchmarks

# Fails for a package with a known vulnerability, and for one of which nothing can be learnt.
audit: .venv
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

# What the environment is made of, with licences and who needs what, as CycloneDX JSON.
sbom: .venv
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --validate \
	  --output-file sbom.cdx.json $(BIN)/python

# Needs uv on the path. Resolves for every Python and platform at once.
lock:
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml
	uv pip compile --universal --python-version 3.11 --extra bench --constraint requirements.lock --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	  --output-file benchmarks/requirements.lock pyproject.toml

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache sbom.cdx.json
