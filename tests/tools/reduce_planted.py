#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants failures in real graphs, reduces each with heddle-reduce, and says how many ops are left.

    HEDDLE_BIN_DIR=build/release/bin tests/tools/reduce_planted.py COUNT [SEED]

A failure happens in a graph that holds one, two or three chosen kinds of op. Exit code 1 when a reduced
module does not fail as planted, or the median is above 10 ops."""
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"]).resolve()
MODELS = pathlib.Path(__file__).resolve().parent / "Inputs"
STAGES = ["builder", "fused", "differentiated", "optimized", "kernels"]
KINDS = ["fail", "error", "segv", "abort", "invalid"]
MEDIAN = 10


def graph(model, stage, folder):
    """The module of a stage of training, and the kinds of op in it."""
    path = folder / f"{model.stem}-{stage}.mlir"
    if not path.exists():
        with open(path, "w") as out:
            subprocess.run([BIN / "heddle", "compile", model, "--train", "--seq", "8", "--emit", stage],
                           stdout=out, stderr=subprocess.DEVNULL, check=True)
    ops = set(re.findall(r"= (heddle\.\w+)", path.read_text()))
    return path, sorted(ops - {"heddle.kernel"})


def reduce(choose, folder):
    """(ops left, ops before, runs, the failure) of one planted failure"""
    model = choose.choice(sorted(MODELS.glob("tiny-*.textproto")))
    path, ops = graph(model, choose.choice(STAGES), folder)
    when = "+".join(choose.sample(ops, choose.randint(1, 3)))
    fault = f"--heddle-test-fault=kind={choose.choice(KINDS)} when={when}"
    small = folder / "small.mlir"
    result = subprocess.run([BIN / "heddle-reduce", path, "-o", small, "--timeout", "60", "--test",
                             f"'{BIN}/heddle-test-opt' '{fault}' FILE"], capture_output=True, text=True)
    sizes = re.search(r"(\d+) ops of (\d+) are left, after (\d+) runs", result.stderr)
    if result.returncode != 0 or not sizes:
        sys.exit(f"{path.stem} {fault}: {result.stderr}")
    again = subprocess.run([BIN / "heddle-test-opt", fault, small], capture_output=True)
    if again.returncode == 0:
        sys.exit(f"{path.stem} {fault}: the reduced module does not fail")
    return *map(int, sizes.groups()), f"{path.stem} {fault}"


def main():
    count = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    left = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(count):
            ops, before, runs, failure = reduce(choose, pathlib.Path(folder))
            print(f"{ops:4} of {before:5} ops left, {runs:4} runs: {failure}", flush=True)
            left.append(ops)
    print(f"{count} planted failures: median {statistics.median(left)} ops, most {max(left)}")
    return 0 if statistics.median(left) <= MEDIAN else 1


if __name__ == "__main__":
    sys.exit(main())
