#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the preset release from nothing and runs every test; what CI runs.
#   tests/run.sh [ctest arguments, as -R runtime]
set -euo pipefail
cd "$(dirname "$0")/.."

phase() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  "$@" || { local code=$?; echo "== $name: failed after $((SECONDS - start)) s"; exit "$code"; }
  echo "== $name: $((SECONDS - start)) s"
}

jobs=${HEDDLE_BUILD_JOBS:-$(nproc)}
phase "dependencies" tools/install_deps.sh
# From nothing, several files at a time take half as long. A tree that is there stays as it was made.
unity=()
[ -e build/release/build.ninja ] || unity=(-DCMAKE_UNITY_BUILD=ON)
phase "configure" cmake --preset release "${unity[@]}"
phase "build" cmake --build --preset release -j "$jobs"
# One more than there are cores: many tests wait for a disk or for a process that they kill.
phase "test" ctest --preset release -j "$((jobs + 1))" "$@"
# Where a part of the tests is asked for, fuzzing is none of it. One seed: a change is judged by what
# it changes.
[ $# -gt 0 ] || phase "fuzz" tests/fuzz.sh all 20 1
