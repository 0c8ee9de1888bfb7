# make demo    record a real analysis, and print the record
# make test    run all tests
# make test-fast    test each part of the package in less than a minute; needs only the extra dev
# make mutants    put faults into conditions, and list the faults that no test finds
# make test-core    test the parts of recording that depend on the version of Python; needs only the extra dev
# make lint    run ruff and mypy
# make docs    build the documentation in docs/_build/html
# make bench   measure the costs, and a store of a million events
# make peers   run the test suites of other packages, with and without recording
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Processes of tests keep what they compile.
unexport PYTHONDONTWRITEBYTECODE

CORE := $(addprefix tests/,situations test_cannot_tell.py test_files.py test_handed_on.py \
  test_identity.py test_identity_files.py test_identity_objects.py test_identity_registry.py \
  test_identity_state.py test_main_targets.py test_reach.py test_start.py)

.PHONY: demo test test-fast test-core mutants lint docs bench peers clean

$(BIN)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

$(BIN)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[demo]"
	touch $@

# One call of pip: each one resolves all requirements.
$(BIN)/.test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[demo,test,lint]"
	touch $(BIN)/.demo $@

$(BIN)/.docs: $(BIN)/.demo
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[demo,docs]"
	touch $@

$(BIN)/.bench: $(BIN)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[demo,test,lint,bench]"
	touch $@

demo: $(BIN)/.demo
	rm -rf .demo && mkdir .demo
	$(BIN)/python examples/prepare_crab.py .demo/crab
	cd .demo && ../$(BIN)/python -m provagent run ../examples/crab.py
	cd .demo && ../$(BIN)/python -m provagent show
	cd .demo && ../$(BIN)/python -m provagent export --to json -o crab.prov.json
	cd .demo && ../$(BIN)/python -m provagent export --to provn -o crab.provn
	cd .demo && ../$(BIN)/python -m provagent export --to svg -o crab.svg
	@echo "Written in .demo: crab.prov.json, crab.provn, crab.svg"

test: $(BIN)/.test
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

# Other installed packages do no harm.
test-fast: $(BIN)/.dev
	$(BIN)/python -m pytest --fast -q -n 2 --dist worksteal

mutants: $(BIN)/.test
	$(BIN)/python tests/mutants.py $(MODULES)

# For a Python for which few packages are built.
test-core: $(BIN)/.dev
	$(BIN)/python -m pytest --may-lack -q -n 2 --dist worksteal $(CORE)

lint: $(BIN)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# -E: each page is read again, so that the tutorial is executed. A warning is an error.
docs: $(BIN)/.docs
	$(BIN)/python -m sphinx -E -b html -n -W --keep-going docs docs/_build/html

bench: $(BIN)/.bench
	$(BIN)/python bench/bench.py
	$(BIN)/python bench/store.py

peers:
	$(PYTHON) bench/peers/peers.py $(PEERS)

clean:
	rm -rf $(VENV) .demo .cache docs/_build docs/_generated
