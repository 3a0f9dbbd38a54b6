#!/usr/bin/env bash
# Make .venv with the locked packages; where a locked file does not exist for this platform, with
# the ranges of requirements.in.
set -euo pipefail
export PYTHONSAFEPATH=1  # no module is taken from the current folder
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

python=$(command -v python3.11 || command -v python3 || true)
[ -n "$python" ] || { say "no python3 found. Install Python 3.11 or newer."; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "$python is $("$python" --version). Install Python 3.11 or newer."
    exit 1
}

make_venv() { "$python" -m venv --clear .venv; }
if ! make_venv 2>/tmp/mirage-venv.$$; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "this Python has no venv; installing Debian's python3-venv"
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
        make_venv
    else
        cat /tmp/mirage-venv.$$ >&2
        say "could not make .venv. On Debian: sudo apt-get install python3-venv, then try again."
        exit 1
    fi
fi
rm -f /tmp/mirage-venv.$$

say "installing the locked packages (PyTorch is large; minutes on a slow line)"
if ! .venv/bin/python -m pip install -q --disable-pip-version-check -r envs/requirements.lock; then
    say "the lock does not fit this platform; installing the newest fitting versions instead"
    .venv/bin/python -m pip install -q --disable-pip-version-check -r envs/requirements.in
fi
say "done"
