#!/usr/bin/env bash
# Style, types and every test; the last line is pytest's own.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
# Safe path: no Python takes modules from the folder it is started in.
export PATH="$PWD/$bin:$PATH" OMP_NUM_THREADS=1 PYTHONSAFEPATH=1
ruff check .
ruff format --check .
mypy
snakefmt --check Snakefile workflow/rules
snakemake --lint
# In CI also on a real SLURM cluster: a smaller study. The whole demo and the drills of failures take
# an hour: make test-slurm.
slurm=()
if [ "${CI:-}" = true ] && python tests/slurm/packages.py; then
    export MIRAGE_TEST_SLURM=1
    slurm=(--ignore=tests/slurm/test_drills.py)
fi
# Two workers: one for whatever uses the whole machine, in its order, the other for unit tests.
python -m pytest --confcutdir=tests -n 2 --no-loadscope-reorder "${slurm[@]}" "$@"
