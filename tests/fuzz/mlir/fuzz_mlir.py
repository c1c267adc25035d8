#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzzes the way of IR text through verify, passes and code generation.

    tests/fuzz/mlir/fuzz_mlir.py SECONDS [SEED] [--binary build/release/bin/fuzz_mlir]

Starts from the functions of the text tests in tests/ir and tests/passes and from tests/fuzz/regressions/
mlir; with 0 seconds it only runs those once. Findings and the grown corpus stay in build/fuzz-mlir. Exit
code 1 when something was found."""
import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
REGRESSIONS = ROOT / "tests/fuzz/regressions/mlir"
WORK = ROOT / "build/fuzz-mlir"
MAX_LENGTH = 6000  # of one input: longer ones only take longer
RSS_LIMIT_MB = 2048
TIMEOUT_SECONDS = 60  # hangs, not slowness


def seeds():
    """The functions of the text tests, each with what stands around it."""
    for room in ("ir", "passes"):
        for path in sorted((ROOT / "tests" / room).glob("*.mlir")):
            for number, part in enumerate(path.read_text().split("// -----")):
                lines = [line for line in part.splitlines() if not line.lstrip().startswith("//")]
                text = "\n".join(lines) + "\n"
                if len(text) <= MAX_LENGTH and "func" in text:
                    yield f"{room}-{path.stem}-{number}.mlir", text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int)
    parser.add_argument("seed", type=int, nargs="?", default=random.randrange(1, 1 << 31))
    parser.add_argument("--binary", default=ROOT / "build/release/bin/fuzz_mlir")
    arguments = parser.parse_args()
    start, corpus, findings, scratch = (WORK / name for name in
                                        ("start", "corpus", "findings", "scratch"))
    shutil.rmtree(scratch, ignore_errors=True)  # reproducers of what the last run refused
    for folder in (start, corpus, findings, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in seeds():
        (start / name).write_text(text)
    before = set(findings.iterdir())
    command = [arguments.binary, f"-max_len={MAX_LENGTH}", f"-rss_limit_mb={RSS_LIMIT_MB}",
               f"-timeout={TIMEOUT_SECONDS}", f"-artifact_prefix={findings}/"]
    if arguments.seconds == 0:
        command += sorted(REGRESSIONS.glob("*")) + sorted(start.iterdir())
    else:
        print(f"fuzz mlir: seed {arguments.seed}, {arguments.seconds} s", flush=True)
        command += [f"-seed={arguments.seed}", f"-max_total_time={arguments.seconds}", "-fork=1",
                    "-ignore_crashes=1", "-ignore_timeouts=1", "-ignore_ooms=1", corpus, start]
        if REGRESSIONS.is_dir():
            command.append(REGRESSIONS)
    log_path = WORK / "log"
    with open(log_path, "w") as log:
        code = subprocess.run(command, stdout=log, stderr=log,
                              env=os.environ | {"TMPDIR": str(scratch)}).returncode
    found = sorted(path.name for path in set(findings.iterdir()) - before
                   if not path.name.startswith("slow-unit"))
    tail = log_path.read_text(errors="replace").splitlines()[-3:]
    print("\n".join(tail))
    print(f"fuzz mlir: {len(found)} findings {' '.join(found[:20])}; see {log_path}")
    return 1 if found or code else 0


if __name__ == "__main__":
    sys.exit(main())
