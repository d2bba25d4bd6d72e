# The commands of the README: `make demo`, `make test`, `make bench`. All make .venv first.
PYTHON ?= python3
RUNS ?= runs
DATA ?= ../shared/data
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-clients bench check help clean

help:
	@echo "make demo   install, fetch the small model, run experiments/demo.yaml (about 10 minutes after the install)"
	@echo "make test   install, fetch the built-in models, run the tests"
	@echo "make test-clients  install the clients of search stacks and Playwright, run the tests that need them"
	@echo "make bench  install the rivals, measure the engine beside them (about 70 minutes), write docs/results/engine.*"
	@echo "make check  ruff, mypy, import-linter"

# torch first and alone: then nothing else can pull in another build of it.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) "$$(grep '^torch==' constraints.txt)"
	$(INSTALL) -e '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/darl run experiments/demo.yaml --out $(RUNS)/demo --resume

test: $(VENV)/.installed
	$(BIN)/darl models pull minilm-l6 smollm2-135m
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-clients: $(VENV)/.installed
	$(INSTALL) -e '.[clients]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/serve/test_clients.py tests/serve/test_browser.py \
		tests/serve/test_server.py

bench: $(VENV)/.installed
	$(INSTALL) -e '.[bench]'
	$(BIN)/darl models pull smollm2-135m
	$(BIN)/python -m benchmarks.engine --data $(DATA) --out docs/results $(BENCH)

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(RUNS)/demo
