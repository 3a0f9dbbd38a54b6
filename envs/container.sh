#!/bin/sh
# What both recipes run in a bare Debian 12 (mirage.def for Apptainer, Dockerfile for Docker):
#   container.sh requirements.lock
# Afterwards /opt/mirage/bin holds python, snakemake and everything they need, for any user.
set -eu
umask 022
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends ca-certificates make python3 python3-venv
rm -rf /var/lib/apt/lists/*
python3 -m venv /opt/mirage
/opt/mirage/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --requirement "$1"
