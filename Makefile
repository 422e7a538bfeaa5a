PYTHON ?= python3
BIN := .venv/bin

# The demo and the tests start many processes, which need not compile the package each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo lint test test-all snapshots docs clean

# The demo works on a copy of a broken ResNet-18: the finding (exit code 1: the mistake was found), what the fix would
# change, the fix, and the fixed model at work.
demo: .venv/.installed
	@rm -rf build/demo && mkdir -p build/demo && cp fixtures/resnet18/model.py build/demo/
	$(BIN)/resnet-lint build/demo/model.py; test $$? -eq 1
	$(BIN)/resnet-lint --diff build/demo/model.py; test $$? -eq 1
	$(BIN)/resnet-lint --fix build/demo/model.py
	$(BIN)/python -W ignore fixtures/run_forward_backward.py build/demo/model.py

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Everything but the tests that have to be long: many random examples, real training, hostile files, killed processes.
test: lint
	$(BIN)/pytest -m "not slow"

# pytest comes last, so that its closing line closes the output.
test-all: lint
	$(BIN)/pytest

# Renews the expected texts of messages, reports and fixtures. Read the difference before it is committed.
snapshots: .venv/.installed
	$(BIN)/pytest --snapshot-update

# The documentation, in build/site. The commands shown in it are run, and have to print what it shows.
docs: .venv/.docs
	$(BIN)/python docs/site/console.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.venv/.docs: .venv/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

# torch goes first and alone: it is by far the largest, and a machine that has a wheel of its own for it is asked for
# nothing else. The stamp is written last, so an installation that broke off is made again.
.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is not Python 3.11 or newer; name one that is: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
