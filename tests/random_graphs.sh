#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Random graphs before every oracle (tests/random/README.md):
#   tests/random_graphs.sh N [--seed S] [--oracle NAME] [--reduce FOLDER]
# Without a seed, one is drawn and printed. Exit 0: nothing found; 1: something, each graph with the
# command that replays it; 2: wrong usage.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
binary=${HEDDLE_BINARY_DIR:-$root/build/release}/bin/random_graphs

usage() {
  sed -n '3,6s/^# //p' "$0" >&2
  exit 2
}

[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
count=$1
shift
case " $* " in
*" --seed"[\ =]*) ;;
*) set -- --seed "$(od -An -N7 -tu8 /dev/urandom | tr -d ' ')" "$@" ;;
esac
[[ -x $binary ]] || { echo "$binary is missing: build the target random_graphs" >&2; exit 2; }
exec "$binary" --count "$count" "$@"
