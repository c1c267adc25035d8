#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`heddle train --lora`: the curves of PyTorch, PEFT's files and the merged ones, resuming, mistakes."""
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

from freeze_test import BIN, GOLDENS, GPT2, MOMENTS, WEIGHTS, read

ADAPTER = "adapter_model.safetensors"
SPEC = "r=4,alpha=6,targets=c_attn,attn.c_proj"
A = "base_model.model.transformer.h.{}.attn.{}.lora_A.weight"
B = "base_model.model.transformer.h.{}.attn.{}.lora_B.weight"


def floats(data):
    return struct.unpack(f"<{len(data) // 4}f", data)


class Lora(unittest.TestCase):
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

    def train(self, *arguments, spec=SPEC, code=0):
        flags = ("--lora", spec) if spec else ()
        return self.run_tool("heddle", "train", GPT2, "--data", GPT2 / "batches.safetensors",
                             *flags, *arguments, code=code)

    def test_curves_are_those_of_pytorch(self):
        paths = sorted(GOLDENS.glob("*/adapter_curve.json"))
        self.assertGreaterEqual(len(paths), 2)
        for path in paths:
            with self.subTest(path.parent.name):
                curve = json.loads(path.read_text())
                flags = [part for key, value in curve["flags"].items()
                         for part in (f"--{key}", value)]
                log = self.at / "log.jsonl"
                self.run_tool("heddle", "train", path.parent, "--data",
                              path.parent / "batches.safetensors", "--log", log, "--seed", 13,
                              *flags)
                steps = [json.loads(line) for line in log.read_text().splitlines()]
                self.assertEqual(len(steps), len(curve["steps"]))
                for ours, theirs in zip(steps, curve["steps"]):
                    for key, delta in (("loss", 2e-6), ("grad_norm", 5e-5)):
                        self.assertAlmostEqual(ours[key] / theirs[key], 1, delta=delta, msg=key)

    def test_checkpoints_are_in_the_layout_of_peft(self):
        said = self.train("--steps", 2, "--out", self.at / "run")
        self.assertIn("1920 of 47360 parameters train (4.05 %, 8 of 36 tensors)", said)
        folder = self.at / "run/step-00000002"
        self.assertEqual({path.name for path in folder.iterdir()},
                         {ADAPTER, "adapter_config.json", "manifest.json", "training_state.json",
                          MOMENTS})
        config = json.loads((folder / "adapter_config.json").read_text())
        for key, value in {"peft_type": "LORA", "r": 4, "lora_alpha": 6, "lora_dropout": 0,
                           "fan_in_fan_out": True, "target_modules": ["c_attn", "attn.c_proj"],
                           "bias": "none", "task_type": "CAUSAL_LM",
                           "base_model_name_or_path": str(GPT2)}.items():
            self.assertEqual(config[key], value, key)
        tensors = read(folder / ADAPTER)
        names = {name.format(layer, module) for name in (A, B) for layer in (0, 1)
                 for module in ("c_attn", "c_proj")}
        self.assertEqual(tensors.keys(), names)
        width = len(read(GPT2 / WEIGHTS)["transformer.h.0.ln_1.weight"]) // 4
        self.assertEqual(len(tensors[A.format(0, "c_attn")]), 4 * 4 * width)
        self.assertEqual(len(tensors[B.format(0, "c_attn")]), 4 * 4 * 3 * width)
        self.assertEqual(read(folder / MOMENTS).keys(),
                         {f"adam.{kind}.{name}" for kind in "mv" for name in names})

    def test_first_values(self):
        self.train("--steps", 0, "--out", self.at / "run")
        tensors = read(self.at / "run/step-00000000" / ADAPTER)
        bound = 40 ** -0.5  # of the width
        for name, data in tensors.items():
            values = floats(data)
            if "lora_B" in name:
                self.assertFalse(any(values), name)
            else:
                self.assertLessEqual(max(map(abs, values)), bound, name)
                self.assertGreater(max(map(abs, values)), 0.9 * bound, name)
        self.assertNotEqual(tensors[A.format(0, "c_attn")], tensors[A.format(1, "c_attn")])

    def test_merged_weights_are_the_sum(self):
        self.train("--steps", 3, "--lr", 0.05, "--out", self.at / "apart")
        self.train("--steps", 3, "--lr", 0.05, "--out", self.at / "merged",
                   spec=SPEC + ",save=merged")
        before = read(GPT2 / WEIGHTS)
        folder = self.at / "merged/step-00000003"
        self.assertFalse((folder / "adapter_config.json").exists())
        after, adapters = read(folder / WEIGHTS), read(self.at / "apart/step-00000003" / ADAPTER)
        self.assertEqual(before.keys(), after.keys())
        width = 40
        for name in before:
            module = name.removesuffix(".weight")
            if f"base_model.model.{module}.lora_A.weight" not in adapters:
                self.assertEqual(before[name], after[name], name)
                continue
            a = floats(adapters[f"base_model.model.{module}.lora_A.weight"])
            b = floats(adapters[f"base_model.model.{module}.lora_B.weight"])
            old, new = floats(before[name]), floats(after[name])
            self.assertNotEqual(old, new)
            out = len(b) // 4
            for i in range(width):
                for o in range(out):
                    change = 6 / 4 * sum(b[o * 4 + r] * a[r * width + i] for r in range(4))
                    self.assertAlmostEqual(new[i * out + o], old[i * out + o] + change, delta=1e-6)
        # It is a model like any other.
        said = self.run_tool("heddle", "generate", self.at / "merged", "--prompt-ids", "1,2,3",
                             "--max-new-tokens", 4, "--temperature", 0, "--json")
        self.assertIn('"ids":[', said.replace(" ", ""))

    def test_resume(self):
        for save, files in (("apart", (ADAPTER, MOMENTS)), ("merged", (WEIGHTS, MOMENTS))):
            with self.subTest(save):
                spec = f"{SPEC},dropout=0.2,save={save}"
                whole, parts = self.at / f"{save}-whole", self.at / f"{save}-parts"
                self.train("--steps", 5, "--grad-accum", 2, "--out", whole, spec=spec)
                self.train("--steps", 2, "--grad-accum", 2, "--out", parts, spec=spec)
                self.train("--steps", 5, "--grad-accum", 2, "--out", parts, "--resume", spec=spec)
                for file in files:
                    self.assertEqual((whole / "step-00000005" / file).read_bytes(),
                                     (parts / "step-00000005" / file).read_bytes(), file)
        for other, message in (("r=4,alpha=8,targets=c_attn,attn.c_proj,dropout=0.2",
                                "alpha=6,targets=attn.c_proj,c_attn,dropout=0.2, this one r=4,alpha"
                                "=8"), ("", "this one no adapters")):
            self.assertIn(message, self.train("--steps", 6, "--out", self.at / "apart-parts",
                                              "--resume", spec=other, code=2))
        self.train("--steps", 1, "--out", self.at / "plain", spec="")
        self.assertIn("--lora: the run to be resumed has no adapters",
                      self.train("--steps", 2, "--out", self.at / "plain", "--resume", code=2))

    def test_adapters_of_the_ffn_and_dropout_train(self):
        said = self.train("--steps", 2, "--seed", 1, spec="targets=c_fc,mlp.c_proj,dropout=0.5,r=1")
        other = self.train("--steps", 2, "--seed", 2, spec="targets=c_fc,mlp.c_proj,dropout=0.5,r=1")
        loss = [line for line in said.splitlines() if line.startswith("step 2, loss")]
        self.assertEqual(len(loss), 1)
        self.assertNotIn(loss[0], other)

    def test_executables(self):
        file = self.at / "f.heddle"
        self.run_tool("heddle", "compile", GPT2, "--train", "--batch", 3, "--seq", 13, "--lora",
                      SPEC, "-o", file)
        data = GPT2 / "batches.safetensors"
        self.run_tool("heddle-run", "train", file, "--data", data, "--weights", GPT2, "--steps", 2,
                      "--out", self.at / "one")
        self.train("--steps", 2, "--out", self.at / "two")
        self.assertEqual((self.at / "one/step-00000002" / ADAPTER).read_bytes(),
                         (self.at / "two/step-00000002" / ADAPTER).read_bytes())
        plain = self.at / "p.heddle"
        self.run_tool("heddle", "compile", GPT2, "--train", "--batch", 3, "--seq", 13, "-o", plain)
        self.assertIn("is compiled without adapters",
                      self.run_tool("heddle-run", "train", plain, "--data", data, "--steps", 1,
                                    "--lora", SPEC, code=2))

    def test_mistakes(self):
        for spec, message in (
                ("r=4", "targets is missing"),
                ("8", '"8": expected name=value'),
                ("r=0,targets=c_attn", "r=0: expected a rank from 1 to 65536"),
                ("r=x,targets=c_attn", "r=x: expected a rank"),
                ("alpha=-1,targets=c_attn", "alpha=-1: expected a positive number"),
                ("dropout=1,targets=c_attn", "dropout=1: expected a number from 0 to less than 1"),
                ("save=both,targets=c_attn", "save=both: expected apart or merged"),
                ("rank=4,targets=c_attn", '"rank" is unknown; expected r, alpha, targets'),
                ("r=4,r=5,targets=c_attn", "r is there twice"),
                ("targets=", "targets=: expected names of layers"),
                ("targets=c_atn", "targets=c_atn: no layer's name ends so; near it: "
                                  "transformer.h.0.attn.c_attn"),
                ("targets=attn", "targets=attn: no layer's name ends so"),
                ("targets=c_attn,tn.c_proj", "targets=tn.c_proj: no layer's name ends so"),
                ("targets=wte", "targets=wte: is a table or a head")):
            with self.subTest(spec):
                self.assertIn(message, self.train("--steps", 1, spec=spec, code=2))


if __name__ == "__main__":
    unittest.main()
