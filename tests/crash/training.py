# SPDX-License-Identifier: Apache-2.0
"""The model that is trained, and how a run of it is started."""
import os
import pathlib
import subprocess
import time

from checks import require

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("HEDDLE_BIN_DIR", ROOT / "build/release/bin"))

# Some MB of weights and moments and few tokens: writing a checkpoint takes longer than a step.
MODEL = """name: "crash" vocab_size: 256 max_positions: 16 width: 128 layers: 2
attention { heads: 4 } dropout { residual: 0.1 }
"""
BATCH, SEQ, STEPS = 2, 16, 16


class Configuration:
    """The flags that decide what a run computes and when it saves, from a random generator."""

    def __init__(self, rng):
        self.flags = ["--steps", str(STEPS), "--seed", str(rng.randrange(3)),
                      "--checkpoint-interval", str(rng.choice((1, 1, 2, 3)))]
        if rng.random() < 0.3:
            self.flags += ["--grad-accum", "2"]
        if rng.random() < 0.5:
            self.flags += ["--eval-interval", "3", "--eval-iters", "20"]
        self.key = " ".join(self.flags)


class Training:
    """A folder with a compiled model, data, and what unbroken runs leave."""

    def __init__(self, folder):
        self.folder = folder
        self.model = folder / "crash.textproto"
        self.executable = folder / "crash.heddle"
        self.data = folder / "text.txt"
        self.model.write_text(MODEL)
        self.data.write_text((ROOT / "README.md").read_text())
        self.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(folder / "cache"))
        self.unbroken = {}
        subprocess.run([BIN / "heddle", "compile", self.model, "--train", "--batch", str(BATCH),
                        "--seq", str(SEQ), "-o", self.executable], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)

    def command(self, configuration, out, log, threads, compiles):
        tool = [BIN / "heddle", "train", self.model, "--batch", str(BATCH), "--seq", str(SEQ)]
        if not compiles:
            tool = [BIN / "heddle-run", "train", self.executable]
        return tool + ["--data", self.data, "--out", out, "--log", log, "--resume", "--threads",
                       str(threads), *configuration.flags]

    def start(self, *arguments):
        """A process; its output goes to files, which no reader can hold up."""
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            return subprocess.Popen(self.command(*arguments), stdout=out, stderr=err,
                                    env=self.environment)

    def output(self, name):
        return (self.folder / name).read_text(errors="replace")

    def reference(self, configuration):
        """(out, log, seconds) of an unbroken run."""
        if configuration.key not in self.unbroken:
            out = self.folder / f"unbroken-{len(self.unbroken)}"
            log = out.with_suffix(".jsonl")
            begin = time.monotonic()
            process = self.start(configuration, out, log, 1, False)
            require(process.wait() == 0, f"the unbroken run failed: {self.output('stderr')}")
            self.unbroken[configuration.key] = (out, log, time.monotonic() - begin)
        return self.unbroken[configuration.key]
