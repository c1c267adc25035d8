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
sanitized='cmake --preset "$1" -DCMAKE_UNITY_BUILD=ON && cmake --build --preset "$1" -j "$2" --target "${@:3}" &&
  ctest --preset "$1" -R "^runtime_" --no-tests=error'
runtime_tests=(runtime_io_test runtime_checkpoint_test runtime_plan_test runtime_train_test
  runtime_cli_test)

part "suite" "every entry" 1200 tests/run.sh
part "fuzz" "every reader, 60 s" 900 tests/fuzz.sh all 60 "$seed"
part "random graphs" "1000" 900 tests/random_graphs.sh 1000 --seed "$seed"
part "crash" "100 kills, 100 signals" 600 tests/crash.sh 100 "$seed"
part "fault sweep" "every call, every fault" 600 \
  env HEDDLE_SWEEP=full ctest --preset release -R '^runtime_(checkpoint|train)_test$'
for preset in asan ubsan tsan; do
  part "$preset" "the runtime's tests" 600 \
    bash -c "$sanitized" sanitized "$preset" "$jobs" "${runtime_tests[@]}"
done
part "mutants" "a sample of 40" 1500 tests/mutants.sh --sample 40 --seed "$seed"

echo
printf '%-22s %-26s %-12s %6s\n' part count result seconds
printf '%s\n' "${rows[@]}"
echo "seed $seed, $SECONDS s in all"
exit "$failed"
