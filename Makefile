# `make verify` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.docs-installed

.PHONY: install verify test slow walkthroughs mutants lint format record docs clean benchmarks

install: $(INSTALLED)

verify: $(INSTALLED)
	$(BIN)/cgro verify all --profile quick --out results; code=$$?; \
	$(BIN)/cgro report results --out results/report.html && exit $$code

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist loadfile

# Runs docs/walkthroughs.md as it stands, each of its goals in a new clone, and says how long it took.
walkthroughs: $(INSTALLED)
	$(BIN)/python -m pytest -m slow -s tests/test_walkthroughs.py

slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

# Plants single changes in the code, one at a time, and counts those that the fast tests notice; goes on where it stopped.
mutants: $(INSTALLED)
	OMP_NUM_THREADS=1 PYTHONPATH=tests nice -n 15 $(BIN)/python -m mutants

# One table of times, ratios and memory, compared with the last recorded one, which it replaces.
benchmarks: $(INSTALLED)
	$(BIN)/python -m benchmarks

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Make this run's results the recorded ones, from which parts of README.md, docs/results.md and paper_map.md are generated.
record: verify
	rm -f verification/recorded/*
	cp results/*.json results/*.png verification/recorded/
	$(BIN)/cgro paper-map

# The documentation site, in site/index.html: fails on a broken link, a formula that cannot be set, or anything loaded from elsewhere.
docs: $(DOCS_INSTALLED)
	rm -rf site
	$(BIN)/python -m sphinx -q -E -W --keep-going -c docs/site -d build/doctrees . site
	@echo "open site/index.html"

$(DOCS_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

$(INSTALLED): pyproject.toml setup.py constraints.txt
	@echo "installing the versions of constraints.txt into $(VENV): a few minutes, 1.7 GB"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) results site build dist *.egg-info
