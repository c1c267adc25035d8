#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds fuzz targets and runs them; tests/fuzz.sh says how it is called.

A target is a folder of tests/fuzz/corpus. What a run adds to its corpus stays in
build/fuzz/corpus, so that longer runs go on where earlier ones ended.
"""

import base64
import gzip
import os
import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
HERE = os.path.join(ROOT, "tests", "fuzz")
BUILD = os.path.join(ROOT, "build", "fuzz")

# The heap of one input is limited more tightly, by Harness.h. This is the process with its shadow
# memory, its corpus and the sanitizer's quarantine.
RSS_LIMIT_MB = 768
# Hangs, not slowness: a busy machine may take its time.
TIMEOUT_SECONDS = 20
MAX_LENGTH = 1 << 14
MOST_SHOWN = 4096  # bytes of a packed input that are printed

ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=16:detect_stack_use_after_return=1:"
                    "allocator_may_return_null=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def targets():
    return sorted(os.listdir(os.path.join(HERE, "corpus"))) + ["mlir"]


def build(names):
    """All but `mlir`, which is part of the ordinary build."""
    names = [name for name in names if name != "mlir"]
    os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
    with open(os.path.join(ROOT, "build", "fuzz.log"), "w") as log:
        steps = [] if os.path.exists(os.path.join(BUILD, "build.ninja")) else [
            ["cmake", "--preset", "fuzz", "-DCMAKE_UNITY_BUILD=ON"]]
        jobs = os.environ.get("HEDDLE_BUILD_JOBS", str(os.cpu_count()))
        if names:
            steps.append(["cmake", "--build", "--preset", "fuzz", "-j", jobs, "--target"]
                         + [f"fuzz_{name}" for name in names])
        for step in steps:
            if subprocess.run(step, cwd=ROOT, stdout=log, stderr=log).returncode != 0:
                sys.exit(f"fuzz: cannot build, see {log.name}")


def run(name, seconds, seed):
    """(the line to print, whether nothing was found)"""
    if name == "mlir":
        done = subprocess.run([sys.executable, os.path.join(HERE, "mlir", "fuzz_mlir.py"),
                               str(seconds), str(seed)], stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()[-1], done.returncode == 0
    findings, corpus = (os.path.join(BUILD, kind, name) for kind in ("findings", "corpus"))
    os.makedirs(findings, exist_ok=True)
    os.makedirs(corpus, exist_ok=True)
    before = set(os.listdir(findings))
    command = [os.path.join(BUILD, "bin", f"fuzz_{name}"),
               f"-max_total_time={seconds}", f"-seed={seed}", f"-rss_limit_mb={RSS_LIMIT_MB}",
               f"-timeout={TIMEOUT_SECONDS}", f"-max_len={MAX_LENGTH}",
               f"-artifact_prefix={findings}/", "-print_final_stats=1", "-use_value_profile=1",
               corpus]
    command += [folder for folder in (os.path.join(HERE, kind, name)
                                      for kind in ("corpus", "regressions"))
                if os.path.isdir(folder)]
    dictionary = os.path.join(HERE, f"{name}.dict")
    if os.path.exists(dictionary):
        command.insert(1, f"-dict={dictionary}")
    path = findings + ".log"
    with open(path, "w") as log:
        code = subprocess.run(command, env=os.environ | ENVIRONMENT, cwd=ROOT, stdout=log,
                              stderr=log).returncode
    with open(path, errors="replace") as log:
        text = log.read()
    executions = re.search(r"number_of_executed_units: +(\d+)", text)
    coverage = re.findall(r"cov: (\d+)", text)
    peak = re.search(r"peak_rss_mb: +(\d+)", text)
    new = sorted(f for f in set(os.listdir(findings)) - before if not f.startswith("slow-unit"))
    good = code == 0 and not new
    shown = lambda match: f"{int(match.group(1)):,}" if match else "?"
    line = (f"fuzz {name}: seed {seed}, {seconds} s, {shown(executions)} executions, coverage "
            f"{coverage[-1] if coverage else '?'}, {shown(peak)} MB: "
            + ("nothing found" if good else f"FOUND, see {path}"))
    for reason in re.findall(r"^(?:fuzz: |.*ERROR: |SUMMARY: ).*", text, re.MULTILINE)[:4]:
        line += f"\n  {reason}"
    for finding in new:
        line += f"\n  again: {os.path.relpath(command[0])} {os.path.relpath(findings)}/{finding}"
        line += encoded(os.path.join(findings, finding))
    return line, good


def encoded(path):
    """The input itself, for whoever has the output of a run and not its machine."""
    with open(path, "rb") as file:
        content = gzip.compress(file.read(), mtime=0)
    if len(content) > MOST_SHOWN:
        return ""
    return f"\n  its input: base64 -d <<< {base64.b64encode(content).decode()} | gzip -d"


def usage(problem):
    print(f"fuzz: {problem}\nusage: tests/fuzz.sh TARGET|all SECONDS [SEED]", file=sys.stderr)
    sys.exit(2)


def main():
    if len(sys.argv) not in (3, 4) or not all(a.isdigit() for a in sys.argv[2:]):
        usage("expected a target, seconds and perhaps a seed")
    names = targets() if sys.argv[1] == "all" else [sys.argv[1]]
    if names[0] not in targets():
        usage(f"no target {names[0]}; there are {', '.join(targets())}")
    seconds = int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1, 1 << 32)
    build(names)
    good = True
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for line, fine in pool.map(lambda name: run(name, seconds, seed), names):
            print(line, flush=True)
            good &= fine
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
