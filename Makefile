# make demo: set up and run the main job.  make test: set up and pass the tests.

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# No Python takes modules from the folder it is started in.
export PYTHONSAFEPATH := 1

.PHONY: demo test test-slurm mutants lint schema bench setup clean

demo: setup
	$(BIN)/snakemake --config most_seeds=2 -- tables/table1.csv
	@echo "A first Table 1, of two seeds: results/demo/tables/table1.html. All eight follow."
	$(BIN)/snakemake
	@echo "Open results/demo/report.html in a browser."

test: setup
	bash tests/run.sh

# The whole demo on a real SLURM cluster, brought up here; installs Debian's SLURM if root.
test-slurm: setup
	$(BIN)/python tests/slurm/packages.py
	OMP_NUM_THREADS=1 MIRAGE_TEST_SLURM=full $(BIN)/python -m pytest -s tests/slurm

# Small bugs, one at a time, in a copy: which do the tests not notice? Opt-in, some 20 s each.
# BASE=commit (what counts as unchanged), FILES="paths", NAMED=1 (the known bugs), COUNT, SEED.
COUNT ?= 40
SEED ?= 0
mutants: setup
	PYTHONPATH=tests $(BIN)/python -m mutants --count $(COUNT) --seed $(SEED) \
		$(if $(BASE),--base $(BASE)) $(if $(FILES),--files $(FILES)) $(if $(NAMED),--named)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

# What editors know of config.yaml, made anew from the types of its sections.
schema: setup
	PYTHONPATH=workflow/scripts $(BIN)/python -m mirage.study.schema \
		workflow/schemas/config.schema.yaml

bench: setup
	$(BIN)/python benchmarks/run.py

setup: .venv/.ready

.venv/.ready: envs/setup.sh envs/requirements.lock envs/requirements.in
	bash envs/setup.sh

clean:
	rm -rf results .snakemake
