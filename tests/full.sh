#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that attacks the house, each at its small size, within an hour on two cores; one table at
# the end, the output of each part in build/full/. Exit 1 if a part fails.
#   tests/full.sh [SEED]          SEED (default: a new one, printed) is that of every random part
set -euo pipefail
cd "$(dirname "$0")/.."

seed=${1:-$((RANDOM * 32768 + RANDOM))}
jobs=${HEDDLE_BUILD_JOBS:-$(nproc)}
logs=build/full
rows=()
failed=0
rm -rf "$logs"
mkdir -p "$logs"
echo "== seed $seed"

# part NAME COUNT LIMIT COMMAND...: runs it for at most LIMIT seconds and notes a row of the table.
part() {
  local name=$1 count=$2 limit=$3 log=$logs/${1// /-}.log start=$SECONDS result=ok code=0
  shift 3
  echo "== $name: $*"
  timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 || code=$?
  if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
    result="over $limit s"
  elif [ "$code" -ne 0 ]; then
    result="failed ($code)"
  fi
  if [ "$result" != ok ]; then
    failed=1
    tail -n 20 "$log"
  fi
  rows+=("$(printf '%-22s %-26s %-12s %6d' "$name" "$count" "$result" $((SECONDS - start)))")
}

# The runtime and its tests: to build the compiler's rooms once more takes longer than the hour.
sanitized='cmake --preset "$1" -DCMAKE_UNITY_BUILD=ON ${4:+-DHEDDLE_SANITIZE=$4} &&
  cmake --build --preset "$1" -j "$2" --target $3 &&
  ctest --preset "$1" -j "$2" -R "^runtime_" --no-tests=error'
runtime_tests=$(sed -n 's/^heddle_gtest(\(runtime_[a-z_]*\).*/\1/p' tests/runtime/CMakeLists.txt)

part "suite" "every entry" 1200 tests/run.sh
part "fuzz" "every reader, 60 s" 900 tests/fuzz.sh all 60 "$seed"
part "random graphs" "1000" 900 tests/random_graphs.sh 1000 --seed "$seed"
part "crash" "100 kills, 100 signals" 600 tests/crash.sh 100 "$seed"
part "fault sweep" "every call, every fault" 600 \
  env HEDDLE_SWEEP=full ctest --preset release -R '^runtime_(checkpoint|train)_test$'
part "asan and ubsan" "the runtime's tests" 900 \
  bash -c "$sanitized" sanitized asan "$jobs" "$runtime_tests" address,undefined
part "tsan" "the runtime's tests" 900 \
  bash -c "$sanitized" sanitized tsan "$jobs" "$runtime_tests"
part "mutants" "a sample of 30" 1800 tests/mutants.sh --sample 30 --seed "$seed"

echo
printf '%-22s %-26s %-12s %6s\n' part count result seconds
printf '%s\n' "${rows[@]}"
echo "seed $seed, $SECONDS s in all"
exit "$failed"
