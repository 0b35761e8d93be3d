# Two commands: `make demo` and `make test`.  Beyond Python >= 3.11 they need a C++ compiler and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: help demo test long-test check tools check-rtl rtl docs boards pictures benchmark clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1 \t/p' Makefile | expand -t 12

demo: $(VENV)/installed-demo ## generate, simulate, place and route the digits network
	$(BIN)/amos-hdl run models/digits.yaml

test: $(VENV)/installed-dev check check-rtl docs ## lint, types, walls of the house, committed Verilog, docs, all tests
	$(BIN)/python -m pytest --numprocesses 2

long-test: $(VENV)/installed-dev ## 200 random networks, simulated
	$(BIN)/python -m tests.testbenches.many --networks 200

check: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Everything in rtl_out/ must be what the generator writes, byte for byte.
check-rtl: $(VENV)/installed-dev ## check that rtl_out/ is what the generator writes
	@for folder in rtl_out/*/; do name=$$(basename $$folder); \
	  $(BIN)/amos-hdl generate $$name --rtl build/check-rtl/$$name || exit; \
	  diff -r build/check-rtl/$$name rtl_out/$$name || { echo "rtl_out/$$name is not what 'make rtl' writes"; exit 1; }; \
	done; rm -r build/check-rtl

rtl: $(VENV)/installed-demo ## write rtl_out/ again
	@for folder in rtl_out/*/; do $(BIN)/amos-hdl generate $$(basename $$folder) || exit; done

boards: $(VENV)/installed-dev ## make the digits' bitstreams of all boards, the figures of docs/boards.md
	@for board in icebreaker ulx3s-85f orangecrab-85f tangnano9k; do \
	  $(BIN)/amos-hdl board digits --board $$board || exit; done

docs: $(VENV)/installed-dev ## build the documentation, warnings as errors, into build/docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

pictures: $(VENV)/installed-dev ## draw the pictures of the README again
	$(BIN)/python docs/pictures.py

benchmark: $(VENV)/installed-dev ## print the figures of benchmarks/README.md
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/estimates.py
	$(BIN)/python benchmarks/streams.py
	$(BIN)/python benchmarks/golden.py
	$(BIN)/python benchmarks/unit_cost.py

# Says what is missing before anything is downloaded.
tools:
	@command -v $(PYTHON) >/dev/null || { echo "missing: $(PYTHON) (Python >= 3.11); set PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "too old: $$($(PYTHON) --version), Python >= 3.11 is needed; set PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "missing: Python's venv (Debian: apt install python3-venv)"; exit 2; }
	@for tool in c++ ar; do command -v $$tool >/dev/null || \
	  { echo "missing: $$tool, which simulations are built with (Debian: apt install g++ make)"; exit 2; }; done
	@case "$(CURDIR)" in *\ *) echo "this folder has a space in its path, which make cannot build in: $(CURDIR)"; exit 2;; esac

$(VENV)/bin/python: | tools
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-demo: pyproject.toml constraints.txt | tools $(VENV)/bin/python
	$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | tools $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/installed-demo

clean: ## remove what can be made again
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
