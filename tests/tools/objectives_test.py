#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every training objective on a tiny model as a user goes: the loss falls, the metric is said, a run that is
resumed is the unbroken one byte for byte, also from an executable."""
import json
import struct
import unittest

from objective_case import (ANIMALS, VOCABULARY, WORDS, ObjectiveCase, word_tokenizer, write_bert,
                            write_records, write_safetensors)


class Objectives(ObjectiveCase):
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
