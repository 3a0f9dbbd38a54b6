# make demo: set up and run the main job.  make test: set up and pass the tests.

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test lint bench setup clean

demo: setup
	$(BIN)/snakemake
	@echo "Open results/demo/report.html in a browser."

test: setup
	bash tests/run.sh

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

bench: setup
	$(BIN)/python benchmarks/run.py

setup: .venv/.ready

.venv/.ready: envs/setup.sh envs/requirements.lock envs/requirements.in
	bash envs/setup.sh
	@touch $@

clean:
	rm -rf results .snakemake
