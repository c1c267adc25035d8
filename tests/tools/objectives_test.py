#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every training objective on a tiny model as a user goes: the loss falls, the metric is said, a run that is
resumed is the unbroken one byte for byte, also from an executable; and texts become embeddings."""
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


class Objectives(unittest.TestCase):
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

    def test_masked_lm(self):
        model = write_bert(self.base / "masked", "BertForMaskedLM")
        text = self.base / "text.txt"
        text.write_text("\n".join(self.fact() for _ in range(300)))
        self.learn("masked-text", model, text, ["perplexity", "masked_accuracy"], fall=0.85)
        records = write_records(self.base / "text.jsonl", [{"text": self.fact()} for _ in range(200)])
        found = self.learn("masked-records", model, records, ["perplexity", "masked_accuracy"], "--objective",
                           "masked-lm")
        self.assertGreater(found[-1]["masked_accuracy"], 0.5)

    def test_next_sentence(self):
        model = write_bert(self.base / "pretraining", "BertForPreTraining")
        documents = []
        for _ in range(60):
            animal = self.random.choice(sorted(ANIMALS))
            documents.append("\n".join(f"the {color} {animal} {ANIMALS[animal]} ."
                                       for color in self.random.choices(["red", "blue", "big"], k=4)))
        text = self.base / "documents.txt"
        text.write_text("\n\n".join(documents))
        self.learn("next", model, text, ["masked_accuracy", "next_sentence_accuracy"])

    def test_classification(self):
        names = {"id2label": {"0": "negative", "1": "positive"}}
        model = write_bert(self.base / "sequence", "BertForSequenceClassification", **names)

        def record():
            good = self.random.random() < 0.5
            return {"text": " ".join(self.random.choices(WORDS[:10], k=4)), "text_pair": "good" if good else "bad",
                    "label": "positive" if good else 0}
        records = write_records(self.base / "classes.jsonl", [record() for _ in range(200)])
        found = self.learn("classes", model, records, ["accuracy"])
        self.assertEqual(found[-1]["accuracy"], 1)

    def test_regression_and_several_labels(self):
        model = write_bert(self.base / "regression", "BertForSequenceClassification", num_labels=1)
        records = [{"text": " ".join(["good"] * n + ["bad"] * (4 - n)), "label": n / 2}
                   for n in self.random.choices(range(5), k=200)]
        self.learn("regression", model, write_records(self.base / "numbers.jsonl", records), [])
        model = write_bert(self.base / "several", "BertForSequenceClassification",
                           id2label={str(i): name for i, name in enumerate(sorted(ANIMALS))},
                           problem_type="multi_label_classification")
        chosen = [self.random.sample(sorted(ANIMALS), self.random.randint(1, 2)) for _ in range(200)]
        records = write_records(self.base / "several.jsonl", [{"text": " ".join(c), "label": c} for c in chosen])
        self.learn("several", model, records, ["accuracy"], steps=100)

    def test_tokens_and_spans(self):
        model = write_bert(self.base / "tokens", "BertForTokenClassification",
                           id2label={"0": "O", "1": "ANIMAL"})
        facts = [self.fact().split() for _ in range(200)]
        records = write_records(self.base / "tokens.jsonl", [
            {"tokens": words, "labels": ["ANIMAL" if word in ANIMALS else "O" for word in words]}
            for words in facts])
        self.assertEqual(self.learn("tokens", model, records, ["accuracy"])[-1]["accuracy"], 1)
        model = write_bert(self.base / "span", "BertForQuestionAnswering")
        records = write_records(self.base / "span.jsonl", [
            {"question": "cat dog bird", "context": " ".join(words),
             "answer": {"text": words[2], "start": len(" ".join(words[:2])) + 1}} for words in facts])
        self.assertEqual(self.learn("span", model, records, ["span_accuracy"])[-1]["span_accuracy"], 1)

    def test_prompts(self):
        folder = self.base / "causal"
        folder.mkdir()
        (folder / "tokenizer.json").write_text(json.dumps(word_tokenizer()))
        (folder / "config.json").write_text(json.dumps(dict(
            model_type="gpt2", architectures=["GPT2LMHeadModel"], vocab_size=len(VOCABULARY), n_embd=32,
            n_layer=1, n_head=2, n_positions=32)))
        records = write_records(self.base / "prompts.jsonl", [
            {"prompt": f"the {animal}", "completion": f"{ANIMALS[animal]} on the " * self.random.randint(0, 2)}
            for animal in self.random.choices(sorted(ANIMALS), k=200)])
        self.learn("prompts", folder, records, ["perplexity"])

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

    def test_replaced_tokens(self):
        model = self.base / "detector"
        write_bert(model, "ElectraForPreTraining")
        config = json.loads((model / "config.json").read_text())
        config.update(model_type="electra", embedding_size=16)
        (model / "config.json").write_text(json.dumps(config))
        records = []
        for _ in range(300):  # an animal does what it does, or something else stands there
            words = self.fact().split()
            other = self.random.choice(WORDS)
            replaced = self.random.random() < 0.5 and words[3] != other
            if replaced:
                words[3] = other
            records.append({"tokens": words, "labels": [int(replaced and i == 3) for i in range(len(words))]})
        data = write_records(self.base / "replaced.jsonl", records)
        found = self.learn("replaced", model, data, ["accuracy"])
        self.assertGreater(found[-1]["accuracy"], 0.9)
        records[7]["labels"][2] = 2
        write_records(data, records)
        self.assertIn("2 is none of the 2 classes",
                      self.call("heddle", "train", model, "--data", data, "--steps", 1, "--batch", 2, "--seq", 8,
                                code=2).stderr)

    def test_classes_of_texts_that_a_decoder_reads_too(self):
        model = self.base / "bart"
        model.mkdir()
        tokenizer = word_tokenizer()
        config = dict(model_type="bart", architectures=["BartForSequenceClassification"],
                      vocab_size=len(VOCABULARY), d_model=32, encoder_layers=1, decoder_layers=1,
                      encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
                      max_position_embeddings=32, pad_token_id=0, bos_token_id=2, eos_token_id=3,
                      decoder_start_token_id=3, id2label={"0": "sits", "1": "runs", "2": "sings"})
        (model / "config.json").write_text(json.dumps(config))
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
        facts = [self.fact().split() for _ in range(300)]
        data = write_records(self.base / "bart.jsonl",
                             [{"text": " ".join(w for w in words if w != words[3]), "label": words[3]}
                              for words in facts])
        found = self.learn("bart", model, data, ["accuracy"])
        self.assertGreater(found[-1]["accuracy"], 0.9)
        del tokenizer["post_processor"]
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
        self.assertIn("the tokenizer gives no token 3, whose vector stands for the text",
                      self.call("heddle", "train", model, "--data", data, "--steps", 1, "--batch", 2, "--seq", 8,
                                code=2).stderr)

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

    def test_images(self):
        folder = self.base / "vit"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(dict(
            model_type="vit", architectures=["ViTForImageClassification"], hidden_size=32, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=64, image_size=8, patch_size=4, num_channels=1,
            id2label={"0": "dark", "1": "bright"})))
        labels = [self.random.randint(0, 1) for _ in range(100)]
        pixels = [self.random.gauss(label - 0.5, 0.2) for label in labels for _ in range(64)]
        data = write_safetensors(self.base / "images.safetensors",
                                 images=("F32", [100, 1, 8, 8], struct.pack("<6400f", *pixels)),
                                 labels=("I64", [100], struct.pack("<100q", *labels)))
        found = self.learn_images("vit", folder, data)
        self.assertEqual(found[-1]["accuracy"], 1)

    def test_sequence_to_sequence(self):
        folder = self.base / "t5"
        folder.mkdir()
        tokenizer = word_tokenizer()
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        (folder / "config.json").write_text(json.dumps(dict(
            model_type="t5", architectures=["T5ForConditionalGeneration"], vocab_size=len(VOCABULARY), d_model=32,
            d_kv=16, d_ff=64, num_layers=1, num_decoder_layers=1, num_heads=2, decoder_start_token_id=0,
            pad_token_id=0, eos_token_id=3)))
        records = write_records(self.base / "translations.jsonl", [
            {"source": f"{color} {animal}", "target": f"{ANIMALS[animal]} {color}"}
            for animal in sorted(ANIMALS) for color in ("red", "blue", "big")] * 20)
        found = self.learn("translation", folder, records, ["perplexity", "accuracy"], seq=8, steps=100)
        self.assertGreater(found[-1]["accuracy"], 0.5)  # 0 at the beginning

    def test_denoising(self):
        model = self.base / "denoiser.textproto"
        model.write_text("""
            name: "denoiser" width: 32 layers: 1
            patches { height: 8 width: 8 channels: 1 patch_height: 4 patch_width: 4 }
            positions { sinusoidal_2d {} }
            condition { timestep { frequencies: 16 steps: 1000 } classes { count: 2 } }
            norm { placement: PRE epsilon: 1e-6 weight: false bias: false adaln_zero: true }
            attention { heads: 2 causal: false } head { kind: NOISE }
            initializer { kind: XAVIER_UNIFORM scale: 0.02 scale_residual: false }""")
        labels = [i % 2 for i in range(100)]
        pixels = [2.0 * label - 1 for label in labels for _ in range(64)]
        data = write_safetensors(self.base / "flat.safetensors",
                                 images=("F32", [100, 1, 8, 8], struct.pack("<6400f", *pixels)),
                                 labels=("I64", [100], struct.pack("<100q", *labels)))
        self.learn_images("linear", model, data)
        self.learn_images("cosine", model, data, "--noise-schedule", "cosine")

    def learn_images(self, name, model, data, *flags):
        log = self.base / f"{name}.jsonl"
        self.call("heddle", "train", model, "--data", data, "--batch", 8, "--lr", 3e-3, "--steps", 40,
                  "--eval-interval", 20, "--eval-iters", 2, "--log", log, *flags)
        evaluations = [line for line in map(json.loads, log.read_text().splitlines()) if "val_loss" in line]
        self.assertLess(evaluations[-1]["val_loss"], 0.7 * evaluations[0]["val_loss"])
        return evaluations

    def test_what_does_not_fit(self):
        model = write_bert(self.base / "wrong", "BertForSequenceClassification", num_labels=2)
        records = write_records(self.base / "wrong.jsonl", [{"text": "cat", "label": 1}, {"text": "dog", "label": 2}])
        train = ("train", model, "--data", records, "--steps", 1, "--seq", 8)
        self.assertIn("wrong.jsonl: line 2: key \"label\": 2 is none of the 2 classes",
                      self.call("heddle", *train, code=2).stderr)
        self.assertIn("--objective masked-lm: the model's head is for classification",
                      self.call("heddle", *train, "--objective", "masked-lm", code=2).stderr)
        self.assertIn("expected one of causal-lm, masked-lm",
                      self.call("heddle", *train, "--objective", "poetry", code=2).stderr)
        masked = write_bert(self.base / "maskless", "BertForMaskedLM")
        tokenizer = word_tokenizer()
        tokenizer["added_tokens"].pop()  # [MASK] is a word as any other then
        (masked / "tokenizer.json").write_text(json.dumps(tokenizer))
        text = self.base / "some.txt"
        text.write_text("cat dog " * 100)
        self.assertIn("--objective masked-lm: the wordlevel tokenizer has no mask token",
                      self.call("heddle", "train", masked, "--data", text, "--steps", 1, "--seq", 8,
                                code=2).stderr)


if __name__ == "__main__":
    unittest.main()
