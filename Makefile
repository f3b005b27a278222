# One command each. All of them make .venv with the tested set of packages first.
#
# On Linux, PyPI's torch brings CUDA along (several GB). For a machine without a GPU:
#   make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"

VENV := .venv
BIN := $(VENV)/bin
# The package alone, and with all that tests and checks need.
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
# The page in the browser has an environment of its own: Gradio wants an older Pillow than the tested set has.
DEMO_VENV := .venv-demo
DEMO_READY := $(DEMO_VENV)/.ready
PIP_ARGS ?=

# Constraints hold in the isolated environment of the build too; older and newer pips read different variables.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Modules are compiled, and kept, when the first of the many processes of tests imports them; half of those installed never are.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test commands page-ready test-page check fix docs linkcheck notebooks figures tables wheel clean

demo: $(INSTALLED)
	@$(BIN)/udsd deblur examples/page_blurred.png -o demo_output/page_restored.png --overwrite
	@$(BIN)/udsd compare examples/page_blurred.png -o demo_output/before_after.png --overwrite > /dev/null
	@echo "The restored page: $(CURDIR)/demo_output/page_restored.png"
	@echo "Before and after:  $(CURDIR)/demo_output/before_after.png"

# A process for each core, whose networks compute with one thread: most tests have no use for more. Each takes tests that lie
# together, which have fixtures in common, until it takes over some of another's.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n logical --dist worksteal

# What README and docs tell to do, those commands too that make test leaves out for they take their time.
commands: $(READY)
	UDSD_COMMANDS=all $(BIN)/python -m pytest -q tests/documents

page-ready: $(DEMO_READY)

test-page: page-ready
	OMP_NUM_THREADS=1 $(DEMO_VENV)/bin/python -m pytest -q -n logical --dist worksteal tests/serving

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "The documentation: $(CURDIR)/docs/_build/html/index.html"

# Links to other sites too, which takes a connection; those within the site are checked by docs.
linkcheck: $(READY)
	$(BIN)/python -m sphinx -q -b linkcheck docs docs/_build/linkcheck

notebooks: $(READY)
	$(BIN)/python examples/run_notebooks.py -o notebook_output

# PAGES=DIR FACES=DIR VGG=FILE PEER=NAME=FILE; FIGURES_ARGS for all else (docs/figures.md).
figures: $(READY)
	$(BIN)/python benchmarks/figures.py $(if $(PAGES),--pages "$(PAGES)") $(if $(FACES),--faces "$(FACES)") \
		$(if $(VGG),--vgg-weights "$(VGG)") $(if $(PEER),--peer "$(PEER)") $(FIGURES_ARGS)

tables: $(READY)
	$(BIN)/python benchmarks/figures.py --tables

wheel: $(READY)
	$(BIN)/python -m pip wheel -q --no-deps -w dist .

$(INSTALLED): pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install -q --no-compile $(PIP_ARGS) -e .
	@touch $(INSTALLED)

$(READY): $(INSTALLED)
	$(BIN)/python -m pip install -q --no-compile $(PIP_ARGS) -e '.[dev]'
	@touch $(READY)

$(DEMO_READY): export PIP_CONSTRAINT := $(CURDIR)/constraints-demo.txt
$(DEMO_READY): pyproject.toml constraints-demo.txt
	python3 -m venv $(DEMO_VENV)
	$(DEMO_VENV)/bin/python -m pip install -q --no-compile $(PIP_ARGS) -e '.[demo,pdf,video]' pytest pytest-xdist selenium
	@touch $(DEMO_READY)

clean:
	rm -rf $(VENV) $(DEMO_VENV) dist demo_output notebook_output docs/_build
