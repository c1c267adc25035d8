#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folders of encoder-decoders as a user goes: everything fuses, the compiled numbers are those of
transformers, so are greedy and beam answers, a step trains, and wrong folders are errors in the
user's words."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "goldens"
BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
ANSWERS = json.loads((GOLDENS / "seq2seq.json").read_text())
FAMILIES = ("t5", "bart", "marian", "whisper")


def layers_of(folder):
    config = json.loads((folder / "config.json").read_text())
    return (config.get("encoder_layers", config.get("num_layers")),
            config.get("decoder_layers", config.get("num_decoder_layers")))


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return header, data[8 + size:]


def write_safetensors(path, header, body):
    """The named tensors of a file, as they are."""
    names, parts, at = {}, [], 0
    for name, info in header.items():
        begin, end = info["data_offsets"]
        names[name] = {**info, "data_offsets": [at, at + end - begin]}
        parts.append(body[begin:end])
        at += end - begin
    text = json.dumps(names).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


class Seq2Seq(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.base = pathlib.Path(folder.name)
        cls.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(cls.base / "cache"))
        cls.folders = sorted(path for family in FAMILIES for path in GOLDENS.glob(f"{family}-*")
                             if not path.name.startswith("t5-encoder"))  # no decoder

    def call(self, tool, *arguments, code=0):
        result = subprocess.run([str(BIN / tool), *map(str, arguments)], text=True, timeout=300,
                                env=self.environment, capture_output=True)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def heddle(self, *arguments, code=0):
        result = self.call("heddle", *arguments, code=code)
        return result.stdout if code == 0 else result.stderr

    def test_everything_fuses(self):
        self.assertGreaterEqual(len(self.folders), 11)
        for folder in self.folders:
            with self.subTest(folder.name):
                encoder, decoder = layers_of(folder)
                train = [] if folder.name.endswith("-model") else ["--train"]
                self.heddle("compile", folder, *train, "--batch", 2, "--seq", 12, "-o",
                            self.base / "x.heddle", "--strict", "--require-fused",
                            f"attention:{encoder + 2 * decoder},ffn:{encoder + decoder}")

    def test_numbers(self):
        for folder in self.folders:
            with self.subTest(folder.name):
                self.heddle("verify", folder, "--against", folder / "golden.safetensors")

    def test_every_kernel_and_pass(self):
        for name in ("t5-relu", "bart-default", "bart-sequence", "marian-two-vocabularies", "whisper-default"):
            with self.subTest(name):
                self.heddle("verify", GOLDENS / name, "--grad", "--passes")

    def test_answers(self):
        flags = {"num_beams": "--beams", "length_penalty": "--length-penalty",
                 "repetition_penalty": "--repetition-penalty"}
        for name, cases in ANSWERS.items():
            for case in cases:
                with self.subTest(name, **case["flags"]):
                    words = []
                    for key, value in case["flags"].items():
                        words += ["--early-stopping"] if key == "early_stopping" else [flags[key], value]
                    if "num_beams" not in case["flags"]:
                        words += ["--temperature", 0]
                    said = self.heddle("generate", GOLDENS / name, "--prompt-ids",
                                       ",".join(map(str, case["source"])), "--max-new-tokens", 8,
                                       "--seq", 16, "--source-seq", 11, "--json", *words)
                    answer = json.loads(said)
                    self.assertEqual(answer["ids"], case["ids"])
                    if "score" in case:
                        self.assertAlmostEqual(answer["score"], case["score"], places=3)

    def test_several_sources_at_a_time(self):
        """A source's answer does not depend on the others, and needs no compiler."""
        cases = [case for case in ANSWERS["bart-default"] if not case["flags"]]
        compiled = self.base / "bart.heddle"
        self.heddle("compile", GOLDENS / "bart-default", "--batch", 2, "--seq", 10, "--source-seq", 9,
                    "-o", compiled)
        said = self.call("heddle-run", "generate", compiled, "--prompt-ids",
                         *(",".join(map(str, case["source"])) for case in cases),
                         "--max-new-tokens", 8, "--temperature", 0, "--json").stdout
        self.assertEqual([json.loads(line)["ids"] for line in said.splitlines()],
                         [case["ids"] for case in cases])
        self.assertIn("has 10 tokens",
                      self.call("heddle-run", "generate", compiled, "--prompt-ids",
                                ",".join("5" * 10), code=2).stderr)
        self.assertIn("--source-seq 8",
                      self.call("heddle-run", "generate", compiled, "--prompt-ids", "5", "--source-seq",
                                8, code=2).stderr)

    def test_what_the_decoder_reads(self):
        """decoder_input_ids are made of labels where they are not given."""
        for name in ("t5-gated", "bart-default", "whisper-default"):
            with self.subTest(name):
                header, body = read_safetensors(GOLDENS / name / "golden.safetensors")
                inputs = {key[3:]: value for key, value in header.items() if key.startswith("in.")}
                whole, derived = self.base / "whole.safetensors", self.base / "derived.safetensors"
                write_safetensors(whole, inputs, body)
                del inputs["decoder_input_ids"]
                write_safetensors(derived, inputs, body)
                outputs = []
                for path in (whole, derived):
                    self.heddle("run", GOLDENS / name, "--inputs", path, "--outputs",
                                self.base / "out.safetensors")
                    outputs.append((self.base / "out.safetensors").read_bytes())
                self.assertEqual(outputs[0], outputs[1])
                del inputs["labels"]
                write_safetensors(derived, inputs, body)
                self.assertIn("holds neither decoder_input_ids nor labels",
                              self.heddle("run", GOLDENS / name, "--inputs", derived, "--outputs",
                                          self.base / "out.safetensors", code=2))

    def copy(self, name):
        folder = self.base / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(GOLDENS / name, folder)
        return folder

    def test_wrong_folders(self):
        inspect = ("inspect", self.base / "copy", "--params")
        folder = self.copy("bart-default")
        config = json.loads((folder / "config.json").read_text())
        for change, message in (({"rope_theta": 1.0}, 'key "rope_theta": unknown to the family bart'),
                                ({"encoder_layerdrop": 0.5}, 'key "encoder_layerdrop": 0.5'),
                                ({"encoder_attention_heads": 3}, "3 heads do not divide the width"),
                                ({"decoder_start_token_id": 67}, "expected one of the 67 tokens"),
                                ({"is_encoder_decoder": False}, 'key "is_encoder_decoder"'),
                                ({"activation_function": "mish"}, '"mish" is not supported')):
            with self.subTest(str(change)):
                (folder / "config.json").write_text(json.dumps({**config, **change}))
                self.assertIn(message, self.heddle(*inspect, code=2))
        (folder / "config.json").write_text(json.dumps(config))
        header, body = read_safetensors(folder / "model.safetensors")
        name = "model.decoder.layers.0.encoder_attn.k_proj.bias"
        missing = dict(header)
        del missing[name]
        write_safetensors(folder / "model.safetensors", missing, body)
        compile_ = ("generate", folder, "--prompt-ids", "5", "--max-new-tokens", 1)
        self.assertIn(name, self.heddle(*compile_, code=2))
        write_safetensors(folder / "model.safetensors",
                          {**header, "model.decoder.extra.weight": header[name]}, body)
        self.assertIn("model.decoder.extra.weight", self.heddle(*compile_, code=2))

    def without(self, name, *tensors):
        """A golden's folder that lacks some of its tensors."""
        folder = self.copy(name)
        header, body = read_safetensors(folder / "model.safetensors")
        write_safetensors(folder / "model.safetensors",
                          {key: info for key, info in header.items() if key not in tensors}, body)
        return folder

    def test_what_nobody_reads_may_be_missing(self):
        """Untied, both stacks have tables of their own, and the one they would share is a leftover."""
        for name in ("bart-scaled-untied", "marian-untied"):
            with self.subTest(name):
                folder = self.without(name, "model.shared.weight")
                self.heddle("verify", folder, "--against", folder / "golden.safetensors")
                for tensor in ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight",
                               "lm_head.weight"):
                    self.assertIn(f'holds no tensor "{tensor}"', self.heddle(
                        "generate", self.without(name, tensor), "--prompt-ids", "5", code=2))
        self.assertIn('holds no tensor "model.shared.weight"', self.heddle(
            "generate", self.without("bart-default", "model.shared.weight"), "--prompt-ids", "5", code=2))

    def test_a_text_classified(self):
        """The decoder reads the source itself: it takes no tokens and no length of its own."""
        model = GOLDENS / "bart-sequence"
        out = self.base / "out.safetensors"
        header, body = read_safetensors(model / "golden.safetensors")
        inputs = {key[3:]: value for key, value in header.items() if key.startswith("in.")}
        path = self.base / "in.safetensors"
        write_safetensors(path, {**inputs, "decoder_input_ids": inputs["input_ids"]}, body)
        self.assertIn("decoder_input_ids", self.heddle("run", model, "--inputs", path, "--outputs", out, code=2))
        self.assertIn("--source-seq 4: the decoder of", self.heddle(
            "compile", model, "--source-seq", 4, "-o", self.base / "x.heddle", code=2))
        self.assertIn("its head does not predict tokens", self.heddle(
            "generate", model, "--prompt-ids", "5", code=2))
        ids = inputs["input_ids"]
        begin, end = ids["data_offsets"]
        values = [5 if i < 11 and v == 2 else v
                  for i, v in enumerate(struct.unpack(f"<{(end - begin) // 8}q", body[begin:end]))]
        ended = body[:begin] + struct.pack(f"<{len(values)}q", *values) + body[end:]
        for backend in ("compiled", "interpreter"):
            write_safetensors(path, inputs, ended)
            self.assertIn("input_ids: row 0 has no token 2, whose vector stands for the text",
                          self.heddle("run", model, "--inputs", path, "--outputs", out, "--backend", backend, code=2))
        batches = self.base / "batches.safetensors"
        for tokens, message in (((2, 5, 2, 7), None), ((5, 6, 2, 7), "batches.safetensors: input_ids: row 0 has no")):
            batch = struct.pack("<6i", *tokens, 1, 3)
            write_safetensors(batches, {
                "input_ids": {"dtype": "I32", "shape": [1, 2, 2], "data_offsets": [0, 16]},
                "labels": {"dtype": "I32", "shape": [1, 2], "data_offsets": [16, 24]}}, batch)
            said = self.heddle("train", model, "--data", batches, "--steps", 1, code=2 if message else 0)
            self.assertIn(message or "", said)
        data = self.base / "texts.jsonl"
        data.write_text('{"text": "ab", "label": 1}\n{"text": "ba", "label": 3}\n' * 8)
        self.assertIn("tokens, the model's vocabulary only", self.heddle(
            "train", model, "--data", data, "--steps", 1, code=2))
        folder = self.copy("bart-sequence")
        config = json.loads((folder / "config.json").read_text())
        for change, message in (({"eos_token_id": None}, "token_id"), ({"eos_token_id": "2"}, "eos_token_id"),
                                ({"eos_token_id": -1}, "eos_token_id"),
                                ({"eos_token_id": 67}, "expected one of the 67 tokens"), ({"num_labels": 7}, "num_labels"),
                                ({"classifier_dropout": 1.5}, "classifier_dropout")):
            with self.subTest(str(change)):
                (folder / "config.json").write_text(json.dumps({**config, **change}))
                self.assertIn(message, self.heddle("inspect", folder, "--params", code=2))

    def test_flags(self):
        self.assertIn("has no encoder", self.heddle("compile", GOLDENS / "gpt2-default", "--source-seq", 4,
                                                    "-o", self.base / "x.heddle", code=2))


if __name__ == "__main__":
    unittest.main()
