# make demo | test | test-vot | lint. The first call makes .venv and installs into it; later ones
# reuse it.
# Another Python:  make PYTHON=python3.12 test

# The python3 in use where it is new enough, else a newer one beside it.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(or $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c "$(NEW_ENOUGH)" 2>/dev/null && echo $$name && break; done),python3)
endif
VERSION := $(lastword $(shell $(PYTHON) --version 2>/dev/null))

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-with-python$(basename $(VERSION))
EXTRAS := train,evaluate,openvino,quantise,onnx,cluster,supervision,vot,dev

# VOT's Python toolkit, in an environment of its own: it brings another OpenCV.
VOT_VENV := .venv-vot
VOT_STAMP := $(VOT_VENV)/.installed-with-python$(basename $(VERSION))

# make demo: the clip to follow (a file, folder, camera number or URL), the box, the result.
VIDEO ?=
BOX ?=
OUT ?= demo-out/followed.mp4

.PHONY: help demo test test-vot lint format clean
.DEFAULT_GOAL := help

help:
	@echo "make demo                            follow the target of the clip that comes with pursuit"
	@echo "make demo VIDEO=clip.mp4 BOX=x,y,w,h follow a target of yours"
	@echo "make test                            run all tests"
	@echo "make test-vot                        compare with VOT's Python toolkit, and let it run trackers"
	@echo "make lint                            style, types, layers"
	@echo "make format                          let ruff lay out the code"
	@echo "make clean                           remove .venv, .venv-vot and what the tools left"

demo: $(STAMP)
ifeq ($(strip $(VIDEO)),)
	$(BIN)/pursuit demo --out "$(OUT)"
else
	$(BIN)/pursuit track "$(VIDEO)" $(if $(BOX),--box "$(BOX)") --out "$(OUT)"
endif

test: $(STAMP)
	$(BIN)/python -m pytest

test-vot: $(STAMP) $(VOT_STAMP)
	PURSUIT_VOT_TOOLKIT="$(abspath $(VOT_VENV))" $(BIN)/python -m pytest tests/vot_toolkit

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VOT_VENV) demo-out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	rm -rf .hypothesis

# A half-made .venv, or one of another Python, has no such stamp and is made anew.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c "$(NEW_ENOUGH)" 2>/dev/null || { echo "pursuit needs Python 3.11 or newer," \
		"and $(PYTHON) is $(or $(VERSION),older or not there): install one, or name one that you have:" \
		"make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	test -e $@ || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet -e '.[$(EXTRAS)]' -c constraints.txt
	@touch $@

$(VOT_STAMP): constraints-vot.txt
	test -e $@ || $(PYTHON) -m venv --clear $(VOT_VENV)
	$(VOT_VENV)/bin/python -m pip install --quiet vot-toolkit==0.8.0 -c constraints-vot.txt
	@touch $@
