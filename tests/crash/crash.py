#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interrupts training at random moments and resumes it until N interruptions of each kind are done.
crash.sh says how to call it, README.md what it promises. Exit 1 on a broken promise; the folder is kept
then."""
import argparse
import collections
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

from checks import (TRACES, Failed, check_equal, newest_checkpoint, require, steps_logged,
                    was_writing)
from training import Configuration, Training

PATIENCE = 120  # seconds after which a process hangs
INTERRUPTED = 130


def freeze(process):
    """Stops the process; false if it has ended."""
    process.send_signal(signal.SIGSTOP)
    while process.poll() is None:
        state = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state in "Tt":
            return True
        time.sleep(0.0005)
    return False


def handles(process, number):
    """Whether the process has come as far as to handle a signal; before, any ends it at once."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return int(line.split()[1], 16) >> (number - 1) & 1
    return False


class Run:
    """One run up to its end, with as many interruptions as the caller wants."""

    def __init__(self, training, number, rng, counts):
        self.training, self.rng, self.counts = training, rng, counts
        self.configuration = Configuration(rng)
        self.expected_out, self.expected_log, self.seconds = training.reference(self.configuration)
        self.out = training.folder / f"run-{number}"
        self.log = self.out.with_suffix(".jsonl")
        self.newest = -1

    def interrupted(self, kind):
        """Lets the run go on until it ends (False) or is interrupted (True)."""
        compiles = self.rng.random() < 1 / 6
        self.threads = self.rng.choice((1, 2))
        process = self.training.start(self.configuration, self.out, self.log, self.threads,
                                      compiles)
        time.sleep(self.rng.uniform(0, 0.5 * self.seconds + 0.2 * compiles))
        if process.poll() is None:
            getattr(self, kind)(process)
        code = process.wait(timeout=PATIENCE)
        errors = self.training.output("stderr")
        require(not TRACES.search(errors), f"a stack trace: {errors}")
        require(code in (0, -signal.SIGKILL, INTERRUPTED), f"exit code {code}: {errors}")
        step = newest_checkpoint(self.out)
        require(step >= self.newest, f"{self.out}: step {self.newest} is lost, newest is {step}")
        self.newest = step
        if code == 0:
            return False
        self.counts[kind] += 1
        self.counts[f"{kind} while a checkpoint was written"] += was_writing(self.out)
        self.counts["of them in heddle train"] += compiles
        return True

    def kill(self, process):
        process.kill()

    def stop(self, process):
        """One to four requests to stop, some of them at once, and now and then the end."""
        first = self.rng.choice((signal.SIGTERM, signal.SIGINT))
        if not freeze(process):
            return
        begun = steps_logged(self.log)
        if not handles(process, first):
            first = signal.SIGKILL
        process.send_signal(first)
        process.send_signal(signal.SIGCONT)
        killed = first == signal.SIGKILL
        for _ in range(self.rng.choice((0, 0, 1, 2, 3))):
            time.sleep(self.rng.choice((0, 0.001, 0.01, 0.05)))
            again = self.rng.choice((signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGKILL))
            killed |= again == signal.SIGKILL
            process.send_signal(again)
        code = process.wait(timeout=PATIENCE)
        if killed and code == -signal.SIGKILL:
            self.counts["stopped, then killed"] += 1
            return
        require(code in (0, INTERRUPTED), f"exit code {code} after {first.name}")
        if code == INTERRUPTED and "interrupted after step" in self.training.output("stdout"):
            done, saved = steps_logged(self.log), newest_checkpoint(self.out)
            # The step at hand. With two threads the other may take the signal a little later.
            require(done <= begun + self.threads, f"{done - begun} steps after {first.name}")
            require(saved == done, f"the checkpoint is of step {saved}, the log goes up to {done}")

    def finish(self):
        """The rest without interruption, and the comparison."""
        process = self.training.start(self.configuration, self.out, self.log, 2, False)
        code = process.wait(timeout=PATIENCE)
        errors = self.training.output("stderr")
        require(code == 0, f"the resumed run failed: {errors}")
        require(self.newest < 0 or f"resumed from {self.out}/step-{self.newest:08d}" in errors,
                f"not resumed from step {self.newest}: {errors}")
        check_equal(self.out, self.log, self.expected_out, self.expected_log)
        self.counts["runs equal to an unbroken one"] += 1
        shutil.rmtree(self.out)
        self.log.unlink()


def interrupt(training, kind, count, rng, counts):
    number = 0
    while counts[kind] < count:
        run = Run(training, f"{kind}-{number}", rng, counts)
        number += 1
        # A run that is interrupted too early each time would never end.
        for _ in range(12):
            if counts[kind] >= count or not run.interrupted(kind):
                break
        run.finish()


def main():
    parser = argparse.ArgumentParser(prog="tests/crash.sh")
    parser.add_argument("N", type=int, help="interruptions of each kind")
    parser.add_argument("SEED", type=int, nargs="?", default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--only", choices=("kill", "stop"))
    arguments = parser.parse_args()
    print(f"seed {arguments.SEED}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="heddle-crash-"))
    counts = collections.Counter()
    try:
        training = Training(folder)
        for kind in (arguments.only,) if arguments.only else ("kill", "stop"):
            interrupt(training, kind, arguments.N, random.Random(f"{arguments.SEED} {kind}"), counts)
    except Failed as failure:
        print(f"FAILED: {failure}\nkept in {folder}; again: tests/crash.sh {arguments.N} {arguments.SEED}")
        return 1
    finally:
        for what, number in counts.items():
            print(f"{number:6} {what}")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
