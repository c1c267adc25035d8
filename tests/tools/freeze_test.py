#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`heddle train --freeze`: the curves of PyTorch, what checkpoints hold, resuming, and mistakes."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "goldens"
BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
GPT2 = GOLDENS / "gpt2-default"
WEIGHTS = "model.safetensors"
MOMENTS = "training_state.safetensors"


def read(path):
    """Name to bytes of a safetensors file."""
    content = pathlib.Path(path).read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + size])
    header.pop("__metadata__", None)
    return {name: content[8 + size + begin:8 + size + end]
            for name, (begin, end) in ((n, t["data_offsets"]) for n, t in header.items())}


class Freeze(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.base = pathlib.Path(folder.name)
        cls.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(cls.base / "cache"))

    def setUp(self):
        self.at = pathlib.Path(tempfile.mkdtemp(dir=self.base))

    def run_tool(self, tool, *arguments, code=0):
        result = subprocess.run([str(BIN / tool), *map(str, arguments)], text=True, timeout=300,
                                env=self.environment, capture_output=True)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result.stdout + result.stderr

    def train(self, *arguments, model=GPT2, code=0):
        return self.run_tool("heddle", "train", model, "--data", GPT2 / "batches.safetensors",
                             *arguments, code=code)

    def test_curves_are_those_of_pytorch(self):
        paths = sorted(GOLDENS.glob("*/frozen_curve.json"))
        self.assertGreaterEqual(len(paths), 2)
        for path in paths:
            with self.subTest(path.parent.name):
                curve = json.loads(path.read_text())
                flags = []
                for key, value in curve["flags"].items():
                    for one in value if isinstance(value, list) else [value]:
                        flags += [f"--{key}", one]
                log = self.at / "log.jsonl"
                self.run_tool("heddle", "train", path.parent, "--data",
                              path.parent / "batches.safetensors", "--log", log, *flags)
                steps = [json.loads(line) for line in log.read_text().splitlines()]
                self.assertEqual(len(steps), len(curve["steps"]))
                for ours, theirs in zip(steps, curve["steps"]):
                    for key in ("loss", "grad_norm"):
                        self.assertAlmostEqual(ours[key] / theirs[key], 1, delta=2e-6, msg=key)

    def test_frozen_parameters_stay_and_have_no_moments(self):
        said = self.train("--steps", 3, "--weight-decay", 0.5, "--freeze", "transformer.h.1.*",
                          "--freeze", "transformer.wte.weight", "--out", self.at / "run")
        before, after = read(GPT2 / WEIGHTS), read(self.at / "run/step-00000003" / WEIGHTS)
        moments = read(self.at / "run/step-00000003" / MOMENTS)
        self.assertEqual(before.keys(), after.keys())
        count = 0
        for name in before:
            frozen = name.startswith("transformer.h.1.") or name == "transformer.wte.weight"
            count += frozen
            self.assertEqual(before[name] == after[name], frozen, name)
            self.assertEqual(f"adam.m.{name}" in moments, not frozen, name)
            self.assertEqual(f"adam.v.{name}" in moments, not frozen, name)
        trained = sum(len(before[n]) for n in before if f"adam.m.{n}" in moments) // 4
        everything = sum(map(len, before.values())) // 4
        self.assertIn(f"{trained} of {everything} parameters train", said)
        self.assertIn(f"{len(before) - count} of {len(before)} tensors", said)

    def test_names_of_other_writers_match_too(self):
        said = self.train("--steps", 1, "--freeze", "lm_head.weight")  # the tied table
        self.assertIn("of 28 tensors", said)

    def test_resume(self):
        flags = ("--freeze", "transformer.h.0.*", "--grad-accum", 2)
        self.train("--steps", 5, *flags, "--out", self.at / "whole")
        self.train("--steps", 2, *flags, "--out", self.at / "parts")
        self.train("--steps", 5, *flags, "--out", self.at / "parts", "--resume")
        for file in (WEIGHTS, MOMENTS):
            self.assertEqual((self.at / "whole/step-00000005" / file).read_bytes(),
                             (self.at / "parts/step-00000005" / file).read_bytes(), file)
        more = self.train("--steps", 6, *flags, "--freeze", "transformer.h.1.*", "--out",
                          self.at / "parts", "--resume", code=2)
        self.assertIn('--freeze: the run to be resumed trained "transformer.h.1.', more)
        fewer = self.train("--steps", 6, "--grad-accum", 2, "--out", self.at / "parts", "--resume",
                           code=2)
        self.assertIn("did not train in the run to be resumed; resume with the same --freeze", fewer)

    def test_mistakes(self):
        said = self.train("--steps", 1, "--freeze", "transformer.h.0.atn.c_attn.*", code=2)
        self.assertIn('--freeze "transformer.h.0.atn.c_attn.*": no parameter of the model has such '
                      "a name; near it: transformer.h.0.attn.c_attn.weight", said)
        said = self.train("--steps", 1, "--freeze", "encoder.layer.7.qqqqqqqqqqqq", code=2)
        self.assertIn("the first of its 28 is transformer.wte.weight", said)
        self.assertIn("no parameter is left to train", self.train("--steps", 1, "--freeze", "*",
                                                                  code=2))
        self.assertIn('--freeze "": no parameter', self.train("--steps", 1, "--freeze", "", code=2))

    def test_executables_say_what_they_froze(self):
        file = self.at / "f.heddle"
        self.run_tool("heddle", "compile", GPT2, "--train", "--batch", 3, "--seq", 13, "--freeze",
                      "transformer.h.*", "-o", file)
        said = self.run_tool("heddle-run", "train", file, "--data", GPT2 / "batches.safetensors",
                             "--steps", 2, "--freeze", "transformer.h.*", "--out", self.at / "run")
        self.assertIn("of 28 tensors", said)
        after = read(self.at / "run/step-00000002" / WEIGHTS)
        before = read(GPT2 / WEIGHTS)
        self.assertEqual({n for n in before if before[n] == after[n]},
                         {n for n in before if n.startswith("transformer.h.")})
        said = self.run_tool("heddle-run", "train", file, "--steps", 0, "--freeze", "other", code=2)
        self.assertIn("is compiled with --freeze transformer.h.*", said)
        plain = self.at / "p.heddle"
        self.run_tool("heddle", "compile", GPT2, "--batch", 3, "--seq", 13, "-o", plain)
        self.assertIn("--freeze x: ", self.run_tool("heddle-run", "train", plain, "--steps", 0,
                                                    "--freeze", "x", code=2))

    def test_gradients_are_those_of_what_trains(self):
        import struct
        ids = struct.pack("<4i", 1, 2, 3, 4)
        header = json.dumps({name: {"dtype": "I32", "shape": [1, 4], "data_offsets": [at, at + 16]}
                             for name, at in (("input_ids", 0), ("labels", 16))}).encode()
        inputs, outputs = self.at / "in.safetensors", self.at / "out.safetensors"
        inputs.write_bytes(len(header).to_bytes(8, "little") + header + 2 * ids)
        self.run_tool("heddle", "run", GPT2, "--inputs", inputs, "--outputs", outputs, "--entry",
                      "grad", "--freeze", "transformer.h.*")
        frozen = read(outputs)
        self.run_tool("heddle", "run", GPT2, "--inputs", inputs, "--outputs", outputs, "--entry",
                      "grad")
        everything = read(outputs)
        self.assertEqual(frozen.keys(), {name for name in everything if ".h." not in name})
        for name, value in frozen.items():
            self.assertEqual(value, everything[name], name)
        said = self.run_tool("heddle", "run", GPT2, "--inputs", inputs, "--outputs", outputs,
                             "--freeze", "transformer.h.*", code=2)
        self.assertIn("--freeze: goes with --entry step and --entry grad only", said)


if __name__ == "__main__":
    unittest.main()
