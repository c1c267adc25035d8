#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files and flags that a user, a full disk or an attacker may hand to heddle and heddle-run. Each must end by
itself with the right exit code (2: bad input, 1: failed), say what is wrong in the user's words, and leave no
file behind. HEDDLE_BIN_DIR is where the binaries are.

    HEDDLE_BIN_DIR=build/release/bin tests/tools/hostile_inputs_test.py [HostileInputs.test_flags ...]
"""
import os
import pathlib
import random
import re
import shlex
import subprocess
import tempfile
import unittest

import hostile_files
from tool_case import SANITIZED

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"]).resolve()
NOBODY = 65534
RUNS = re.compile(r"(?:HEDDLE_\S+ )?(?:run|train|generate|bench) \S+\.heddle")
SECONDS = 60  # far more than any case takes: a hang is a failure, not a slow machine

# Command (words NAME=VALUE before the verb are its environment), what the message must hold (None: exit code 0).
KINDS = ("empty", "folder", "pipe", "loop", "gone", "zero")
MODELS = [
    *((f"compile {kind}.{ending} -o x.heddle", f"{kind}.{ending}")
      for ending in ("textproto", "mlir") for kind in KINDS),
    *((f"compile {name}.textproto -o x.heddle", f"{name}.textproto") for name in hostile_files.textprotos()),
    *((f"compile config-{name} -o x.heddle", f"config-{name}/config.json") for name in hostile_files.configs()),
    *((f"compile config-{kind} -o x.heddle", f"config-{kind}/config.json") for kind in ("pipe", "folder", "loop", "zero")),
    *((f"compile {name}.mlir -o x.heddle", f"{name}.mlir") for name in ("open", "binary", "nothing", "other")),
    ("compile empty -o x.heddle", "config.json"),
    ("compile '' -o x.heddle", "MODEL"),
    ("compile /dev/zero -o x.heddle", "/dev/zero"),
    ("compile /dev/null -o x.heddle", "/dev/null"),
    (f"compile {'x' * 3000} -o x.heddle", "File name too long"),
    ("compile small.textproto/x -o x.heddle", "small.textproto/x"),
    ("compile '\udcff\udcfe\n.textproto' -o x.heddle", "no such file"),
    ("compile m.heddle -o x.heddle", "compiled already"),
    ("inspect empty.textproto --params", "empty.textproto"),
    ("verify config-nan", "config.json"),
    ("compile config-other -o x.heddle --family pipe.textproto", "pipe.textproto"),
    ("compile config-other -o x.heddle --family unknown.textproto", "unknown.textproto"),
]
EXECUTABLES = [
    *((f"bench {kind}.heddle", f"{kind}.heddle") for kind in KINDS),
    *((f"bench {name}.heddle", f"{name}.heddle: ") for name in
      ("text", "cut-start", "cut-half", "cut-end", "longer", "changed-start", "changed-quarter", "changed-end")),
    ("bench ''", "MODEL"),
]
TENSORS = [
    *((f"run m.heddle --inputs {name}.safetensors --outputs x.safetensors", f"{name}.safetensors")
      for name in (*hostile_files.tensors(), *KINDS[1:])),
    *((f"bench m.heddle --weights {name}", name) for name in
      ("cut-weights.safetensors", "no-weights.safetensors", "pipe.safetensors", "empty", "/dev/zero", "text.txt")),
    *((f"train m.heddle --data {name} --steps 1", name) for name in
      ("empty.safetensors", "nothing.safetensors", "pipe.safetensors", "zero.safetensors", "empty", "/dev/zero",
       "gone.safetensors", "short.txt", "nowhere")),
    *((f"verify small.textproto --against {name}", name) for name in
      ("empty.safetensors", "pipe.safetensors", "nothing.safetensors", "nowhere", "/dev/zero")),
    ("verify small.textproto --weights cut-weights.safetensors", "cut-weights.safetensors"),
    ("train m.heddle --data bytes.txt --tokenizer char --steps 1", "not UTF-8 at byte 0"),
]
TEXT = [
    *((f"generate m.heddle --prompt a --tokenizer {name}", name) for name in
      ("tokenizer-array.json", "tokenizer-kind.json", "tokenizer-twice.json", "tokenizer-nan.json", "pipe.textproto",
       "/dev/zero", "nowhere", "bpe:100", "empty")),
    ("generate m.heddle --prompt xyz --tokenizer tokenizer-few.json", "\"x\""),
    ("generate m.heddle --prompt \udcff --tokenizer tokenizer-few.json", "not UTF-8 at byte 0"),
    ("generate m.heddle --prompt a --tokenizer \udcff", "--tokenizer"),
    ("generate m.heddle --prompt ''", "prompt 1 is empty"),
    ("generate m.heddle --prompt 123456789", "9 tokens"),
    ("generate m.heddle", "--prompt"),
    *((f"generate m.heddle --prompt-ids={ids}", "--prompt-ids") for ids in
      ("256", "-1", "99999999999", "1,,2", "1;2", "abc", "1,", "''")),
    ("generate m.heddle --prompt a --stop ''", "--stop"),
    ("tokenize small.textproto nowhere", "nowhere"),
    ("tokenize small.textproto empty", "empty"),
    ("tokenize small.textproto pipe.textproto", "pipe.textproto"),
    ("tokenize small.textproto /dev/zero", "/dev/zero"),
    ("tokenize small.textproto --decode text.txt", "text.txt: line 1"),
    ("tokenize pipe.heddle text.txt", "pipe.heddle"),
]
SHARES = ("-1", "1e400", "nan", "abc", "''", "1.5x", "0x1", " 1", "+1")
COUNTS = (*SHARES, "99999999999999999999", "1.5", "1e3")
FLAGS = [
    *((f"compile small.textproto -o x.heddle '{flag}={value}'", flag)
      for flag in ("--batch", "--seq", "--threads") for value in COUNTS),
    *((f"train m.heddle --data text.txt '{flag}={value}'", flag)
      for flag in ("--steps", "--seed", "--grad-accum", "--warmup-steps", "--eval-interval", "--checkpoint-interval")
      for value in COUNTS),
    *((f"train m.heddle --data text.txt --steps 1 '{flag}={value}'", flag)
      for flag in ("--lr", "--min-lr", "--weight-decay", "--eps", "--beta1", "--beta2", "--grad-clip", "--dropout")
      for value in SHARES),
    *((f"generate m.heddle --prompt a '{flag}={value}'", flag)
      for flag in ("--temperature", "--top-p", "--min-p", "--repetition-penalty") for value in SHARES),
    *((f"generate m.heddle --prompt a '{flag}={value}'", flag)
      for flag in ("--top-k", "--max-new-tokens", "--beams") for value in COUNTS),
    *((f"generate m.heddle --prompt a --beams 2 --length-penalty={value}", "--length-penalty")
      for value in ("1e400", "nan", "inf", "abc", "''")),
    *((f"generate m.heddle --prompt a --beams 2 --early-stopping={value}", "--early-stopping")
      for value in ("2", "maybe")),
    ("generate m.heddle --prompt a --beams 3", "compiled for batch 2"),
    ("generate small.textproto --prompt a --beams 3 --batch 2", "--batch 2"),
    ("HEDDLE_BEAMS=2 HEDDLE_TOP_K=3 generate m.heddle --prompt a", "--top-k 3"),
    ("compile small.textproto -o x.heddle --batch 0", "--batch 0"),
    ("compile small.textproto -o x.heddle --batch 2147483648", "batch: expected a size from 1 to 2147483647"),
    ("compile small.textproto -o x.heddle --batch 99999999999", "batch: expected a size from 1 to 2147483647"),
    ("compile small.textproto -o x.heddle --seq 0", "--seq 0"),
    ("compile small.textproto -o x.heddle --seq 33", "32 positions"),
    ("compile small.textproto -o x.heddle --seq 8 --seq 9", "--seq"),
    ("compile small.textproto -o x.heddle --dropout 1", "--dropout"),
    ("compile small.textproto -o x.heddle --target cuda:sm_999", "target cuda:sm_999"),
    ("compile small.textproto -o x.heddle --dtype int4", "--dtype int4"),
    ("compile small.textproto -o x.heddle --memory-budget 1", "--memory-budget"),
    *((f"compile small.textproto -o x.heddle --require-fused {demand}", "--require-fused") for demand in
      ("attention", "attention:", "attention:-1", "attention:99999999999999999999", ":1", "attention:1,", "nothing:1")),
    ("compile small.textproto --emit nowhere", "nowhere"),
    ("compile small.textproto -o x.heddle --emit nowhere", "nowhere"),
    *((f"bench m.heddle --memory-budget={size}", "--memory-budget") for size in
      ("-1", "nan", "1e99", "8XB", "1", "abc")),
    ("bench m.heddle --iters 0", "--iters"),
    ("bench m.heddle --iters -5", "--iters"),
    ("bench m.heddle --entry nowhere", "nowhere"),
    ("bench small.textproto --entry nowhere", "nowhere"),
    ("bench m.heddle --batch 3", "batch 2, sequence 8"),
    ("train m.heddle --data text.txt --val-split 1", "--val-split"),
    ("train m.heddle --data text.txt --val-split=-0.1", "--val-split"),
    ("train m.heddle --data text.txt --val-split nan --steps 1", "--val-split"),
    ("train m.heddle --data text.txt --on-nonfinite maybe", "--on-nonfinite"),
    ("train m.heddle --data text.txt --steps 1 --eval-interval 1 --eval-iters 0", "--eval-iters"),
    ("train m.heddle --steps 1", "--data"),
    ("train m.heddle --data text.txt --resume --steps 1", "--out"),
    ("run m.heddle --inputs ids.safetensors", "--outputs"),
    ("run m.heddle --inputs ids.safetensors --outputs x.safetensors --entry nowhere", "nowhere"),
    ("run m.heddle --inputs ids.safetensors --outputs x.safetensors --entry grad", "labels"),
    ("run m.heddle --inputs ids.safetensors --outputs x.safetensors --backend gpu", "--backend gpu"),
    ("train m.heddle --data text.txt --freeze all", "--freeze"),
    ("train m.heddle --data text.txt --lora 8", "--lora"),
    ("train m.heddle --data text.txt --objective masked", "--objective masked"),
    ("bench m.heddle --dtype bf16", "--dtype bf16"),
    ("bench m.heddle --target \udcff", "--target"),
    ("generate m.heddle --prompt a --top-p 0", "--top-p"),
    ("generate m.heddle --prompt a --top-p 1.1", "--top-p"),
    ("generate m.heddle --prompt a --stream --json", "--stream"),
    ("generate m.heddle --prompt a --no-such-flag", "--no-such-flag"),
    ("generate m.heddle --prompt", "--prompt"),
    ("HEDDLE_SEQ=abc bench m.heddle", "HEDDLE_SEQ=abc"),
    ("HEDDLE_THREADS=-1 bench m.heddle", "HEDDLE_THREADS=-1"),
    ("HEDDLE_BATCH=99999999999999999999 bench m.heddle", "HEDDLE_BATCH=99999999999999999999"),
    ("doctor --threads -1", "--threads"),
    ("doctor --threads 4097", "--threads"),
    ("", "subcommand"),
    ("nowhere", "nowhere"),
]
OUTPUTS = [
    *((f"compile small.textproto -o {path}", path) for path in
      ("nowhere/x.heddle", "empty", "small.textproto/x", "pipe.heddle", "/dev/null", "/dev/full", "/proc/x.heddle",
       "loop.heddle/x")),
    ("compile small.textproto -o ''", "-o"),
    ("compile small.textproto -o x/", "-o x/: is a folder"),
    ("compile small.textproto", "-o"),
    ("compile small.textproto -o small.textproto", "small.textproto"),
    ("compile small.textproto -o ./full/../small.textproto", "small.textproto"),
    ("compile small.textproto -o x.heddle --dump-dir text.txt", "text.txt"),
    ("compile small.textproto -o x.heddle --dump-dir /proc/x", "/proc/x"),
    *((f"run m.heddle --inputs ids.safetensors --outputs {path}", path) for path in
      ("nowhere/x", "empty", "pipe.safetensors", "ids.safetensors", "m.heddle", "/dev/null")),
    *((f"train m.heddle --data text.txt --steps 1 --out {path}", path) for path in
      ("full", "text.txt", "text.txt/x", "run", "/dev/null", "/proc/x", "pipe.textproto")),
    *((f"train m.heddle --data text.txt --steps 1 --log {path}", path) for path in
      ("nowhere/log", "empty", "pipe.textproto", "text.txt", "m.heddle", "/dev/null")),
    ("train m.heddle --data text.txt --steps 1 --out x --log nowhere/log", "nowhere/log"),
    ("train m.heddle --data text.txt --steps 1 --log full/file", "is no training log"),
    ("train m.heddle --data text.txt --steps 2 --out run --resume --log full/file", "is no training log"),
    ("train small.textproto --data text.txt --steps 1 --out full", "full"),
    *((f"bench m.heddle --iters 1 --trace {path}", path) for path in ("nowhere/x", "empty", "m.heddle")),
]
# At each limit and one beyond; what heddle says at the limit is about something else.
LIMITS = [
    ("inspect small.textproto --params --threads 4096", None),
    ("inspect small.textproto --params --threads 4097", "--threads 4097: expected a whole number from 0 to 4096"),
    ("compile limit.mlir -o x.heddle", "limit.mlir:"),
    ("compile beyond.mlir -o x.heddle", "beyond.mlir: 268435457 bytes, more than the limit of 268435456"),
    ("tokenize small.textproto beyond.txt", "beyond.txt: line 1: more than the limit of 67108864 bytes"),
]
# Shell commands to which the system does not grant what they need: exit code, what the message must hold.
STARVED = [
    ("ulimit -f 8; heddle-run train m.heddle --data text.txt --steps 1 --out starved", 1, "File too large"),
    ("ulimit -f 8; heddle compile small.textproto -o starved.heddle", 1, "File too large"),
    ("ulimit -f 1; heddle-run run m.heddle --inputs ids.safetensors --outputs starved.safetensors", 1, "File too large"),
    ("ulimit -v 60000; heddle-run bench m.heddle --threads 1000 --iters 1", 0, "the system grants no more"),
    ("heddle inspect small.textproto --params > /dev/full", 1, "cannot write to standard output"),
    ("heddle-run bench m.heddle --iters 1 > /dev/full", 1, "cannot write to standard output"),
    ("heddle-run bench m.heddle --iters 1 >&-", 1, "cannot write to standard output"),
    ("heddle-run train m.heddle --data text.txt --steps 1 --log starved.log >&- && exit 9; [ $(wc -l < starved.log) = 1 ]"
     " && rm starved.log", 0, "cannot write to standard output"),
    ("heddle tokenize small.textproto < /dev/zero", 2, "standard input: line 1: more than the limit"),
    ("HEDDLE_CACHE_DIR=/proc/x heddle inspect small.textproto --params", 0, ""),
]
# As a user who may not: run as nobody, where the test itself runs as root.
FORBIDDEN = [
    ("compile secret.textproto -o /tmp/x.heddle", "secret.textproto: Permission denied"),
    ("compile small.textproto -o locked/x.heddle", "locked"),
    ("run m.heddle --inputs ids.safetensors --outputs locked/x", "locked"),
    ("train m.heddle --data text.txt --steps 1 --out locked/run", "locked/run"),
    ("train m.heddle --data text.txt --steps 1 --log locked/log", "locked/log"),
]


class HostileInputs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="heddle-hostile-")
        cls.at = pathlib.Path(cls.temporary.name)
        cls.at.chmod(0o755)
        hostile_files.make(cls.at, BIN)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def content(self):
        """Every file below, so that nothing can appear or change unseen."""
        return {str(path): path.is_symlink() or not path.is_file() or (path.stat().st_size, path.stat().st_mtime_ns)
                for path in self.at.rglob("*")}

    def call(self, command, tool="heddle-run", **options):
        words = shlex.split(command)
        environment = {**os.environ, "HEDDLE_CACHE_DIR": str(self.at.parent / f"{self.at.name}-cache")}
        while words and words[0].startswith("HEDDLE_"):
            environment.update([words.pop(0).split("=")])
        return subprocess.run([str(BIN / tool), *words], cwd=self.at, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=SECONDS, **options)

    def check(self, cases, tools=("heddle", "heddle-run"), **options):
        """With each of the tools if an executable is to be run, else with heddle."""
        for command, message in cases:
            for tool in tools if RUNS.match(command) else ["heddle"]:
                with self.subTest(f"{tool} {command[:200]}"):
                    before = self.content()
                    result = self.call(command, tool, **options)
                    said = result.stdout[-1000:] + result.stderr[-5000:]
                    self.assertEqual(result.returncode, 0 if message is None else 2, said)
                    self.assertEqual(self.content(), before)
                    if message is not None:
                        self.assertIn(message, said)
                        self.assertIn("error: ", said)
                        self.assertEqual(result.stdout, "")

    def test_models(self):
        self.check(MODELS)

    def test_executables(self):
        self.check(EXECUTABLES)

    def test_tensors(self):
        self.check(TENSORS)

    def test_text(self):
        self.check(TEXT)

    def test_flags(self):
        self.check(FLAGS, ["heddle-run"])  # the flags are the same code in both

    def test_outputs(self):
        self.check(OUTPUTS)

    def test_limits(self):
        for name, size in (("limit.mlir", 256 << 20), ("beyond.mlir", (256 << 20) + 1),
                           ("beyond.txt", (64 << 20) + 1)):
            with open(self.at / name, "wb") as file:
                file.truncate(size)  # a hole: it takes no disk
        self.check(LIMITS)

    def test_changed_bytes(self):
        """Any byte of an executable or a checkpoint."""
        seed = int(os.environ.get("HEDDLE_TEST_SEED", "1"))
        draw = random.Random(seed)
        weights = self.at / "run/step-00000002/model.safetensors"
        for path, command in ((self.at / "m.heddle", "bench m.heddle"), (weights, "bench m.heddle --weights run"),
                              (weights, "train m.heddle --data text.txt --out run --steps 3 --resume")):
            content = path.read_bytes()
            for _ in range(25):
                at, bit = draw.randrange(len(content)), draw.randrange(8)
                path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1:])
                with self.subTest(seed=seed, path=path.name, byte=at, bit=bit):
                    self.check([(command, "SHA-256")], ["heddle-run"])
            path.write_bytes(content)

    def test_starved(self):
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        for command, code, message in STARVED:
            if SANITIZED and "ulimit -v" in command:
                continue
            with self.subTest(command):
                result = subprocess.run(["bash", "-c", command], cwd=self.at, env=environment, capture_output=True,
                                        text=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
                self.assertEqual(result.returncode, code, result.stderr[-2000:])
                self.assertIn(message, result.stderr)
                self.assertEqual([path.name for path in self.at.rglob("*") if "starved." in path.name
                                  or path.parent.name == "starved" and path.name.startswith("step")], [])

    def test_forbidden(self):
        root = os.geteuid() == 0
        self.check(FORBIDDEN, preexec_fn=(lambda: os.setuid(NOBODY)) if root else None)


if __name__ == "__main__":
    unittest.main(verbosity=2)
