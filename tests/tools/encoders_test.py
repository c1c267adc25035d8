#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folders of encoders as a user goes: everything fuses, `run` writes what transformers returns, and
what cannot be done is an error in the user's words."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "goldens"
HEDDLE = pathlib.Path(os.environ["HEDDLE_BIN_DIR"]) / "heddle"
FAMILIES = ("bert", "deberta_v2", "distilbert", "electra", "roberta", "xlnet")


def layers_of(folder):
    config = json.loads((folder / "config.json").read_text())
    return config.get("num_hidden_layers", config.get("n_layers", config.get("n_layer")))


def write_ids(path, **tensors):
    """Integers by name, all of one shape."""
    header, body = {}, b""
    for name, (shape, values) in tensors.items():
        content = struct.pack(f"<{len(values)}i", *values)
        header[name] = {"dtype": "I32", "shape": shape, "data_offsets": [len(body), len(body) + len(content)]}
        body += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


class Encoders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.base = pathlib.Path(folder.name)
        cls.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(cls.base / "cache"))
        cls.folders = sorted(path for family in FAMILIES for path in GOLDENS.glob(f"{family}-*"))

    def heddle(self, *arguments, code=0):
        result = subprocess.run([str(HEDDLE), *map(str, arguments)], text=True, timeout=300,
                                env=self.environment, capture_output=True)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result.stdout + result.stderr

    def test_everything_fuses(self):
        self.assertGreaterEqual(len(self.folders), 25)
        for folder in self.folders:
            with self.subTest(folder.name):
                layers = layers_of(folder)
                train = [] if folder.name.endswith("-model") else ["--train"]
                self.heddle("compile", folder, *train, "--batch", 2, "--seq", 12, "-o",
                            self.base / "x.heddle", "--strict", "--require-fused",
                            f"attention:{layers},ffn:{layers}")

    def test_distances_fuse_without_training(self):
        folders = sorted([*GOLDENS.glob("deberta_v2-*"), *GOLDENS.glob("xlnet-*")])
        self.assertGreaterEqual(len(folders), 14)
        for folder in folders:
            for length in (1, 2, 12):
                with self.subTest(folder.name, length=length):
                    layers = layers_of(folder)
                    self.heddle("compile", folder, "--batch", 2, "--seq", length, "-o",
                                self.base / "x.heddle", "--strict", "--require-fused",
                                f"attention:{layers},ffn:{layers}")

    def test_every_kernel_and_pass(self):
        for name in ("bert-pretraining", "roberta-sequence", "distilbert-span", "electra-masked-lm",
                     "electra-discriminator", "embedding-dense", "bert-several-labels", "deberta_v2-masked-lm", "deberta_v2-new-head", "xlnet-lm"):
            with self.subTest(name):
                self.heddle("verify", GOLDENS / name, "--grad", "--passes")

    def test_numbers(self):
        for folder in [*GOLDENS.glob("electra-*"), *GOLDENS.glob("embedding-*"), *GOLDENS.glob("t5-enc*"),
                       GOLDENS / "xlnet-without-types"]:
            with self.subTest(folder.name):
                self.heddle("verify", folder, "--against", folder / "golden.safetensors")

    def test_weights_in_several_folders(self):
        folder = self.base / "dense"
        shutil.copytree(GOLDENS / "embedding-two-dense", folder)
        golden = folder / "golden.safetensors"
        config = folder / "3_Dense/config.json"
        told = config.read_text()
        ids = write_ids(self.base / "ids.safetensors", input_ids=([4, 9], [i % 31 for i in range(36)]))
        run = ("--entry", "encode", "--inputs", ids, "--outputs", self.base / "out.safetensors")
        for key, value, message in (("out_features", 7, 'tensor "linear.weight": has shape [23, 12], expected [7, 12]'),
                                    ("bias", False, 'tensor "3_Dense/linear.bias" belongs to no parameter')):
            config.write_text(json.dumps({**json.loads(told), key: value}))
            self.assertIn(message, self.heddle("run", folder, *run, code=2))
        config.write_text(told)
        compiled = self.base / "dense.heddle"
        self.heddle("compile", folder, "--batch", 4, "--seq", 9, "-o", compiled)
        weights = folder / "3_Dense/model.safetensors"
        content = weights.read_bytes()
        weights.write_bytes(content[:-4] + struct.pack("<f", 2.5))
        result = subprocess.run([str(HEDDLE) + "-run", "run", compiled, *run], text=True,
                                env=self.environment, capture_output=True)
        self.assertEqual(result.returncode, 2)
        self.assertIn("the weights recorded at compile time have changed", result.stderr)
        self.assertIn("DIFFERS", self.heddle("verify", folder, "--against", golden, code=1))
        weights.unlink()
        self.assertIn("3_Dense: no weights: expected", self.heddle("run", folder, *run, code=2))
        (folder / "3_Dense/config.json").unlink()
        self.assertIn("3_Dense/config.json", self.heddle("run", folder, *run, code=2))
        shutil.rmtree(folder / "2_Dense")
        self.assertIn("2_Dense/config.json", self.heddle("run", folder, *run, code=2))
        # A whole model elsewhere serves, one without those folders does not.
        other = GOLDENS / "embedding-two-dense"
        self.heddle("run", other, "--weights", other / "model.safetensors", *run)
        self.assertIn("2_Dense: no such folder, and the model has weights there",
                      self.heddle("run", other, "--weights", GOLDENS / "embedding-mean", *run, code=2))

    def test_what_a_model_without_head_cannot(self):
        model = GOLDENS / "bert-model"
        data = GOLDENS / "bert-masked-lm/batches.safetensors"
        self.assertIn("it has no head", self.heddle("train", model, "--data", data, "--steps", 1,
                                                    code=2))
        self.assertIn("it has no head", self.heddle("compile", model, "--train", "-o",
                                                    self.base / "x.heddle", code=2))
        self.assertIn("it looks ahead", self.heddle("generate", model, "--prompt-ids", "1,2",
                                                    code=2))

    def test_data_that_does_not_fit(self):
        model = GOLDENS / "bert-masked-lm"
        text = self.base / "text.txt"
        text.write_text("some words " * 100)
        self.assertIn("(--objective classification) needs records",
                      self.heddle("train", GOLDENS / "bert-sequence", "--data", text, "--steps", 1,
                                  "--seq", 8, code=2))
        # Without a tokenizer tokens are bytes: more than this vocabulary.
        self.assertIn("tokens, the model's vocabulary only",
                      self.heddle("train", model, "--data", text, "--steps", 1, "--seq", 8, code=2))
        self.assertIn("(--objective classification) needs records",
                      self.heddle("train", GOLDENS / "electra-discriminator", "--data", text, "--steps", 1,
                                  "--seq", 8, code=2))
        ready = write_ids(self.base / "ready.safetensors", input_ids=([1, 1, 4], [3, 5, 7, 9]),
                          labels=([1, 1, 4], [0, 1, -100, 2]))
        self.assertIn("ready.safetensors: labels: 2",
                      self.heddle("train", GOLDENS / "electra-discriminator", "--data", ready, "--steps", 1, code=2))
        # Labels of rows for a model that wants them for tokens, token types that it does not have.
        for name, data, message in (("bert-tokens", "roberta-sequence", "input targets: has shape"),
                                    ("distilbert-masked-lm", "bert-masked-lm",
                                     "input token_type_ids: entry step takes")):
            with self.subTest(name):
                said = self.heddle("train", GOLDENS / name, "--data",
                                   GOLDENS / data / "batches.safetensors", "--steps", 1, code=2)
                self.assertIn(message, said)


if __name__ == "__main__":
    unittest.main()
