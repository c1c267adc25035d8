#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every golden by command: outputs, every gradient, the count of parameters, curves of training.
HEDDLE_BIN_DIR is where the binaries are."""
import json
import math
import unittest

from command_line_test import ROOT, CommandLine

GOLDENS = ROOT / "tests/goldens"


class Goldens(CommandLine):
    def test_outputs_and_gradients(self):
        for golden in sorted(GOLDENS.glob("*/golden.safetensors")):
            with self.subTest(golden.parent.name):
                self.heddle("verify", golden.parent, "--grad", "--against", golden)

    def test_parameters_are_counted_as_in_the_checkpoint(self):
        for path in sorted(GOLDENS.glob("*/model.safetensors")):
            with self.subTest(path.parent.name):
                header = {}
                for part in (path, *path.parent.glob("*/model.safetensors")):  # of other modules
                    with open(part, "rb") as file:
                        tensors = json.loads(file.read(int.from_bytes(file.read(8), "little")))
                    tensors.pop("__metadata__", None)
                    header.update({(part.parent, key): value for key, value in tensors.items()})
                if path.parent.name in ("bert-untied", "deberta_v2-untied"):
                    # transformers stores the bias under this name too and reads it by the other.
                    header.pop((path.parent, "cls.predictions.bias"))
                if path.parent.name in ("bart-scaled-untied", "marian-untied"):
                    header.pop((path.parent, "model.shared.weight"))  # which no stack reads
                theirs = sum(math.prod(tensor["shape"]) for tensor in header.values())
                ours = json.loads(self.heddle("inspect", path.parent, "--params", "--json"))["params"]
                self.assertEqual(ours["elements"], theirs)
                self.assertEqual(sum(layer["elements"] for layer in ours["layers"]), theirs)

    def test_training_curves(self):
        for path in sorted(GOLDENS.glob("*/curve.json")):
            with self.subTest(path.parent.name):
                curve = json.loads(path.read_text())
                flags = [part for key, value in curve["flags"].items()
                         for part in (f"--{key}", value)]
                log = self.at / f"{path.parent.name}.jsonl"
                self.heddle("train", path.parent, "--data", path.parent / "batches.safetensors",
                            "--log", log, *flags)
                steps = [json.loads(line) for line in log.read_text().splitlines()]
                self.assertEqual(len(steps), len(curve["steps"]))
                for ours, theirs in zip(steps, curve["steps"]):
                    for key in ("loss", "grad_norm"):
                        self.assertAlmostEqual(ours[key] / theirs[key], 1, delta=1e-5, msg=key)


if __name__ == "__main__":
    unittest.main()
