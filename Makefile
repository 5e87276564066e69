# make demo   fit a real photo            make check  lint, types, the C++ core's builds, build and import of the wheel
# make test   run the whole test suite    make docs   tables and pictures of the documentation
# make viewer   check the browser viewer's sources and build its page (needs Node.js 20 or newer, or takes .venv's)
# make clean  remove what these made      make sanitize   the ops' tests with the C++ core under sanitizers
# make extras   install Open3D too (1.1 GB) and run the tests that need it
#
# Every target makes its own environment in .venv first; PYTHON names the interpreter it is made with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
INSTALL := $(PIP) install --no-input --constraint constraints.txt
DEMO := build/demo

.PHONY: demo test viewer sanitize check docs extras clean
.DELETE_ON_ERROR:

demo: $(VENV)/runtime
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@cd $(DEMO) && ../../$(BIN)/nf demo
	@echo "the photo, the run folder and the enlarged face lie in $(DEMO)"

test: $(VENV)/dev
	@$(BIN)/python -m pytest $(ARGS)

# Without network where node_modules is as the lockfile says.
viewer: $(VENV)/dev
	@PYTHON=$(BIN)/python sh .ci/viewer

# SANITIZER=thread looks for races instead of wrong addresses and undefined behaviour.
sanitize: $(VENV)/dev
	@PYTHON=$(BIN)/python SANITIZER="$(SANITIZER)" sh .ci/sanitize $(ARGS)

check: $(VENV)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --warnings --pythonpath $(BIN)/python
	@PYTHON=$(BIN)/python sh .ci/check_native
	@PIP="$(PIP)" PYTHON=$(BIN)/python sh .ci/check_wheel

docs: $(VENV)/dev
	@$(BIN)/python docs/make_tables.py
	@$(BIN)/python docs/make_pictures.py

# Open3D brings a plugin of pytest, which this version of pytest refuses.
extras: $(VENV)/dev
	@$(INSTALL) --editable '.[open3d]'
	@NF_EXTRAS=all $(BIN)/python -m pytest -p no:dash tests/geometry/test_proximity.py $(ARGS)

clean:
	rm -rf $(VENV) build dist viewer/node_modules neuralfields/ops/native/lib .pytest_cache .ruff_cache .hypothesis

# The package is installed in place, so that the sources are what runs; the two stamps say what else is there. A change
# of the requirements makes the environment anew, so that nothing stays that is no longer required.
$(VENV)/runtime: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("neuralfields needs Python 3.11 or newer, \
	$(PYTHON) is %d.%d: make PYTHON=python3.11 ..." % v[:2])'
	@echo "making the environment in $(VENV): a minute or two, once"
	@$(PYTHON) -m venv --clear $(VENV) || { echo "$(PYTHON) cannot make environments: install its venv module" \
	"(python3-venv on Debian and Ubuntu)"; exit 1; }
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/dev: $(VENV)/runtime
	@$(INSTALL) --editable '.[dev]'
	@touch $@
