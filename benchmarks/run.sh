#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures Heddle beside its peers on this machine and prints one table.
#   benchmarks/run.sh [--rounds N] [--rows gpt2,nanogpt,decode,compile,start] [--json FILE]
# Peers are installed into build/peers, an environment of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install_deps.sh
cmake --preset release >/dev/null
cmake --build --preset release --target heddle heddle-run
if ! build/peers/bin/python -c 'import torch' 2>/dev/null; then
  echo "installing peers into build/peers" >&2
  python3 -m venv build/peers
  build/peers/bin/pip install --quiet torch numpy
fi
exec build/peers/bin/python benchmarks/compare.py "$@"
