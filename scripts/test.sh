#!/usr/bin/env bash
# Installs what is missing (scripts/setup.sh), then runs every check, build and test.
# The last line says how many tests passed and failed; the exit status is 0 only if none failed.
#
#   scripts/test.sh [cargo xtask ci options, see `cargo xtask help`]
set -euo pipefail
cd "$(dirname "$0")/.."

bash scripts/setup.sh
exec cargo xtask ci "$@"
