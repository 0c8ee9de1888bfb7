# make demo    a real analysis, recorded, and its story
# make test    every test; make test-fast those that need no analysis
# make lint    ruff and mypy
# make docs    the documentation as a site, in docs/_build/html
# make bench   what it costs, beside its peers, and the store of a million events
# make peers   the test suites of other packages, bare and traced, test for test
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-fast lint docs bench peers clean

$(BIN)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[demo]"
	touch $@

$(BIN)/.test: $(BIN)/.demo
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[demo,test,lint]"
	touch $@

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
	$(BIN)/python -m pytest -n 2 $(TESTS)

test-fast: $(BIN)/.test
	$(BIN)/python -m pytest -n 2 -m "not gammapy" $(TESTS)

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
