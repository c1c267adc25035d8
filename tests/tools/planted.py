# SPDX-License-Identifier: Apache-2.0
"""A model with values planted in its weights, and the commands that meet them: what nonfinite_test.py
is made of. HEDDLE_BIN_DIR is where the binaries are."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
SMALL = """name: "small" vocab_size: 256 max_positions: 16 width: 16 layers: 2 attention { heads: 2 }
head { tied: false }
"""
NAN, INFINITY, HUGE = float("nan"), float("inf"), 3e38
# "first in OPS at LAYER (kernel NAME, launch N): VALUE"; a graph by hand may have no layers.
ORIGIN = re.compile(r"first in (heddle\.[a-z_]+.*?)(?: at (\S+))? \(kernel \S+, launch \d+\)(, which reads it)?: "
                    r"(NaN|-?infinity)[^;\n]*")


class Tensors:
    """A safetensors file to read, change and write."""

    def __init__(self, path=None):
        self.path, self.metadata, self.tensors = path, {}, {}
        if path:
            data = path.read_bytes()
            end = 8 + struct.unpack("<Q", data[:8])[0]
            header = json.loads(data[8:end])
            self.metadata = header.pop("__metadata__", {})
            for name, tensor in header.items():
                begin, stop = tensor["data_offsets"]
                self.tensors[name] = (tensor["dtype"], tensor["shape"],
                                      bytearray(data[end + begin:end + stop]))

    def add(self, name, dtype, shape, values):
        code = {"F32": "f", "I32": "i"}[dtype]
        self.tensors[name] = (dtype, shape, bytearray(struct.pack(f"<{len(values)}{code}", *values)))

    def plant(self, name, value, index=0, count=1):
        for at in range(index, index + count):
            struct.pack_into("<f", self.tensors[name][2], 4 * at, value)

    def fill(self, name, value):
        self.plant(name, value, count=len(self.tensors[name][2]) // 4)

    def write(self, path=None):
        header, offset = {"__metadata__": self.metadata} if self.metadata else {}, 0
        for name, (dtype, shape, content) in self.tensors.items():
            header[name] = {"dtype": dtype, "shape": shape,
                            "data_offsets": [offset, offset + len(content)]}
            offset += len(content)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        (path or self.path).write_bytes(struct.pack("<Q", len(text)) + text
                                        + b"".join(content for _, _, content in self.tensors.values()))


class NonFinite(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.at = pathlib.Path(self.folder.name)
        (self.at / "small.textproto").write_text(SMALL)
        (self.at / "text.txt").write_text("the cat sat on the mat. " * 40)

    def tearDown(self):
        self.folder.cleanup()

    def result(self, *command):
        tool, command = ("heddle-run", command[1:]) if command[0] == "heddle-run" else ("heddle", command)
        return subprocess.run([str(BIN / tool), *map(str, command)], cwd=self.at, text=True,
                              capture_output=True, timeout=300)

    def call(self, expected, *command):
        """Runs heddle, or heddle-run by its name; checks the exit code; returns what stderr says."""
        result = self.result(*command)
        self.assertEqual(result.returncode, expected, f"{command}\n{result.stdout}\n{result.stderr}")
        return result.stderr

    def origin(self, said):
        """(ops, layer) of the first launch with such a value."""
        found = ORIGIN.search(said)
        self.assertTrue(found, said)
        return found.group(1), found.group(2)

    def replay(self, said):
        """Runs the command that was printed. It fails for the same reason, to the word."""
        found = re.search(r"^(.*)\nreplay: (heddle(?:-run)? run .*)$", said, re.MULTILINE)
        self.assertTrue(found, said)
        reason, command = found.groups()
        result = subprocess.run(command, shell=True, cwd=self.at, text=True, timeout=300,
                                capture_output=True, env={**os.environ, "PATH": f"{BIN}:/usr/bin:/bin"})
        self.assertEqual(result.returncode, 1, result.stderr)
        origin = ORIGIN.search(reason)
        if origin and "after the update" not in reason:
            self.assertIn(origin.group(0), result.stderr)
        return result.stderr

    def model(self, change, text=SMALL, name="model"):
        """A model folder whose weights `change` has been at."""
        (self.at / "begin.textproto").write_text(text)
        self.call(0, "train", "begin.textproto", "--steps", 0, "--batch", 2, "--seq", 8, "--out", "begin")
        shutil.move(self.at / "begin/step-00000000", self.at / name)
        shutil.rmtree(self.at / "begin")
        weights = Tensors(self.at / name / "model.safetensors")
        change(weights)
        weights.write()
        return name

    def train(self, expected, model, *flags, data="text.txt"):
        shape = () if str(data).endswith("batches.safetensors") else ("--batch", 2, "--seq", 8)
        return self.call(expected, "train", model, "--data", data, *shape, *flags)

    def batches(self, tokens):
        """Batches [N, 2, 8] of one token each."""
        file, count = Tensors(), len(tokens)
        values = [token for token in tokens for _ in range(16)]
        file.add("input_ids", "I32", [count, 2, 8], values)
        file.add("labels", "I32", [count, 2, 8], [65] * len(values))
        file.write(self.at / "batches.safetensors")
        return "batches.safetensors"

    def checkpoints(self, out):
        return sorted(path.name for path in (self.at / out).iterdir() if path.name.startswith("step-"))


def pick(weights, part):
    """A matrix of the part, of the second layer where there are two."""
    names = [name for name, (_, shape, _) in weights.tensors.items() if part in name and len(shape) == 2]
    return sorted(names)[-1]


def embedding(weights):
    return next(name for name, (_, shape, _) in weights.tensors.items()
                if shape == [256, 16] and "head" not in name)


def last_norm(weights):
    """The gain of the norm before the head."""
    return sorted(name for name, (_, shape, _) in weights.tensors.items()
                  if "norm" in name and name.endswith("weight") and "layers" not in name)[-1]


def reseal(checkpoint):
    """The manifest as it would be had the files been written so."""
    path = checkpoint / "manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["files"]:
        content = (checkpoint / entry["name"]).read_bytes()
        entry["size"], entry["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(manifest))
