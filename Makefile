# vprog: `make demo` and `make test` do all the set-up on a machine with Python 3.11 and make.
PYTHON ?= python3.11
# Installed first and alone: a resolver that meets torch among other packages takes gigabytes of CUDA.
TORCH := 2.13.0
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test check format docs clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml Makefile
	@command -v $(PYTHON) >/dev/null || { echo "need $(PYTHON); set PYTHON=... to another Python >= 3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check torch==$(TORCH)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(BIN)/vprog demo

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_imports.py

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	$(BIN)/python bench/screenshot.py

clean:
	rm -rf $(VENV) runs
