#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way as a user goes it: micro-batches, odd shapes, resumed runs and wrong input.
HEDDLE_BIN_DIR is where the binaries are."""
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

ODD = """name: "odd" vocab_size: 131 max_positions: 40 width: {width} layers: 2
attention {{ heads: 5 kv_heads: {kv} head_dim: {dim} }}
positions {{ rotary {{}} }} norm {{ kind: RMS_NORM }}
ffn {{ activation: SILU gated: true hidden: 27 }}
dropout {{ embedding: 0.1 attention: 0.2 residual: 0.1 }}
"""
SMALL = 'name: "small" max_positions: 32 width: 32 layers: 2 attention { heads: 2 }\n'


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.at = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def call(self, tool, *arguments):
        return subprocess.run([str(BIN / tool), *map(str, arguments)], cwd=self.at, text=True,
                              capture_output=True, timeout=300)

    def heddle(self, *arguments):
        result = self.call("heddle", *arguments)
        self.assertEqual(result.returncode, 0, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result.stdout

    def write(self, name, text):
        (self.at / name).write_text(text)
        return self.at / name

    def files(self, folder):
        """Relative path to content of all files below."""
        root = self.at / folder
        return {str(path.relative_to(root)): path.read_bytes()
                for path in sorted(root.rglob("*")) if path.is_file()}


class MicroBatches(CommandLine):
    """What each of two batches weighs in the loss of a step."""
    MODEL = 'name: "m" vocab_size: 11 max_positions: 8 width: 8 layers: 1 attention { heads: 2 }'

    def inputs(self, rows, weights=None):
        ids = [[(7 * i + t) % 11 for t in range(8)] for i in range(len(rows))]
        shape = [len(rows), 1, 8] if len(rows) > 1 else [1, 8]
        tensors = {"input_ids": (ids, shape), "labels": (rows, shape)}
        if weights:
            tensors["batch_weights"] = ([weights], [len(weights)])
        header, data = {}, b""
        for name, (values, shape) in tensors.items():
            content = b"".join(struct.pack(f"<{len(row)}i", *row) for row in values)
            header[name] = {"dtype": "I32", "shape": shape,
                            "data_offsets": [len(data), len(data) + len(content)]}
            data += content
        text = json.dumps(header).encode()
        (self.at / "in").write_bytes(struct.pack("<Q", len(text)) + text + data)

    def loss(self, rows, weights=None):
        self.inputs(rows, weights)
        self.heddle("run", "m.textproto", "--entry", "step", "--inputs", "in", "--outputs", "out")
        file = (self.at / "out").read_bytes()
        size = struct.unpack("<Q", file[:8])[0]
        begin, end = json.loads(file[8:8 + size])["loss"]["data_offsets"]
        return struct.unpack("<f", file[8 + size + begin:8 + size + end])[0]

    def test_ready_batches_weigh_alike_and_a_replay_as_it_says(self):
        self.write("m.textproto", self.MODEL)
        first, second = [5] * 8, [-100] * 6 + [3, 9]
        both = [self.loss([first]), self.loss([[-100] * 8, second], [0, 1])]
        self.assertGreater(abs(both[0] - both[1]), 1e-4)
        self.assertAlmostEqual(self.loss([first, second]), sum(both) / 2, delta=1e-5)
        self.assertAlmostEqual(self.loss([first, second], [3, 1]), 0.75 * both[0] + 0.25 * both[1],
                               delta=1e-5)

    def test_wrong_weights(self):
        self.write("m.textproto", self.MODEL)
        for weights, message in (([1], "has shape [1], expected a weight for each of 2"),
                                 ([0, 0], "expected numbers from 0 on, not all of them 0"),
                                 ([2, -1], "expected numbers from 0 on, not all of them 0")):
            with self.subTest(weights):
                self.inputs([[5] * 8, [3] * 8], weights)
                result = self.call("heddle", "run", "m.textproto", "--entry", "step", "--inputs",
                                   "in", "--outputs", "out")
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn("input batch_weights: " + message, result.stderr)
                self.assertFalse((self.at / "out").exists())


class Shapes(CommandLine):
    def test_no_multiple_of_anything(self):
        for batch, seq, kv, dim in ((3, 13, 5, 8), (2, 1, 1, 24), (1, 37, 5, 80), (2, 33, 1, 128)):
            with self.subTest(batch=batch, seq=seq, kv=kv, dim=dim):
                model = self.write("odd.textproto", ODD.format(width=45, kv=kv, dim=dim))
                self.heddle("verify", model, "--grad", "--passes", "--batch", batch, "--seq", seq)

    def test_other_targets(self):
        model = self.write("odd.textproto", ODD.format(width=40, kv=1, dim=24))
        for target in ("cpu:avx2", "cpu:scalar"):
            with self.subTest(target):
                self.heddle("verify", model, "--grad", "--batch", 3, "--seq", 13, "--target", target)


class Training(CommandLine):
    TRAIN = ("--batch", 3, "--seq", 13, "--dropout", 0.2, "--grad-accum", 2, "--tokenizer", "char",
             "--checkpoint-interval", 4, "--grad-clip", 1)

    def setUp(self):
        super().setUp()
        self.model = self.write("small.textproto", SMALL)
        self.data = self.write("text.txt", (ROOT / "README.md").read_text())

    def train(self, out, *flags):
        return self.heddle("train", self.model, "--data", self.data, "--out", self.at / out,
                           *self.TRAIN, *flags)

    def newest(self, out):
        return self.files(f"{out}/step-00000008")

    def test_resumed_equals_unbroken_at_any_thread_count(self):
        self.train("whole", "--steps", 8, "--threads", 2)
        self.train("parts", "--steps", 4, "--threads", 1)
        self.train("parts", "--steps", 8, "--threads", 2, "--resume")
        self.train("one", "--steps", 8, "--threads", 1)
        self.assertTrue(self.newest("whole"))
        self.assertEqual(self.newest("whole"), self.newest("parts"))
        self.assertEqual(self.newest("whole"), self.newest("one"))

    def test_without_a_compiler(self):
        self.heddle("compile", self.model, "--train", "--batch", 3, "--seq", 13, "-o", "m.heddle",
                    "--strict", "--require-fused", "attention:2,ffn:2")
        trained = self.call("heddle-run", "train", "m.heddle", "--data", self.data, "--out", "run",
                            "--steps", 5)
        self.assertEqual(trained.returncode, 0, trained.stderr)
        said = self.call("heddle-run", "generate", "m.heddle", "--weights", "run", "--prompt", "He",
                         "--max-new-tokens", 4, "--seed", 3, "--json")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(len(json.loads(said.stdout)["ids"]), 4)

    def test_compiled_twice_is_the_same(self):
        for name in ("a", "b"):
            self.heddle("compile", self.model, "--train", "-o", f"{name}.heddle", "--threads",
                        1 if name == "a" else 2)
        self.assertEqual((self.at / "a.heddle").read_bytes(), (self.at / "b.heddle").read_bytes())


class Version(CommandLine):
    def test_both_programs_say_the_same(self):
        said = [self.call(tool, "--version").stdout for tool in ("heddle", "heddle-run")]
        self.assertRegex(said[0], r"^heddle \d+\.\d+\n$")
        self.assertEqual(said[0], said[1])


class WrongInput(CommandLine):
    """Exit code 2, and a message with what is wrong in the user's words."""

    CASES = (
        (("compile", "small.textproto", "-o", "x.heddle", "--seq", 33), "32 positions"),
        (("compile", "missing.textproto", "-o", "x.heddle"), "missing.textproto"),
        (("compile", "small.textproto"), "-o FILE.heddle"),
        (("compile", "small.textproto", "-o", "x.heddle", "--batch", 0), "--batch 0"),
        (("compile", "small.textproto", "-o", "x.heddle", "--target", "gpu"), "cpu:avx512"),
        (("compile", "small.textproto", "-o", "x.heddle", "--dtype", "f8"), "--dtype f8"),
        (("compile", "small.textproto", "-o", "x.heddle", "--require-fused", "attention:3"), "2 are fused"),
        (("compile", "small.textproto", "-o", "x.heddle", "--require-fused", "attention"), "op:count"),
        (("compile", "small.textproto", "--emit", "nowhere"), "planned"),
        (("compile", "broken.textproto", "-o", "x.heddle"), "broken.textproto:1:"),
        (("compile", "heads.textproto", "-o", "x.heddle"), "heads"),
        (("compile", "model.mlir", "-o", "x.heddle"), "model.mlir"),
        (("compile", "hf", "-o", "x.heddle"), "model_type"),
        (("train", "small.textproto", "--data", "empty.txt", "--steps", 1), "empty.txt"),
        (("train", "small.textproto", "--data", "nowhere.txt", "--steps", 1), "nowhere.txt"),
        (("generate", "small.textproto", "--prompt", ""), "prompt"),
        (("run", "small.textproto", "--inputs", "empty.txt", "--outputs", "o.safetensors"), "empty.txt"),
        (("inspect", "small.textproto", "--fusions", "--require-fused", "attention:3"), "2 are fused"),
        (("inspect", "small.textproto", "--shapes", "--require-fused", "attention:2"), "goes with --fusions"),
        (("inspect", "small.textproto", "--params", "--dump-dir", "d"), "goes with --ir"),
        (("inspect", "small.textproto", "--weights", "nowhere"), "nowhere"),
        (("nonsense",), "help"),
    )

    def test_each(self):
        self.write("small.textproto", SMALL)
        self.write("broken.textproto", "nmae: 3")
        self.write("heads.textproto", SMALL.replace("heads: 2", "heads: 5"))
        self.write("model.mlir", "func.func @f(")
        self.write("empty.txt", "")
        (self.at / "hf").mkdir()
        self.write("hf/config.json", '{"model_type": "mamba"}')
        for arguments, expected in self.CASES:
            with self.subTest(" ".join(map(str, arguments))):
                result = self.call("heddle", *arguments)
                self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
                self.assertIn(expected, result.stderr)
                self.assertFalse((self.at / "x.heddle").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
