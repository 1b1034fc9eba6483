#!/usr/bin/env bash
# A training run that is killed at random times and goes on: a few kills of the thousand that kill/run.sh makes. Called by
# tests/run.sh with the build folder.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
if bash tests/training/kill/run.sh 6 "$1"; then echo "ok killed runs"; else echo "not ok killed runs"; fi
