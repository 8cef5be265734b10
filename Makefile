# Two commands do all set-up: `make run` and `make test`. Every target first builds as much of the environment as it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check pytest fuzz demo faults acceptance bench audit sbom lock clean
.DEFAULT_GOAL := run

INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check

# The lock files name every package with its hashes and no index: pip's own configuration decides where they come from.
# This directory is installed where it is, of which setuptools warns at each time.
.venv/run: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "muniment needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements.lock
	PYTHONWARNINGS='ignore:Editable installation' $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# What only the tests and checks need.
.venv/dev: .venv/run requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

run: .venv/run
	$(BIN)/muniment serve

test: check pytest

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A process a core; a file stays in one, with the database and the server that its tests share. tests/conftest.py says
# which files begin first.
pytest: .venv/dev
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

# The suite's fuzzing with more examples of each property.
FUZZ_EXAMPLES ?= 5000
fuzz: .venv/dev
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest tests/fuzz tests/clients/test_fuzz.py tests/domain/policy/test_naive.py

demo: .venv/run
	$(BIN)/python -m tests.clients.demo

# Needs a quarter of an hour; as root it fills a small disk, too. The year is that of the suite, with more users.
faults: .venv/dev
	$(BIN)/python -m tests.failures
	YEAR_USERS=3000 $(BIN)/pytest tests/services/test_simulated_year.py

# What decisions are compared with: nothing else needs these packages.
.venv/bench: .venv/dev benchmarks/requirements.lock
	$(INSTALL) --require-hashes -r benchmarks/requirements.lock
	@touch $@

# Ansible with its collections, half a gigabyte: without it tests/clients/test_ansible.py is skipped.
.venv/ansible: .venv/dev tests/clients/requirements-ansible.lock
	$(INSTALL) --require-hashes -r tests/clients/requirements-ansible.lock
	@touch $@

# Prowler asks for other versions than ours, so it is a program in an environment of its own: 2.3 gigabytes, which take
# pip a quarter of an hour, for much of it is built here.
.venv-prowler/installed: tests/acceptance/requirements-prowler.lock
	$(PYTHON) -m venv .venv-prowler
	.venv-prowler/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

acceptance: .venv/dev .venv-prowler/installed
	$(BIN)/python -m tests.acceptance

bench: .venv/bench
	$(BIN)/python -m benchmarks

# Fails for a package with a known vulnerability, and for one of which nothing can be learnt.
audit: .venv/dev
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements-dev.lock

# What the environment is made of, with licences and who needs what, as CycloneDX JSON.
sbom: .venv/dev
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --validate \
	  --output-file sbom.cdx.json $(BIN)/python

# Needs uv on the path. Resolves for every Python and platform at once.
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
  --custom-compile-command 'make lock'
OWN := $(COMPILE) pyproject.toml
lock:
	$(OWN) --extra run --output-file requirements.lock
	$(OWN) --extra run --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	$(OWN) --extra ansible --constraint requirements-dev.lock --output-file tests/clients/requirements-ansible.lock
	$(OWN) --extra bench --constraint requirements-dev.lock --output-file benchmarks/requirements.lock
	$(COMPILE) --group prowler --output-file tests/acceptance/requirements-prowler.lock

clean:
	rm -rf .venv .venv-prowler build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache sbom.cdx.json
