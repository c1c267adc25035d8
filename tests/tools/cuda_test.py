#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole models on the emulated CUDA device: against the interpreter and other systems' numbers, from
the command line and with no compiler on board."""
import json
import os
import unittest

from tool_case import ROOT, ToolCase

GOLDENS = ROOT / "tests/goldens"
CUDA = ("--target", "cuda:emulated")


class EmulatedCuda(ToolCase):
    def test_goldens(self):
        """Outputs, loss and every gradient of one model of each kind."""
        for name in ("gpt2-default", "bert-masked-lm", "bart-default"):
            with self.subTest(name):
                folder = GOLDENS / name
                self.succeeds("verify", folder, "--grad", "--against", folder / "golden.safetensors",
                              *CUDA, tool="heddle")

    def test_training_is_that_of_the_processor(self):
        """An executable for it trains under heddle-run; the losses are those of the CPU's."""
        losses = {}
        for target in ("cpu", "cuda:emulated"):
            executable = self.at / f"{target.replace(':', '-')}.heddle"
            self.succeeds(*self.compilation(executable, "--target", target))
            log = self.at / f"{target.replace(':', '-')}.jsonl"
            self.succeeds("train", executable, "--data", self.data, "--steps", 3, "--log", log)
            losses[target] = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
        for ours, theirs in zip(losses["cuda:emulated"], losses["cpu"], strict=True):
            self.assertAlmostEqual(ours, theirs, delta=1e-4 * abs(theirs))

    def test_the_order_of_threads_changes_no_bit(self):
        executable = self.at / "m.heddle"
        self.succeeds(*self.compilation(executable, *CUDA))
        outputs = []
        for seed in ("0", "77"):
            output = self.at / f"{seed}.safetensors"
            self.succeeds("run", executable, "--inputs", self.inputs, "--outputs", output,
                          env={"HEDDLE_EMULATOR_SEED": seed})
            outputs.append(output.read_bytes())
        self.assertEqual(*outputs)
        self.fails(2, ["HEDDLE_EMULATOR_SEED=seven"], "bench", executable,
                   env={"HEDDLE_EMULATOR_SEED": "seven"})

    def test_the_text_of_kernels_is_dumped(self):
        self.succeeds(*self.compilation(self.at / "m.heddle", *CUDA, "--dump-dir", self.at / "d"))
        texts = list((self.at / "d").rglob("*.cu"))
        self.assertGreater(len(texts), 10)
        for text in texts:
            self.assertIn("GK_KERNEL", text.read_text())

    def test_a_device_that_is_not_supported_yet(self):
        for target in ("cuda", "cuda:sm_90a", "cuda:nonsense"):
            self.fails(2, [f"--target {target}", "cuda:emulated"],
                       *self.compilation(self.at / "m.heddle", "--target", target))

    def test_an_executable_for_it_is_none_for_the_processor(self):
        executable = self.at / "m.heddle"
        self.succeeds(*self.compilation(executable, *CUDA))
        self.fails(2, ["--target cpu", "cuda:emulated"], "bench", executable, "--target", "cpu")
        self.fails(2, ["--target cuda:emulated"], "bench", self.executable, *CUDA)

    def test_no_host_compiler(self):
        result = self.fails(2, ["--target cuda:emulated", "C++ compiler"], *self.compilation(self.at / "m.heddle", *CUDA),
                            env={"PATH": str(self.at), "HEDDLE_CACHE_DIR": str(self.at / "none")})
        self.assertFalse((self.at / "m.heddle").exists(), result.stderr)


if __name__ == "__main__":
    unittest.main()
