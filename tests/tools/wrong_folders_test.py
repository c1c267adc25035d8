#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folders that are nearly right, a family after the other: each mistake of a checkpoint or of config.json
is an error that names it, and nothing is computed."""
import copy
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


def keys(width, layers, heads, hidden, activation, epsilon, dropout):
    return locals()


BERT = keys("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "layer_norm_eps", "hidden_dropout_prob")
BART = keys("d_model", "decoder_layers", "encoder_attention_heads", "encoder_ffn_dim", "activation_function", None,
            "dropout")
# What families call the same things.
FAMILIES = {
    "phi-default": {**BERT, "dropout": "resid_pdrop"},
    "opt-holes": {**BERT, "hidden": "ffn_dim", "activation": "activation_function", "epsilon": None,
                  "dropout": "dropout"},
    "bloom-holes": keys("hidden_size", "n_layer", "n_head", None, None, "layer_norm_epsilon", "hidden_dropout"),
    "roberta-masked-lm": BERT,
    "electra-masked-lm": BERT,
    "electra-discriminator": BERT,
    "distilbert-masked-lm": keys("dim", "n_layers", "n_heads", "hidden_dim", "activation", None, "dropout"),
    "xlnet-lm": keys("d_model", "n_layer", "n_head", "d_inner", "ff_activation", "layer_norm_eps", "dropout"),
    "marian-default": BART,
    "bart-sequence": BART,
    "t5-encoder": keys("d_model", "num_layers", "num_heads", "d_ff", "feed_forward_proj", "layer_norm_epsilon",
                       "dropout_rate"),
    "vit-classes": BERT,
}
SIZES = ("width", "layers", "heads", "hidden")
WRONG = {**{size: ("x", -1, 0, 1.5, 1 << 40, [], True) for size in SIZES},
         "activation": ("mish", 3, []), "epsilon": ("x", -1.0, []), "dropout": ("x", 1.0, -0.1, [])}


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: (info["dtype"], info["shape"], data[8 + size + info["data_offsets"][0]:
                                                      8 + size + info["data_offsets"][1]])
            for name, info in header.items()}


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(content)]}
        at += len(content)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(content for *_, content in tensors.values()))


class WrongFolders(unittest.TestCase):
    def setUp(self):
        base = tempfile.TemporaryDirectory()
        self.addCleanup(base.cleanup)
        self.base = pathlib.Path(base.name)
        self.out = self.base / "out.safetensors"
        self.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(self.base / "cache"))

    def open(self, name):
        self.folder = self.base / name
        self.folder.mkdir()
        shutil.copy(GOLDENS / name / "config.json", self.folder)
        shutil.copy(GOLDENS / name / "model.safetensors", self.folder)
        golden = read_safetensors(GOLDENS / name / "golden.safetensors")
        write_safetensors(self.base / "in.safetensors", {key[3:]: tensor for key, tensor in golden.items()
                                                         if key.startswith("in.") and key != "in.labels"})
        return json.loads((self.folder / "config.json").read_text())

    def run_model(self, code):
        result = subprocess.run([str(HEDDLE), "run", str(self.folder), "--inputs",
                                 str(self.base / "in.safetensors"), "--outputs", str(self.out), "--backend",
                                 "interpreter"], text=True, timeout=300, env=self.environment, capture_output=True)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        self.assertEqual(self.out.exists(), code == 0)
        return result.stderr

    def test_config(self):
        for name, known in FAMILIES.items():
            config = self.open(name)
            for role, key in known.items():
                if key is None:
                    continue
                for wrong in WRONG[role]:
                    with self.subTest(name, key=key, value=wrong):
                        (self.folder / "config.json").write_text(json.dumps({**config, key: wrong}))
                        self.assertIn(f'"{key}"', self.run_model(2))
                with self.subTest(name, misspelt=key):
                    misspelt = {other + "s" if other == key else other: value for other, value in config.items()}
                    (self.folder / "config.json").write_text(json.dumps(misspelt))
                    self.assertIn(f'key "{key}s": unknown to the family', self.run_model(2))
            # No width divides so, and where the heads have a size of their own no tensor fits.
            with self.subTest(name, heads=7):
                (self.folder / "config.json").write_text(json.dumps({**config, known["heads"]: 7}))
                self.assertRegex(self.run_model(2), f'"{known["heads"]}"|has shape|do not divide')

    def test_checkpoint(self):
        for name in FAMILIES:
            self.open(name)
            path = self.folder / "model.safetensors"
            tensors = read_safetensors(path)
            # What is computed, and a bias that may be zeros, need not be there.
            needed = [key for key in tensors if key != "final_logits_bias"]
            for tensor in (needed[0], needed[len(needed) // 2], needed[-1]):
                dtype, shape, content = tensors[tensor]
                wrong = {
                    "missing": {key: value for key, value in tensors.items() if key != tensor},
                    "extra": {**tensors, tensor + "s": tensors[tensor]},
                    "shape": {**tensors, tensor: (dtype, [*shape, 1], content)},
                    "longer": {**tensors, tensor: (dtype, [2 * shape[0], *shape[1:]], content * 2)},
                    "integers": {**tensors, tensor: ("I32", shape, content)},
                }
                for kind, content in wrong.items():
                    with self.subTest(name, tensor=tensor, kind=kind):
                        write_safetensors(path, content)
                        self.assertIn(f'"{tensor}s"' if kind == "extra" else f'"{tensor}"', self.run_model(2))
            write_safetensors(path, copy.copy(tensors))
            self.run_model(0)
            self.out.unlink()


if __name__ == "__main__":
    unittest.main()
