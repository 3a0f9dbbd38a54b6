#!/usr/bin/env bash
# Style, types and every test; the last line is pytest's own.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
export PATH="$PWD/$bin:$PATH" OMP_NUM_THREADS=1
ruff check .
ruff format --check .
mypy
snakefmt --check Snakefile workflow/rules
snakemake --lint
python -m pytest "$@"
