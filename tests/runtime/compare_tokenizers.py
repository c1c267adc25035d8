#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our tokenizers against the `tokenizers` package, line by line; by hand, as the suite needs no
Python packages (`sentencepiece` and `tokenizers` here).

    tests/runtime/compare_tokenizers.py BUILD [--lines N] [--seed S] [--kinds a,b] [--time] [--keep DIR]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "goldens"))
import tokenizer_zoo as zoo  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402


def run(program, file, text, *mode):
    done = subprocess.run([program, file, *mode], input=text, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{file}: {done.stderr.decode()}")
    return done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]


def compare(program, name, file, lines):
    """Lines are bytes; what is not UTF-8 goes to the package as U+FFFD. Returns differing lines."""
    theirs = Tokenizer.from_file(file)
    ours = run(program, file, b"".join(line + b"\n" for line in lines))
    assert len(ours) == len(lines), (name, len(ours), len(lines))
    wrong = 0
    ids = []
    for line, mine in zip(lines, ours):
        want = theirs.encode(line.decode("utf-8", "replace")).ids
        ids.append(want)
        if mine != " ".join(map(str, want)):
            wrong += 1
            if wrong <= 3:
                got = list(map(int, mine.split())) if not mine.startswith("error") else mine
                at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
                print(f"{name}: {line[:300]!r}\n  at {at} of {len(want)}: want {[theirs.id_to_token(i) for i in want[at:at + 8]]}"
                      f"\n  got {[theirs.id_to_token(i) for i in got[at:at + 8]] if isinstance(got, list) else got}")
    texts = run(program, file, "".join(" ".join(map(str, i)) + "\n" for i in ids).encode(), "--decode")
    undone = 0
    for i, text in zip(ids, texts):
        want = theirs.decode(i)
        if json.loads(text) != want:
            undone += 1
            if undone <= 3:
                print(f"{name}: decode {i[:20]}\n  want {want[:150]!r}\n  got {json.loads(text)[:150]!r}")
    print(f"{name}: {len(lines)} lines, {sum(map(len, ids))} ids: {wrong} lines differ, {undone} decoded differ", flush=True)
    return wrong + undone


def spoiled(lines, rng):
    """Some lines with bytes that are not UTF-8."""
    for line in lines:
        data = line.encode()
        if rng.random() < 0.05 and data:
            data = bytearray(data)
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(0x80, 0x100)
            data = bytes(data)
        yield data.replace(b"\n", b" ")


def measure(program, name, file, lines):
    text = b"".join(line + b"\n" for line in lines)
    theirs = Tokenizer.from_file(file)
    strings = [line.decode("utf-8", "replace") for line in lines]
    start = time.perf_counter()
    for line in strings:
        theirs.encode(line)
    rate = len(text) / (time.perf_counter() - start) / 1e6
    print(f"{name}: the package {rate:.2f} MB/s; ours {run(program, file, text, '--time')[0]}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--lines", type=int, default=20000)
    parser.add_argument("--size", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(zoo.KINDS))
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--keep")
    args = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    program = os.path.join(args.build, "bin", "tokenize_lines")
    training = zoo.Text(args.seed).lines(4000)
    text = zoo.Text(args.seed + 1000)
    lines = list(spoiled(text.lines(args.lines), text.random))
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = args.keep or folder
        for name in args.kinds.split(","):
            file = os.path.join(folder, f"{name}.tokenizer.json")
            zoo.KINDS[name](training, args.size).save(file)
            wrong += compare(program, name, file, lines)
            if args.time:
                measure(program, name, file, lines)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
