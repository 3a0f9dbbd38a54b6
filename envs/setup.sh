#!/usr/bin/env bash
# Make .venv with the locked packages; where a locked file does not exist for this platform, with
# the ranges of requirements.in. The new environment is made beside the old one, which works until
# the new one is whole.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

python=$(command -v python3.11 || command -v python3 || true)
[ -n "$python" ] || { say "no python3 found. Install Python 3.11 or newer."; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "$python is $("$python" --version). Install Python 3.11 or newer."
    exit 1
}

# What Snakemake could not run in is told before anything is fetched.
PYTHONPATH=workflow/scripts "$python" -P -c '
import os, pathlib, sys
from mirage.checkout import refuse_path
from mirage.errors import MirageError
try:
    refuse_path(pathlib.Path(os.getcwd()))
except MirageError as error:
    sys.exit(f"setup: {error}")
'

if [ -L .venv ]; then
    if .venv/bin/python -c 'import snakemake, torch' 2>/dev/null; then
        say ".venv is a link; it is used as it is, and nothing is installed into it"
        exit 0
    fi
    say ".venv is a link, and there is no Python with snakemake and torch behind it. Remove the link, or mend what it leads to."
    exit 1
fi

# An earlier set-up may have been killed between the two renamings below.
if [ ! -e .venv ] && [ -e .venv.old ]; then mv .venv.old .venv; fi
rm -rf .venv.new .venv.old

make_venv() { "$python" -m venv --clear .venv.new; }
if ! told=$(make_venv 2>&1); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "this Python has no venv; installing Debian's python3-venv"
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
        make_venv
    else
        printf '%s\n' "$told" >&2
        say "could not make .venv. On Debian: sudo apt-get install python3-venv, then try again."
        exit 1
    fi
fi

lock=.venv.new/requirements.lock
log=.venv.new/pip.log
install() { .venv.new/bin/python -m pip install -q --disable-pip-version-check "$@" 2>&1 | tee "$log" >&2; }
stop() { say "$1"; say "nothing was changed; the .venv that was there, if any, is as before"; exit 1; }

# The lines of packages in the lock.
locked() { awk -v named="^($1)==" '$0 ~ named { on = 1 } on; !/\\$/ { on = 0 }' envs/requirements.lock; }

# PyTorch's builds without CUDA are other files under the same version, so the lock cannot hold them.
torch() {
    [ -n "${MIRAGE_TORCH_INDEX:-}" ] || return 0
    say "taking PyTorch from $MIRAGE_TORCH_INDEX, which no checksum of ours is known for"
    locked 'torch|torchvision' | sed -nE 's/^(torch[a-z]*==[^ ]+).*/\1/p' > .venv.new/torch.in
    install --no-deps --index-url "$MIRAGE_TORCH_INDEX" -r .venv.new/torch.in
}
if [ -n "${MIRAGE_TORCH_INDEX:-}" ]; then
    awk '/^[a-z0-9]/ { out = /^(torch|torchvision|triton)==|^(nvidia|cuda)-/ } !out' \
        envs/requirements.lock > "$lock"
else
    cp envs/requirements.lock "$lock"
fi

# uv fetches and unpacks side by side, and links files from its cache. Whatever stops it, pip tells
# better. Compiled here, as pip does: where Python may not write (an image, a container's
# PYTHONDONTWRITEBYTECODE) each start of Snakemake would compile it all anew, for some seconds.
with_uv() {
    local uv options=()
    uv=$(command -v uv || true)
    if [ -z "$uv" ]; then
        locked uv > .venv.new/uv.lock
        [ -s .venv.new/uv.lock ] || return 1
        install --no-deps -r .venv.new/uv.lock >/dev/null 2>&1 || return 1
        uv=.venv.new/bin/uv
    fi
    mapfile -t options < <(.venv.new/bin/python -m pip config list | .venv.new/bin/python -P envs/like_pip.py)
    "$uv" pip install -q --python .venv.new/bin/python --no-deps --require-hashes \
        --compile-bytecode --index-strategy unsafe-best-match "${options[@]}" -r "$lock" >"$log" 2>&1
}

say "installing the locked packages (PyTorch is large; minutes on a slow line)"
torch || stop "PyTorch could not be taken from there (see above)."
if ! with_uv; then
    say "uv, the faster installer, is not to be had or stopped; pip goes on from the beginning"
    if [ -s "$log" ]; then tail -n 3 "$log" >&2; fi
    install --no-deps -r "$lock" || refused=yes
fi
if [ "${refused:-}" = yes ]; then
    # Ranges hold no checksums, so they stand in only where the lock has no file for this platform.
    if grep -qiE 'do not match the hashes|expected sha256|hashes are required' "$log"; then
        stop "a package is not the one that was locked (see above): the download is damaged, or it was replaced. Try again, or from another index."
    elif grep -qiE 'retrying|connection|timed? ?out|name resolution|ssl|proxy|http error|no space' "$log"; then
        stop "the packages could not be fetched (see above). Try again when the network, or the disk, is there."
    elif ! grep -qiE 'no matching distribution|not a supported wheel|requires a different python' "$log"; then
        stop "pip failed (see above)."
    fi
    say "the lock has no files for this platform; installing the newest fitting versions instead"
    install -r envs/requirements.in || stop "pip failed (see above)."
fi

# Scripts of an environment name its Python by its whole path.
rm -f "$log" "$lock" .venv.new/uv.lock .venv.new/torch.in
grep -rlIF .venv.new .venv.new/bin .venv.new/pyvenv.cfg | while IFS= read -r script; do
    sed -i 's/\.venv\.new/.venv/g' "$script"
done
touch .venv.new/.ready
trap '' INT TERM HUP
if [ -e .venv ]; then mv .venv .venv.old; fi
mv .venv.new .venv
rm -rf .venv.old
say "done"
