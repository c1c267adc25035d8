#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Plants known defects one at a time and runs the ordinary suite on each: which are caught, by what.
#   tests/mutants.sh                      all of them (tests/mutants/*.defects); exit 1 below 98 %
#   tests/mutants.sh passes pool-no-wait  those of a room, or by name; --list shows the names
#   tests/mutants.sh --sample 10 --seed 7 ten of them, the same ten for the same seed
# The copy with the defects and its build stay in build/mutants.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 tests/mutants/run_mutants.py "$@"
