#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folders of Hugging Face, a family after the other: all of attention and FFN fuses, the compiled
numbers are those of transformers, and so are the tokens."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "goldens"
HEDDLE = pathlib.Path(os.environ["HEDDLE_BIN_DIR"]) / "heddle"
GREEDY = json.loads((GOLDENS / "greedy.json").read_text())


class Families(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.base = pathlib.Path(folder.name)
        cls.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(cls.base / "cache"))

    def heddle(self, *arguments):
        result = subprocess.run([str(HEDDLE), *map(str, arguments)], text=True, timeout=300,
                                env=self.environment, capture_output=True)
        self.assertEqual(result.returncode, 0, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result.stdout

    def test_everything_fuses(self):
        for name, known in GREEDY.items():
            with self.subTest(name):
                layers = known["layers"]
                self.heddle("compile", GOLDENS / name, "--train", "--batch", 2, "--seq", 16, "-o",
                            self.base / "x.heddle", "--strict", "--require-fused",
                            f"attention:{layers},ffn:{layers}")

    def test_numbers(self):
        for name in GREEDY:
            with self.subTest(name):
                self.heddle("verify", GOLDENS / name, "--against",
                            GOLDENS / name / "golden.safetensors")

    def test_greedy_tokens(self):
        for name, known in GREEDY.items():
            with self.subTest(name):
                prompt = ",".join(map(str, known["prompt"]))
                said = self.heddle("generate", GOLDENS / name, "--prompt-ids", prompt,
                                   "--max-new-tokens", 8, "--temperature", 0, "--seq", 16, "--json")
                self.assertEqual(json.loads(said)["ids"], known["ids"])


if __name__ == "__main__":
    unittest.main()
