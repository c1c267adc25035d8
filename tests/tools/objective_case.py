# SPDX-License-Identifier: Apache-2.0
"""What tests of training objectives share: tiny folders, records and tensors; a run, and the same one
resumed."""
import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
WORDS = ("the a cat dog bird sits runs sings on under mat tree red blue big small and one two sun moon rises "
         "falls good bad .").split()
ANIMALS = {"cat": "sits", "dog": "runs", "bird": "sings"}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = SPECIAL + WORDS


def word_tokenizer():
    """tokenizer.json with a token a word, framed as BERT's texts are."""
    special = [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for i, token in enumerate(SPECIAL)]

    def template(*parts):
        return [{"Sequence": {"id": part, "type_id": kind}} if len(part) == 1 else
                {"SpecialToken": {"id": part, "type_id": kind}} for part, kind in parts]
    single = template(("[CLS]", 0), ("A", 0), ("[SEP]", 0))
    return {"version": "1.0", "added_tokens": special, "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": {
                "type": "TemplateProcessing", "single": single,
                "pair": single + template(("B", 1), ("[SEP]", 1)),
                "special_tokens": {token: {"id": token, "ids": [SPECIAL.index(token)], "tokens": [token]}
                                   for token in ("[CLS]", "[SEP]")}},
            "model": {"type": "WordLevel", "unk_token": "[UNK]",
                      "vocab": {token: i for i, token in enumerate(VOCABULARY)}}}


def write_bert(folder, architecture, **more):
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(word_tokenizer()))
    config = dict(model_type="bert", architectures=[architecture], vocab_size=len(VOCABULARY), hidden_size=32,
                  num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
                  max_position_embeddings=32, **more)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_records(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def write_safetensors(path, **tensors):
    """name=(dtype, shape, bytes)"""
    header, at = {}, 0
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(content)]}
        at += len(content)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t[2] for t in tensors.values()))
    return path


def read_tensor(path, name):
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    begin, end = json.loads(content[8:8 + size])[name]["data_offsets"]
    return content[8 + size + begin:8 + size + end]


class ObjectiveCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.base = pathlib.Path(folder.name)
        cls.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(cls.base / "cache"))
        cls.random = random.Random(1)

    def call(self, tool, *arguments, code=0):
        result = subprocess.run([str(BIN / tool), *map(str, arguments)], text=True, timeout=300,
                                env=self.environment, capture_output=True)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def fact(self):
        animal = self.random.choice(sorted(ANIMALS))
        return f"the {self.random.choice(['red', 'blue', 'big'])} {animal} {ANIMALS[animal]} on the mat"

    def learn(self, name, model, data, metrics, *flags, batch=8, seq=16, steps=60, fall=0.7):
        """Trains in one go, and with a stop in between from an executable; compares; returns the log."""
        common = ["--data", data, "--lr", 3e-3, "--seed", 3, "--eval-interval", 20, "--eval-iters", 2,
                  "--grad-accum", 2, "--dropout", 0.1, *flags]
        shape = ["--batch", batch, "--seq", seq]
        whole, parts = self.base / f"{name}-whole", self.base / f"{name}-parts"
        result = self.call("heddle", "train", model, *shape, *common, "--steps", steps, "--out", whole,
                           "--log", f"{whole}.jsonl", "--json", "--strict")
        final = json.loads(result.stdout)
        log = [json.loads(line) for line in pathlib.Path(f"{whole}.jsonl").read_text().splitlines()]
        evaluations = [line for line in log if "val_loss" in line]
        self.assertEqual([line["step"] for line in evaluations], list(range(0, steps + 1, 20)))
        self.assertLess(evaluations[-1]["val_loss"], fall * evaluations[0]["val_loss"], evaluations)
        for metric in metrics:
            self.assertEqual(evaluations[-1][metric], final[metric])
        self.assertEqual(set(evaluations[0]) - {"step", "val_loss"}, set(metrics))

        executable = self.base / f"{name}.heddle"
        self.call("heddle", "compile", model, "--train", *shape, "--dropout", 0.1, "-o", executable,
                  *flags)  # what a step is compiled for
        for end in (steps // 3 + 3, steps):
            self.call("heddle-run", "train", executable, *common, "--steps", end, "--out", parts, "--resume",
                      "--log", f"{parts}.jsonl")
        last = f"step-{steps:08d}"
        names = sorted(p.relative_to(whole / last) for p in (whole / last).rglob("*") if p.is_file())
        self.assertIn(pathlib.Path("config.json"), names)
        for file in names:
            self.assertEqual((whole / last / file).read_bytes(), (parts / last / file).read_bytes(), file)

        def without_speed(path):
            lines = map(json.loads, pathlib.Path(path).read_text().splitlines())
            return [{k: v for k, v in line.items() if k != "tokens_per_s"} for line in lines]
        self.assertEqual(without_speed(f"{whole}.jsonl"), without_speed(f"{parts}.jsonl"))
        return evaluations
