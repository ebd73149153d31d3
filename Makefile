# Every target makes what it needs: a fresh clone needs Python 3.11+, git and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COLLECTION ?=
DEMO := .demo/collection

.PHONY: install demo test test-slow test-ocr test-faults test-browser check bench ui clean

install: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ragapp needs Python 3.11 or newer; name one with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/python sample_corpus/demo.py --collection $(DEMO)

test: $(STAMP)
	$(BIN)/python -m pytest

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

test-ocr: $(STAMP)
	$(BIN)/python -m pip install --quiet --editable '.[dev,ocr]'
	$(BIN)/python -m pytest -n 0 -m 'slow or not slow' tests/unit/test_ocr.py

test-faults: $(STAMP)
	$(BIN)/python -m pytest -n 0 -m 'slow or not slow' tests/faults

test-browser: $(STAMP)
	$(BIN)/python -m pytest -m browser tests/browser

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/architecture

bench: $(STAMP)
	$(BIN)/python bench/startup.py

ui: $(STAMP)
	$(BIN)/ragapp ui $(if $(COLLECTION),--collection $(COLLECTION))

clean:
	rm -rf $(VENV) .demo build dist *.egg-info
