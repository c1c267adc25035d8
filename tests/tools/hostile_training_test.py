#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records, adapters, embeddings and tokenizers that a user may hand to heddle by mistake or on purpose: as in
hostile_inputs_test.py each must end by itself with exit code 2 and an error in the user's words, and leave no
file behind.

    HEDDLE_BIN_DIR=build/release/bin tests/tools/hostile_training_test.py [HostileTraining.test_flags ...]
"""
import json
import os
import pathlib
import shlex
import shutil
import struct
import subprocess
import tempfile
import unittest

from objective_case import VOCABULARY, word_tokenizer, write_bert, write_safetensors
from tool_case import limited

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"]).resolve()
SECONDS = 60
MEMORY = 8 << 30  # what asks for more than that is stopped before it is written to
SMALL = 'name: "small" max_positions: 32 width: 16 layers: 1 attention { heads: 2 }\n'
SIZES = "--seq 8 --batch 2 --steps 1 --out out"

FLAGS = [
    *((f"train small.textproto --data text.txt {SIZES} {flag} ''", f"{flag}: is empty") for flag in
      ("--objective", "--lora", "--tokenizer", "--log", "--weights", "--target")),
    ("train small.textproto --data text.txt --steps 1 --out ''", "--out: is empty"),
    ("train small.textproto --data text.txt --steps 1 --out=", "--out"),
    (f"train small.textproto --data text.txt {SIZES} --noise-schedule cosine",
     "--noise-schedule cosine: is for denoising"),
    *((f"train small.textproto --data text.txt {SIZES} --label-smoothing={value}", "--label-smoothing")
      for value in ("1", "-0.1", "nan", "inf", "abc")),
    *((f"train small.textproto --data text.txt {SIZES} --lora r={rank},targets=qkv", f"r={rank}")
      for rank in ("0", "-1", "1e9", "nan", "65537", "")),
    *((f"train small.textproto --data text.txt {SIZES} --lora r=2,targets=qkv,{part}", part)
      for part in ("alpha=nan", "alpha=0", "dropout=1", "save=x", "r=3")),
    *((f"train small.textproto --data text.txt {SIZES} --lora r=2,targets='{target}'", "no layer's name ends so")
      for target in ("nothing", "*", "(", "(a+)+$")),
    *((f"train small.textproto --data text.txt {SIZES} --freeze '{pattern}'", "--freeze")
      for pattern in ("", "*", "nothing", "[", "(a+)+$", "*a" * 2000)),
    *((f"train small.textproto --data text.txt {SIZES} --tokenizer {name}", name)
      for name in ("bpe:0", "bpe:-1", "bpe:abc", "bpe:1000001", "bpe:99999999999999999999")),
    (f"train small.textproto --data text.txt {SIZES} --source-seq 4", "--source-seq 4: small.textproto has no encoder"),
    (f"train seq2seq --data pairs.jsonl {SIZES} --source-seq 0", "--source-seq 0"),
    (f"train seq2seq --data pairs.jsonl {SIZES} --source-seq 16777217", "16777217"),
    *((f"train small.textproto --data {path} {SIZES}", f"--data {path}: is a pipe or device")
      for path in ("/dev/zero", "/dev/stdin", "pipe", "pipe.jsonl", "pipe.safetensors")),
    ("run model --entry encode --similarity", "--similarity: needs --text or --file"),
    ("run model --entry encode --similarity --file nowhere", "nowhere"),
    ("run model --entry encode --similarity --file model", "model: it is a folder"),
    ("run model --entry encode --similarity --file /dev/zero", "/dev/zero"),
    ("run model --entry encode --similarity --file ''", "--file: is empty"),
    ("run model --entry encode --text a --outputs ''", "--outputs: is empty"),
    ("run model --entry encode --text a --similarity --seq 2", "leave no room for text"),
]
RECORDS = [  # model, the lines of a .jsonl file, what is said
    ("classes", b"", "holds no records"),
    ("classes", b'{"text":"a","label":0}\n\0', "line 2: byte 1"),
    ("classes", '{"text":"a","label":0}\n'.encode("utf-16"), "line 1: byte 1"),
    ("classes", b'{"text":"\xff","label":0}', "line 1: byte 10"),
    ("classes", b'{"text":' + b"[" * 100_000, "nested deeper than the limit of 32"),
    *(("classes", b'{"text":"a","label":%s}' % label, 'line 1: key "label"')
      for label in (b"-1", b"2", b"0.5", b"true", b"null", b'"x"', b"[0]", b"-100")),
    ("classes", b'{"text":"a","label":0}\n{"source":"a","target":"b"}', 'line 2: key "text" is missing'),
    ("several", b'{"text":"a","label":[0,0]}', 'key "label[1]": class 0 is there twice'),
    ("masked", b'{"text":""}\n{"text":"[SEP]"}', "anything to learn"),
    ("seq2seq", b'{"source":"cat"}', 'key "target" is missing'),
]
DEFINITIONS = [
    ("encoder { frozen: '*' } decoder_input { start_id: 0 padding_id: 0 }", 'field "encoder.frozen"'),
    ("encoder { adapters { targets: 'q' } } decoder_input { start_id: 0 padding_id: 0 }",
     'field "encoder.adapters"'),
    ("encoder { " * 60 + "}" * 60, 'field "encoder.encoder"'),
    ("encoder { " * 100_000, "recursion limit of 64"),
    ("head { kind: CONTRASTIVE width: 8 } image { " + "image { " * 60 + "}" * 61, 'field "image.image"'),
]
FOLDERS = [  # a file of the folder of embeddings, its content (None: a link to nothing), what is said
    ("modules.json", "{}", "modules.json: expected an array"),
    ("modules.json", None, "modules.json: it is a link to nothing"),
    ("1_Pooling/config.json", '{"pooling_mode_mean_tokens":true,"pooling_mode":"max"}', "several ways to pool"),
    ("1_Pooling/config.json", '{"pooling_mode_mean_tokens":false}', "no pooling_mode is on"),
    ("sentence_bert_config.json", "[]", "sentence_bert_config.json: expected an object"),
    ("sentence_bert_config.json", '{"max_seq_length":0}', 'key "max_seq_length"'),
    ("tokenizer.json", None, "tokenizer.json: it is a link to nothing"),
    ("tokenizer_config.json", "[]", "tokenizer_config.json: expected an object"),
    ("special_tokens_map.json", "null", "special_tokens_map.json: expected an object"),
]


class HostileTraining(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="heddle-hostile-training-")
        cls.addClassCleanup(folder.cleanup)
        cls.at = pathlib.Path(folder.name)
        cls.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(cls.at.parent / f"{cls.at.name}-cache"))
        cls.addClassCleanup(shutil.rmtree, cls.environment["HEDDLE_CACHE_DIR"], ignore_errors=True)
        (cls.at / "small.textproto").write_text(SMALL)
        (cls.at / "text.txt").write_text("the cat sat on the mat. " * 100)
        (cls.at / "pairs.jsonl").write_text('{"source":"cat","target":"dog"}\n' * 4)
        for name in ("pipe", "pipe.jsonl", "pipe.safetensors"):
            os.mkfifo(cls.at / name)
        write_bert(cls.at / "classes", "BertForSequenceClassification", num_labels=2)
        write_bert(cls.at / "several", "BertForSequenceClassification", num_labels=3,
                   problem_type="multi_label_classification")
        write_bert(cls.at / "masked", "BertForMaskedLM")
        (cls.at / "seq2seq").mkdir()
        (cls.at / "seq2seq/tokenizer.json").write_text(json.dumps(word_tokenizer()))
        (cls.at / "seq2seq/config.json").write_text(json.dumps(dict(
            model_type="t5", vocab_size=len(VOCABULARY), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
            decoder_start_token_id=0, pad_token_id=0, eos_token_id=3)))
        cls.embeddings(cls.at / "model")

    @staticmethod
    def embeddings(folder):
        write_bert(folder, "BertModel")
        kinds = (("Transformer", ""), ("Pooling", "1_Pooling"))
        (folder / "modules.json").write_text(json.dumps([{"type": kind, "path": path} for kind, path in kinds]))
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens":true}')

    def call(self, command, bounded=True):
        return subprocess.run([str(BIN / "heddle"), *shlex.split(command)], cwd=self.at, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=SECONDS, preexec_fn=limited(**{"as": MEMORY}) if bounded else None)

    def refused(self, command, message, **options):
        with self.subTest(command[:200]):
            before = sorted(self.at.rglob("*"))
            result = self.call(command, **options)
            said = result.stdout[-1000:] + result.stderr[-5000:]
            self.assertEqual(result.returncode, 2, said)
            self.assertIn(message, said)
            self.assertIn("error: ", said)
            self.assertEqual(result.stdout, "")
            self.assertEqual(sorted(self.at.rglob("*")), before)

    def test_flags(self):
        for command, message in FLAGS:
            self.refused(command, message)

    def test_records(self):
        for model, content, message in RECORDS:
            (self.at / "wrong.jsonl").write_bytes(content)
            self.refused(f"train {model} --data wrong.jsonl {SIZES}", message)

    def test_images(self):
        config = dict(model_type="vit", architectures=["ViTForImageClassification"], hidden_size=16,
                      num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=4, patch_size=2,
                      num_channels=1, id2label={"0": "dark", "1": "bright"})
        (self.at / "vit").mkdir()
        (self.at / "vit/config.json").write_text(json.dumps(config))
        images, labels = ("F32", [2, 1, 4, 4], bytes(128)), ("I64", [2], struct.pack("<2q", 0, 1))
        for tensors, message in (
                (dict(images=images), "holds no tensor labels"),
                (dict(images=images, labels=("I64", [2], struct.pack("<2q", 0, 2))), '"labels": 2 at 1 is none of'),
                (dict(images=images, labels=("I64", [2], struct.pack("<2q", 0, -1))), '"labels": -1 at 1'),
                (dict(images=images, labels=("I64", [2], struct.pack("<2q", 0, 1 << 32))), "too large for I32"),
                (dict(images=images, labels=("F32", [2], bytes(8))), "expected I32 or I64, found F32"),
                (dict(images=images, labels=("I64", [1], bytes(8))), "has shape [1], expected [2]"),
                (dict(images=("U8", [2, 1, 4, 4], bytes(32)), labels=labels), "found U8"),
                (dict(images=("F32", [2, 4, 4, 1], bytes(128)), labels=labels), "expected [N, 1, 4, 4]"),
                (dict(images=("F32", [0, 1, 4, 4], b""), labels=("I64", [0], b"")), "has shape [0, 1, 4, 4]")):
            write_safetensors(self.at / "images.safetensors", **tensors)
            self.refused("train vit --data images.safetensors --batch 2 --steps 1 --out out", message)
        write_safetensors(self.at / "images.safetensors", images=images, labels=labels)
        for flag in ("--noise-schedule cosine", "--seq 8", "--source-seq 4", "--tokenizer bytes",
                     "--objective denoising"):
            self.refused(f"train vit --data images.safetensors --batch 2 --steps 1 --out out {flag}", flag.split()[0])

    def test_inputs_of_both_backends(self):
        """The interpreter says of them what the compiled model says."""
        (self.at / "noise.textproto").write_text(
            'name: "noise" width: 16 layers: 1 '
            'patches { height: 4 width: 4 channels: 1 patch_height: 2 patch_width: 2 } '
            'positions { sinusoidal_2d {} } condition { timestep { steps: 10 } } attention { heads: 2 causal: false }'
            'norm { placement: PRE weight: false bias: false adaln_zero: true } head { kind: NOISE }')

        def integers(shape, *values):
            return "I64", shape, struct.pack(f"<{len(values)}q", *values)
        ids, pixels = integers([1, 4], 1, 1, 1, 1), ("F32", [1, 1, 4, 4], bytes(64))
        for model, entry, message, tensors in (
                ("classes", "forward", "token 31 at [0, 3]", dict(input_ids=integers([1, 4], 1, 1, 1, 31))),
                ("classes", "forward", "token -1 at [0, 3]", dict(input_ids=integers([1, 4], 1, 1, 1, -1))),
                ("classes", "forward", "value 2 at [0, 3]",
                 dict(input_ids=ids, attention_mask=integers([1, 4], 1, 1, 1, 2))),
                ("classes", "forward", "has shape [1, 3]",
                 dict(input_ids=ids, attention_mask=integers([1, 3], 1, 1, 1))),
                ("classes", "forward", "entry forward takes", dict(input_ids=ids, unknown=ids)),
                ("classes", "loss", "targets: is F32, expected I32",
                 dict(input_ids=ids, labels=("F32", [1], bytes(4)))),
                ("classes", "loss", "value 2 at [0]", dict(input_ids=ids, labels=integers([1], 2))),
                ("classes", "forward", "input_ids", dict(pixel_values=pixels)),
                ("seq2seq", "forward", "input_ids", dict(pixel_values=pixels)),
                ("seq2seq", "forward", "decoder_input_ids: token 31",
                 dict(input_ids=ids, decoder_input_ids=integers([1, 4], 1, 31, 1, 1))),
                ("noise.textproto", "forward", "timesteps: value 10 at [0]",
                 dict(pixel_values=pixels, timesteps=integers([1], 10))),
                ("noise.textproto", "forward", "timesteps: value -1 at [0]",
                 dict(pixel_values=pixels, timesteps=integers([1], -1))),
                ("noise.textproto", "forward", "pixel_values: is I64, expected F32",
                 dict(pixel_values=integers([1, 1, 4, 4], *[0] * 16), timesteps=integers([1], 1))),
                ("noise.textproto", "forward", "has shape [0, 1, 4, 4]",
                 dict(pixel_values=("F32", [0, 1, 4, 4], b""), timesteps=integers([0])))):
            write_safetensors(self.at / "in.safetensors", **tensors)
            for backend in ("compiled", "interpreter"):
                self.refused(f"run {model} --inputs in.safetensors --outputs out.safetensors --entry {entry} "
                             f"--backend {backend}", message)

    def test_definitions(self):
        for text, message in DEFINITIONS:
            (self.at / "wrong.textproto").write_text('vocab_size: 64 ' + SMALL + text)
            self.refused("inspect wrong.textproto --shapes", message)

    def test_folders(self):
        for name, content, message in FOLDERS:
            self.embeddings(self.at / "wrong")
            path = self.at / "wrong" / name
            path.unlink(missing_ok=True)
            path.symlink_to("nowhere") if content is None else path.write_text(content)
            self.refused("run wrong --entry encode --text a --similarity", message)
            shutil.rmtree(self.at / "wrong")

    def test_adapters_alone(self):
        (self.at / "adapters").mkdir()
        (self.at / "adapters/adapter_config.json").write_text("{}")
        self.refused("generate adapters --prompt a", "adapters without the model that they belong to")

    def test_limits(self):
        (self.at / "many.txt").write_text("a\n" * 4097)
        self.refused("run model --entry encode --file many.txt --similarity",
                     "--similarity: more than the limit of 4096 texts")
        (self.at / "many.txt").write_text("a\n" * 4096)
        self.refused("run model --entry encode --file many.txt --similarity --seq 2", "leave no room for text")
        self.refused("generate small.textproto --prompt a --max-new-tokens 16777217", "from 0 to 16777216")
        self.refused("generate small.textproto --prompt '' --max-new-tokens 16777216", "prompt 1 is empty")

    def test_models_that_no_machine_holds(self):
        """Refused before their weights are made; a definition is still there to be looked at."""
        large = 'name: "large" vocab_size: 50257 max_positions: 2048 width: 262144 layers: 4 attention { heads: 2048 }'
        (self.at / "large.textproto").write_text(large)
        result = self.call("inspect large.textproto --params")
        self.assertEqual(result.returncode, 0, result.stderr)
        for command in ("generate large.textproto --prompt a --seq 8", "bench large.textproto --seq 8 --batch 1"):
            self.refused(command, "the model's parameters need")
        self.refused("verify small.textproto --batch 100000000", "verify a smaller batch or sequence", bounded=False)


if __name__ == "__main__":
    unittest.main(verbosity=2)
