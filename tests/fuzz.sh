#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes a reader (see tests/fuzz/README.md), or all of them, one a core at a time.
#   tests/fuzz.sh TARGET|all SECONDS [SEED]
# Prints what each run did and the seed it began with. Inputs that fail go to
# build/fuzz/findings/TARGET and make the exit status 1.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -lt 2 ]; then
  sed -n '3,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
exec python3 tests/fuzz/fuzz.py "$@"
