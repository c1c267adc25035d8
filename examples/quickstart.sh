#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 to a trained model in one command: installs what is missing, builds, compiles
# a small GPT, trains it on the licence texts that every Debian carries, and lets it write.
#   examples/quickstart.sh [STEPS]        (default 1000, a few minutes on two cores)
set -euo pipefail
cd "$(dirname "$0")/.."
steps=${1:-1000}
work=build/quickstart

tools/install_deps.sh
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release --target heddle heddle-run
heddle=build/release/bin/heddle

rm -rf "$work"
mkdir -p "$work"
find /usr/share/common-licenses -type f | sort | xargs cat >"$work/licences.txt"

echo "== training on $(wc -c <"$work/licences.txt") bytes of licence texts"
"$heddle" train examples/nanogpt.textproto --data "$work/licences.txt" --tokenizer char \
  --out "$work/run" --steps "$steps" --lr 1e-3 --min-lr 1e-4 --warmup-steps "$((steps / 10))" \
  --lr-decay-steps "$steps" --beta2 0.99 --val-split 0.1 --eval-interval "$((steps / 4))" --eval-iters 20 \
  --log "$work/log.jsonl"

echo "== what was fused"
"$heddle" inspect "$work/run" --fusions --train

echo "== the model writes 200 characters"
"$heddle" generate "$work/run" --prompt "The license " --max-new-tokens 200 --temperature 0.8 \
  --top-k 40 --seed 1

"$heddle" compile "$work/run" --train -o "$work/model.heddle" --dump-dir "$work/ir"
echo "== the graph at every stage, kernels and memory plan: $work/ir"
echo "== the compiled training graph: $work/model.heddle (run it with heddle-run)"
