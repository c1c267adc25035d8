#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Embeddings of texts: learned from pairs, with dense layers too, saved as folders of sentence-transformers,
and asked for."""
import json
import struct
import unittest

from objective_case import WORDS, ObjectiveCase, read_tensor, write_bert, write_records


class Embeddings(ObjectiveCase):
    def test_contrastive(self):
        model = write_bert(self.base / "bare", "BertModel")
        pairs = [self.random.sample(WORDS, 2) for _ in range(200)]
        records = write_records(self.base / "pairs.jsonl",
                                [{"text": f"{a} {b}", "positive": f"{b} and {a}"} for a, b in pairs])
        found = self.learn("contrastive", model, records, ["retrieval_at_1"], "--objective", "contrastive")
        self.assertGreater(found[-1]["retrieval_at_1"], 0.9)
        # The checkpoint is a folder of sentence-transformers, and says what it learned.
        out = self.base / "contrastive-whole"
        self.assertTrue((out / "step-00000060/1_Pooling/config.json").is_file())
        # What its loss does not reach stays as it was.
        first = self.base / "contrastive-first"
        self.call("heddle", "train", model, "--objective", "contrastive", "--batch", 8, "--seq", 16, "--seed", 3,
                  "--steps", 0, "--out", first)
        for name, same in (("bert.pooler.dense.weight", True),
                           ("bert.embeddings.word_embeddings.weight", False)):
            tensors = [read_tensor(place / "model.safetensors", name)
                       for place in (first / "step-00000000", out / "step-00000060")]
            self.assertEqual(tensors[0] == tensors[1], same, name)
        self.assertIn("--objective masked-lm: the model's head is for contrastive",
                      self.call("heddle", "train", out, "--data", records, "--steps", 1, "--objective", "masked-lm",
                                code=2).stderr)
        message = self.call("heddle", "train", model, "--objective", "contrastive", "--data", records, "--batch",
                            3, "--steps", 1, "--seq", 8, code=2).stderr
        self.assertIn("expected an even number of texts, found 3", message)
        said = json.loads(self.call("heddle", "run", out, "--entry", "encode", "--text", "cat sun", "sun and cat",
                                    "tree falls", "--similarity", "--json").stdout)
        self.assertEqual((said["texts"], said["width"]), (3, 32))
        near, far = said["similarity"][0][1], said["similarity"][0][2]
        self.assertGreater(near, 0.8)
        self.assertLess(far, near - 0.2)

    def test_dense_layers_learn(self):
        model = write_bert(self.base / "dense", "BertModel")
        for place, config in (("1_Pooling", {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}),
                              ("2_Dense", {"in_features": 32, "out_features": 24, "bias": True,
                                           "activation_function": "torch.nn.modules.activation.Tanh"})):
            (model / place).mkdir()
            (model / place / "config.json").write_text(json.dumps(config))
        (model / "modules.json").write_text(json.dumps(
            [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
             for i, (path, kind) in enumerate((("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"),
                                               ("3_Normalize", "Normalize")))]))
        pairs = [self.random.sample(WORDS, 2) for _ in range(200)]
        records = write_records(self.base / "dense.jsonl",
                                [{"text": f"{a} {b}", "positive": f"{b} and {a}"} for a, b in pairs])
        found = self.learn("dense", model, records, ["retrieval_at_1"])
        self.assertGreater(found[-1]["retrieval_at_1"], 0.9)
        # The checkpoint has the layer where the package looks for it, and opens as the model that it is.
        step = self.base / "dense-whole/step-00000060"
        first = self.base / "dense-first"
        self.call("heddle", "train", model, "--batch", 8, "--seq", 16, "--seed", 3, "--steps", 0, "--out", first)
        for name in ("linear.weight", "linear.bias"):
            self.assertNotEqual(read_tensor(first / "step-00000000/2_Dense/model.safetensors", name),
                                read_tensor(step / "2_Dense/model.safetensors", name))
        with self.assertRaises(KeyError):
            read_tensor(step / "model.safetensors", "2_Dense/linear.weight")
        said = json.loads(self.call("heddle", "run", step, "--entry", "encode", "--text", "cat sun", "sun and cat",
                                    "--similarity", "--json").stdout)
        self.assertEqual(said["width"], 24)
        self.assertGreater(said["similarity"][0][1], 0.8)

    def test_encoding_texts(self):
        model = write_bert(self.base / "encoder", "BertModel")
        texts = self.base / "lines.txt"
        lines = [self.fact() for _ in range(20)] + ["cat " * 60]
        texts.write_text("\n".join(lines) + "\n")
        npy, tensors = self.base / "e.npy", self.base / "e.safetensors"
        result = self.call("heddle", "run", model, "--entry", "encode", "--file", texts, "--outputs", npy)
        self.assertIn("sentence_embedding F32 [21, 32]", result.stdout)
        self.assertIn("1 of 21 texts cut to 32 tokens", result.stderr)
        executable = self.base / "encoder.heddle"
        self.call("heddle", "compile", model, "--batch", 4, "--seq", 32, "-o", executable)
        self.call("heddle-run", "run", executable, "--entry", "encode", "--file", texts, "--outputs", tensors)
        content = npy.read_bytes()
        self.assertTrue(content.startswith(b"\x93NUMPY\x01\x00"))
        size = struct.unpack("<H", content[8:10])[0]
        self.assertEqual((10 + size) % 64, 0)
        self.assertIn(b"'shape': (21, 32)", content[:10 + size])
        vectors = struct.unpack("<672f", content[10 + size:])
        other = struct.unpack("<672f", tensors.read_bytes()[-4 * 672:])
        self.assertLess(max(abs(a - b) for a, b in zip(vectors, other)), 1e-5)
        for arguments, message in (
                (("--entry", "encode", "--file", texts, "--outputs", npy, "--strict"), "text 21: 62 tokens"),
                (("--file", texts, "--outputs", npy), "--file: goes with --entry encode only"),
                (("--entry", "encode"), "--inputs: missing; or --text or --file"),
                (("--entry", "encode", "--text", "a"), "--outputs: missing; or --similarity"),
                (("--entry", "encode", "--file", self.base / "none", "--similarity"), "none")):
            self.assertIn(message, self.call("heddle", "run", model, *arguments, code=2).stderr)


if __name__ == "__main__":
    unittest.main()
