#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants defects of the tables, all at once, in a copy of the tree, builds it once, and asks for each
whether the ordinary suite notices. Called by tests/mutants.sh, which has the usage."""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import plant
import suite

WORK = plant.ROOT / "build/mutants"
TREE = WORK / "tree"
BUILD = TREE / "build/release"
NEEDED = 0.98


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tests/mutants.sh", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="ROOM|NAME",
                        help="only the defects of these rooms or names")
    parser.add_argument("--sample", type=int, metavar="N", help="only N of them, drawn by the seed")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32),
                        help="the seed of --sample (default: a new one, printed)")
    parser.add_argument("--list", action="store_true", help="list the defects and stop")
    parser.add_argument("--no-build", action="store_true",
                        help="take the copy as it was built by the last run")
    parser.add_argument("-j", "--jobs", type=int,
                        default=int(os.environ.get("HEDDLE_BUILD_JOBS", os.cpu_count())),
                        help="compilers at a time, and defects hunted at a time")
    return parser.parse_args()


def choose(defects, arguments):
    known = {d.name for d in defects} | {d.room for d in defects}
    for word in arguments.only:
        if word not in known:
            raise plant.TableError(f"{word} is neither a room nor a defect; see --list")
    if arguments.only:
        defects = [d for d in defects if d.name in arguments.only or d.room in arguments.only]
    if arguments.sample is not None and arguments.sample < len(defects):
        print(f"a sample of {arguments.sample} with --seed {arguments.seed}")
        drawn = random.Random(arguments.seed).sample(defects, arguments.sample)
        defects = [d for d in defects if d in drawn]
    return defects


def build(jobs):
    start = time.monotonic()
    log = WORK / "build.log"
    with log.open("w") as output:
        for command in (["cmake", "--preset", "release", "-DCMAKE_UNITY_BUILD=ON"],
                        ["cmake", "--build", "--preset", "release", "-j", str(jobs)]):
            if subprocess.run(command, cwd=TREE, stdout=output, stderr=output).returncode != 0:
                tail = log.read_text(errors="replace").splitlines()[-30:]
                sys.exit("the copy with the defects does not build:\n" + "\n".join(tail) +
                         f"\nsee {log}")
    print(f"built the copy in {time.monotonic() - start:.0f} s", flush=True)


class Memory:
    """What earlier runs learnt, so that this one is shorter: a file of JSON in build/mutants."""

    def __init__(self, name):
        self.path = WORK / name
        self.values = json.loads(self.path.read_text()) if self.path.is_file() else {}
        self.lock = threading.Lock()

    def set(self, key, value):
        with self.lock:
            self.values[key] = value
            self.path.write_text(json.dumps(self.values, indent=1, sort_keys=True))


def run_one(entry, number, limit):
    """One entry with one defect alive, in folders of its own: no kernel of another defect is found."""
    with tempfile.TemporaryDirectory(prefix="heddle-mutant-") as folder:
        extra = {"TMPDIR": folder, "TEST_TMPDIR": folder, "HEDDLE_MUTANT": str(number),
                 "HEDDLE_CACHE_DIR": os.path.join(folder, "cache")}
        return suite.run_entry(entry, extra, limit)


class Clean:
    """Whether an entry passes without a defect. It is asked of those only that caught one."""

    def __init__(self, memory):
        self.memory, self.lock = memory, threading.Lock()

    def check(self, entry):
        with self.lock:
            if entry.name in self.memory.values:
                return
            outcome = run_one(entry, 0, 1800)
            if not outcome.passed:
                raise plant.TableError(f"{entry.name} fails without any defect: {outcome.reason()}\n" +
                                       "\n".join(outcome.output.splitlines()[-40:]))
            self.memory.set(entry.name, round(outcome.seconds, 2))
            print(f"without a defect  {entry.name:32} {outcome.seconds:7.1f} s", flush=True)


def estimate(entries, known):
    """How long entries take: as they did without a defect, else in the last run of the suite, else
    some seconds."""
    costs = plant.ROOT / "build/release/Testing/Temporary/CTestCostData.txt"
    seconds = {}
    if costs.is_file():
        for words in map(str.split, costs.read_text().splitlines()):
            if len(words) == 3:
                seconds[words[0]] = float(words[2])
    for entry in entries:
        entry.seconds = known.get(entry.name, seconds.get(entry.name, 5.0))


def hunt(defect, entries, killers, clean):
    """Runs the suite until it notices: (entry or None, reason, seconds)."""
    last = killers.values.get(defect.name)
    order = sorted(entries, key=lambda e: (e.name != last, e.room != defect.room, e.seconds))
    spent = 0.0
    for entry in order:
        outcome = run_one(entry, defect.number, 120 + 8 * entry.seconds)
        spent += outcome.seconds
        if not outcome.passed:
            clean.check(entry)
            (WORK / "logs" / f"{defect.name}.log").write_text(outcome.output)
            killers.set(defect.name, entry.name)
            return entry, outcome.reason(), spent
    return None, "", spent


def report(chosen, hunted, jobs):
    """Hunts all, a line each; those that survive."""
    survivors = []
    with ThreadPoolExecutor(jobs) as pool:
        for index, (defect, (entry, reason, seconds)) in enumerate(
                zip(chosen, pool.map(hunted, chosen)), 1):
            verdict = f"{entry.name}: {reason}" if entry else "SURVIVES"
            print(f"{index:3}/{len(chosen)} {defect.name:36} {seconds:7.1f} s  {verdict}", flush=True)
            if not entry:
                survivors.append(defect)
    return survivors


def main():
    arguments = parse_arguments()
    try:
        defects = plant.read_tables()
        chosen = choose(defects, arguments)
        if arguments.list:
            for d in chosen:
                print(f"{d.name:36} {d.file:40} {d.what}")
            return 0
        WORK.joinpath("logs").mkdir(parents=True, exist_ok=True)
        if not arguments.no_build:
            if plant.write_copy(chosen, TREE):
                (WORK / "times.json").unlink(missing_ok=True)
            build(arguments.jobs)
    except plant.TableError as error:
        print(error, file=sys.stderr)
        return 2
    entries = suite.read_suite(TREE, BUILD)
    times = Memory("times.json")
    estimate(entries, times.values)
    killers, clean = Memory("killers.json"), Clean(times)
    start = time.monotonic()
    try:
        survivors = report(chosen, lambda defect: hunt(defect, entries, killers, clean), arguments.jobs)
    except plant.TableError as error:
        sys.exit(str(error))
    for defect in survivors:
        print(f"survivor: {defect.name} ({defect.file}): {defect.what}")
    caught = len(chosen) - len(survivors)
    print(f"{caught} of {len(chosen)} defects caught in {time.monotonic() - start:.0f} s")
    return 0 if caught >= NEEDED * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
