# Two commands: `make demo` and `make test`. PIP_ARGS goes to every pip call, PYTHON makes the virtual environment.
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
PYTEST_ARGS ?= -n 2 --dist loadgroup

# `make pynq-env` installs the real `pynq` (it needs numpy < 2: not into ours); the tests then hold the stand-in against it.
PYNQ_VENV ?= $(VENV)-pynq
A2QFLOW_PYNQ_PYTHON ?= $(wildcard $(PYNQ_VENV)/bin/python)
export A2QFLOW_PYNQ_PYTHON

# Inside the image the installed environment is used: no second virtual environment.
ifdef A2QFLOW_IMAGE
PY := python
INSTALLED :=
PEERS :=
else
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PEERS := $(VENV)/.peers
endif

.PHONY: demo test test-all lint bench install pynq-env format clean
demo: $(INSTALLED)
	$(PY) build.py

test: $(INSTALLED)
	$(PY) -m pytest -m "not slow" $(PYTEST_ARGS)

test-all: $(INSTALLED)
	$(PY) -m pytest $(PYTEST_ARGS)

lint: $(INSTALLED)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m flows.lint

# All of them take hours; BENCHMARKS=simulator runs that one.
bench: $(INSTALLED) $(PEERS)
	$(PY) -m benchmarks $(BENCHMARKS)

format: $(INSTALLED)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

install: $(INSTALLED)

pynq-env: $(PYNQ_VENV)/.installed

$(PYNQ_VENV)/.installed: tests/pynq_sim/requirements.txt
	$(PYTHON) -m venv $(PYNQ_VENV)
	$(PYNQ_VENV)/bin/python -m pip install -q $(PIP_ARGS) -r $<
	touch $@

# PyTorch first: a range that this version satisfies then installs nothing more. finn-plus pins versions that would
# replace it by an old one of several GB, and hls4ml is wanted for its headers alone: both without dependencies.
$(VENV)/.installed: requirements.txt requirements-nodeps.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q $(PIP_ARGS) torch==2.13.0
	$(VENV)/bin/python -m pip install -q $(PIP_ARGS) -r requirements.txt
	$(VENV)/bin/python -m pip install -q $(PIP_ARGS) --no-deps -r requirements-nodeps.txt
	touch $@

# What benchmarks compare with.
$(VENV)/.peers: benchmarks/requirements.txt $(INSTALLED)
	$(VENV)/bin/python -m pip install -q $(PIP_ARGS) -r $<
	touch $@

clean:
	rm -rf out .pytest_cache .mypy_cache .ruff_cache .hypothesis
