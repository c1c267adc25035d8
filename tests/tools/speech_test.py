#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`generate` for models that hear: answers of transformers (tests/goldens/generation/speech.json), what the
decoder reads first, and inputs, flags and folders that are wrong. HEDDLE_BIN_DIR is where the binaries are."""
import array
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDENS = ROOT / "tests/goldens"
GOLDEN = json.loads((GOLDENS / "generation/speech.json").read_text())
NEW = GOLDEN["max_new_tokens"]
FLAGS = {"num_beams": "--beams", "length_penalty": "--length-penalty", "repetition_penalty": "--repetition-penalty",
         "early_stopping": "--early-stopping=true", "language": "--language", "task": "--task"}


def flat(values):
    return [x for v in values for x in flat(v)] if isinstance(values, list) else [values]


def write_features(path, features, name="input_features", dtype="F32", shape=None, extra=()):
    """A safetensors file, with more scalars of the names `extra`."""
    codes = {"F32": "f", "F64": "d", "I32": "i"}
    numbers = flat(features)
    body = array.array(codes[dtype], [int(x) for x in numbers] if dtype == "I32" else numbers).tobytes()
    if shape is None:
        shape, level = [], features
        while isinstance(level, list):
            shape.append(len(level))
            level = level[0]
    header = {name: {"dtype": dtype, "shape": shape, "data_offsets": [0, len(body)]}}
    for other in extra:
        header[other] = {"dtype": "F32", "shape": [], "data_offsets": [len(body), len(body) + 4]}
        body += bytes(4)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


class Speech(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.at = pathlib.Path(folder.name)
        self.inputs = self.at / "in.safetensors"
        write_features(self.inputs, GOLDEN["features"])

    def folder(self, config, name="whisper-default"):
        model = self.at / name
        if not model.exists():
            shutil.copytree(GOLDENS / name, model)
        (model / "generation_config.json").write_text(json.dumps(config))
        return model

    def call(self, tool, *arguments):
        return subprocess.run([str(BIN / tool), *map(str, arguments)], cwd=self.at, capture_output=True, text=True,
                              timeout=300)

    def answers(self, tool, model, *flags, inputs=None):
        result = self.call(tool, "generate", model, "--inputs", inputs or self.inputs, "--max-new-tokens", NEW,
                           "--json", *flags)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def refused(self, mentions, model, *flags, inputs=None, tool="heddle"):
        given = [] if inputs is False else ["--inputs", inputs or self.inputs]
        result = self.call(tool, "generate", model, *given, "--max-new-tokens", 1, *flags)
        self.assertEqual(result.returncode, 2, f"{result.stdout}\n{result.stderr}")
        for text in mentions if isinstance(mentions, tuple) else (mentions,):
            self.assertIn(text, result.stderr)


def flags_of(case):
    words = [] if "num_beams" in case["flags"] else ["--temperature", 0]
    for key, value in {**case["flags"], **case["asked"]}.items():
        words += [FLAGS[key]] if key == "early_stopping" else [FLAGS[key], value]
    return words


class Transformers(Speech):
    def test_ids_and_scores(self):
        self.assertGreater(len(GOLDEN["cases"]), 50)
        for case in GOLDEN["cases"]:
            with self.subTest(case["folder"], config=case["config"], asked=case["asked"], flags=case["flags"]):
                model = self.folder(case["config"], case["folder"])
                ours = self.answers("heddle", model, *flags_of(case))
                for mine, theirs in zip(ours, case["answers"], strict=True):
                    self.assertEqual(mine["ids"], theirs["ids"])
                    self.assertAlmostEqual(mine["score"], theirs["score"], delta=2e-5 * max(1, abs(theirs["score"])))

    def test_neighbours_change_nothing(self):
        """Compiled for fewer rows than there are sounds, and one by one."""
        case = next(c for c in GOLDEN["cases"] if c["folder"] == "whisper-untied" and "num_beams" in c["flags"] and
                    len({*map(tuple, c["prompts"])}) > 1)
        theirs = [answer["ids"] for answer in case["answers"]]
        model = self.folder(case["config"], case["folder"])
        beams = case["flags"]["num_beams"]
        for batch in (beams, 2 * beams):
            compiled = self.at / f"{batch}.heddle"
            result = self.call("heddle", "compile", model, "--batch", batch, "-o", compiled, "--seq", 16)
            self.assertEqual(result.returncode, 0, result.stderr)
            ours = self.answers("heddle-run", compiled, *flags_of(case))
            self.assertEqual([answer["ids"] for answer in ours], theirs)
        for i, features in enumerate(GOLDEN["features"]):
            write_features(self.at / "one.safetensors", [features], dtype="F64")
            ours, = self.answers("heddle", model, *flags_of(case), inputs=self.at / "one.safetensors")
            self.assertEqual(ours["ids"], theirs[i])

    def test_short_sounds_end_in_zeros(self):
        case = GOLDEN["cases"][0]
        model = self.folder(case["config"])
        short = [[row[:15] for row in features] for features in GOLDEN["features"]]
        filled = [[row + 7 * [0] for row in features] for features in short]
        given = []
        for features in (short, filled):
            write_features(self.inputs, features)
            given.append(self.answers("heddle", model, *flags_of(case)))
        self.assertEqual(*given)

    def test_seeds_and_streams(self):
        model = self.folder({"decoder_start_token_id": 3})
        write_features(self.inputs, [GOLDEN["features"][0], *GOLDEN["features"][:2]])
        first = self.answers("heddle", model, "--seed", 3)
        self.assertEqual(self.answers("heddle", model, "--seed", 3), first)
        self.assertNotEqual(self.answers("heddle", model, "--seed", 4), first)
        self.assertNotEqual(first[0], first[1])  # the same sound, drawn anew
        write_features(self.inputs, GOLDEN["features"][1:2])
        alone, = self.answers("heddle", model, "--seed", 3)
        self.assertEqual(alone["ids"], first[2]["ids"])
        flags = ("generate", model, "--inputs", self.inputs, "--seed", 3, "--max-new-tokens", NEW)
        said = self.call("heddle", *flags, "--stream").stdout
        self.assertEqual(said, self.call("heddle", *flags).stdout)
        self.assertEqual(said, ",".join(map(str, first[2]["ids"])) + "\n")


class Text(Speech):
    """A tokenizer of 67 tokens: some special, a character each the others."""
    SPECIAL = (0, 1, 2, 3, 32, *range(40, 48), 50)

    def test_text(self):
        case = next(c for c in GOLDEN["cases"] if c["folder"] == "whisper-untied" and "lang_to_id" in c["config"]
                    and c["config"]["eos_token_id"] in self.SPECIAL)
        names = [f"<|{i}|>" if i in self.SPECIAL else chr(33 + i) for i in range(67)]
        model = self.folder(case["config"], case["folder"])
        (model / "tokenizer.json").write_text(json.dumps({
            "added_tokens": [{"id": i, "content": names[i], "special": True, "single_word": False, "lstrip": False,
                              "rstrip": False, "normalized": False} for i in self.SPECIAL],
            "normalizer": None, "post_processor": None, "decoder": {"type": "ByteLevel"},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
            "model": {"type": "BPE", "vocab": {name: i for i, name in enumerate(names)}, "merges": []}}))
        texts = ["".join(names[i] for i in answer["ids"] if i not in self.SPECIAL) for answer in case["answers"]]
        self.assertTrue(all(texts))
        ours = self.answers("heddle", model, *flags_of(case))
        self.assertEqual([answer["text"] for answer in ours], texts)
        result = self.call("heddle", "generate", model, "--inputs", self.inputs, "--max-new-tokens", NEW,
                           *flags_of(case))
        self.assertEqual(result.stdout.splitlines(), texts)
        stop = texts[0][:1]
        ours = self.answers("heddle", model, *flags_of(case), "--stop", stop)
        self.assertEqual([answer["text"] for answer in ours], [text.split(stop)[0] for text in texts])

    def test_languages_by_name(self):
        case = next(c for c in GOLDEN["cases"] if c["asked"] == {"language": "de"})
        model = self.folder({**case["config"], "language": "Hindi"}, case["folder"])
        ours = self.answers("heddle", model, *flags_of({**case, "asked": {"language": "German"}}))
        self.assertEqual([answer["ids"] for answer in ours], [answer["ids"] for answer in case["answers"]])


class Training(Speech):
    """Ready batches of what the encoder hears: the first loss is that of transformers."""

    def golden(self, name):
        data = (GOLDENS / name / "golden.safetensors").read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        return {key: (info["dtype"], info["shape"], data[start + info["data_offsets"][0]:start + info["data_offsets"][1]])
                for key, info in header.items() if key != "__metadata__"}

    def batches(self, tensors):
        header, body = {}, b""
        for name, (dtype, shape, content) in tensors.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(content)]}
            body += content
        text = json.dumps(header).encode()
        (self.at / "data.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + body)

    def train(self, model, code=0, *flags):
        result = self.call("heddle", "train", model, "--data", "data.safetensors", "--steps", 3, "--log", "log.jsonl",
                           *flags)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stderr

    def test_ready_batches(self):
        for name in ("whisper-default", "whisper-untied"):
            golden = self.golden(name)
            self.batches({key: (golden["in." + key][0], [1, *golden["in." + key][1]], golden["in." + key][2])
                          for key in ("input_features", "labels", "decoder_attention_mask")})
            self.train(GOLDENS / name)
            losses = [json.loads(line)["loss"] for line in (self.at / "log.jsonl").read_text().splitlines()]
            self.assertAlmostEqual(losses[0], array.array("d", golden["out.loss"][2])[0], places=5)
            self.assertLess(losses[2], losses[0])
            (self.at / "log.jsonl").unlink()

    def test_replay_of_a_step(self):
        """Alone, and as one of several."""
        features = array.array("f", 2 * 7 * 22 * [0.5])
        features[30] = float("nan")
        self.batches({"input_features": ("F32", [1, 2, 7, 22], features.tobytes()),
                      "labels": ("I64", [1, 2, 5], array.array("q", 10 * [5]).tobytes())})
        for number, flags in enumerate(([], ["--grad-accum", 3])):
            said = self.train(GOLDENS / "whisper-default", 1, "--out", f"out{number}", *flags)
            self.assertIn("input input_features holds NaN at [0, 1, 8]", said)
            command = said.split("replay: heddle ")[1].split()
            again = self.call("heddle", *command)
            self.assertEqual(again.returncode, 1, again.stderr)
            self.assertIn("input input_features holds NaN at [0, 1, 8]", again.stderr)

    def test_wrong_batches(self):
        model = GOLDENS / "whisper-default"
        features, labels = ("F32", [1, 2, 7, 22], bytes(4 * 2 * 7 * 22)), ("I64", [1, 2, 5], bytes(8 * 10))
        for wrong, mentions in (({"input_features": ("F32", [2, 7, 22], bytes(4 * 2 * 7 * 22))}, "[N, B, bins, frames]"),
                                ({"input_features": ("F32", [1, 2, 7, 21], bytes(4 * 2 * 7 * 21))}, "even number"),
                                ({"input_features": ("F32", [1, 2, 6, 22], bytes(4 * 2 * 6 * 22))},
                                 "has batches of shape [2, 6, 22], expected [2, 7, 22]"),
                                ({"input_features": ("F32", [1, 2, 7, 24], bytes(4 * 2 * 7 * 24))}, "12"),
                                ({"input_features": ("I32", [1, 2, 7, 22], bytes(4 * 2 * 7 * 22))}, "I32"),
                                ({"labels": ("I64", [1, 3, 5], bytes(8 * 15))}, 'tensor "labels"'),
                                ({"labels": ("I64", [1, 2], bytes(16))}, "labels"),
                                ({"attention_mask": ("I64", [1, 2, 22], bytes(8 * 44))},
                                 'tensor "attention_mask": is not read'),
                                ({"decoder_attention_mask": ("I64", [1, 2, 4], bytes(64))}, "decoder_attention_mask"),
                                ({"input_ids": ("I64", [1, 2, 5], bytes(80))}, "input_features")):
            with self.subTest(mentions):
                self.batches({"input_features": features, "labels": labels, **wrong})
                self.assertIn(mentions, self.train(model, 2))
        self.batches({"input_features": features, "labels": labels})
        self.assertIn("input_features", self.train(GOLDENS / "gpt2-default", 2))
        self.assertIn("reads tokens", self.train(GOLDENS / "t5-relu", 2, "--source-seq", 11))
        self.batches({"input_ids": ("I64", [1, 2, 5], bytes(80)), "labels": labels})
        self.assertIn("input_ids", self.train(model, 2))


class Wrong(Speech):
    def test_inputs(self):
        model = self.folder({"decoder_start_token_id": 3})
        sounds, path = GOLDEN["features"], self.at / "wrong.safetensors"
        short = [[row[:3] for row in features] for features in sounds]
        nan = json.loads(json.dumps(sounds))
        nan[1][2][3] = float("nan")
        for mentions, kind in (
                (("wrong.safetensors", "holds no tensor input_features"), dict(features=sounds, name="features")),
                (('tensor "attention_mask"', "is not read"), dict(features=sounds, extra=["attention_mask"])),
                ("expected [N, bins, frames]", dict(features=sounds[0])),
                ("expected [N, bins, frames]", dict(features=[], shape=[0, 7, 22])),
                ("6 bins; the model's encoder reads 7", dict(features=[sound[:6] for sound in sounds])),
                ("24 frames; the encoder reads at most 22",
                 dict(features=[[row + [0, 0] for row in sound] for sound in sounds])),
                ("I32", dict(features=short, dtype="I32")),
                ("NaN at [1, 2, 3]", dict(features=nan))):
            with self.subTest(mentions):
                write_features(path, **kind)
                self.refused(mentions, model, inputs=path)
        self.refused("nowhere", model, inputs=self.at / "nowhere")
        path.write_bytes(b"no safetensors")
        self.refused("wrong.safetensors", model, inputs=path)

    def test_flags(self):
        model = self.folder({"decoder_start_token_id": 3})
        for prompt in (("--prompt", "x"), ("--prompt-ids", "5")):
            self.refused((prompt[0] + ":", "reads input_features"), model, *prompt, inputs=False)
            self.refused("--inputs: does not go with " + prompt[0], model, *prompt)
        self.refused("--inputs: missing", model, inputs=False)
        self.refused("--stream: takes one prompt, found 3", model, "--stream")
        self.refused("--language en: the model has no lang_to_id", model, "--language", "en")
        self.refused("--task translate: the model has no task_to_id", model, "--task", "translate")
        for other in ("gpt2-default", "t5-relu"):
            self.refused("reads tokens, not input_features", GOLDENS / other)
            self.refused("--language en", GOLDENS / other, "--prompt-ids", "5", "--language", "en", inputs=False)
        compiled = self.at / "m.heddle"
        self.call("heddle", "compile", model, "--batch", 1, "--seq", 12, "--source-seq", 8, "-o", compiled)
        self.refused("22 frames; the encoder reads at most 16", compiled, tool="heddle-run")
        self.refused("reads input_features", compiled, "--prompt-ids", "5", tool="heddle-run", inputs=False)
        self.call("heddle", "compile", GOLDENS / "gpt2-default", "--batch", 1, "--seq", 12, "-o", compiled)
        self.refused("reads tokens, not input_features", compiled, tool="heddle-run")

    def test_languages_and_tasks(self):
        known = {"decoder_start_token_id": 3, "lang_to_id": {"<|en|>": 40, "<|de|>": 41},
                 "task_to_id": {"transcribe": 43, "translate": 44}}
        model = self.folder(known)
        self.refused("--language xx: expected one of de, en", model, "--language", "xx")
        self.refused("--task sing: expected one of transcribe, translate", model, "--task", "sing")
        self.refused("--language: is empty", model, "--language", "")
        self.folder({**known, "is_multilingual": False})
        self.refused(("--language en", "is_multilingual"), model, "--language", "en")
        self.folder({**known, "task_to_id": {"translate": 44}})
        self.refused("--task: is left out, which means transcribe: expected translate", model, "--language", "en")
        self.folder({**known, "language": "xx"})
        self.refused('generation_config.json: key "language": "xx": expected one of de, en', model)
        for key, value in (("forced_decoder_ids", [[2, 5]]), ("forced_decoder_ids", [[1, 5], [3, 6]]),
                           ("forced_decoder_ids", [[1, 67]]), ("forced_decoder_ids", [[1]]),
                           ("forced_decoder_ids", 5), ("lang_to_id", {"<|en|>": 67}), ("lang_to_id", [40]),
                           ("task_to_id", {"transcribe": "a"}), ("no_timestamps_token_id", -1),
                           ("is_multilingual", "yes"), ("language", 5), ("decoder_start_token_id", 67)):
            with self.subTest(key, value=value):
                self.folder({**known, key: value})
                self.refused(f'generation_config.json: key "{key}', model)

    def test_what_is_not_followed_is_said(self):
        model = self.folder({"decoder_start_token_id": 3, "return_timestamps": True})
        for value in (True, False):
            self.folder({"decoder_start_token_id": 3, "return_timestamps": value, "no_timestamps_token_id": 45})
            result = self.call("heddle", "generate", model, "--inputs", self.inputs, "--max-new-tokens", 1)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual("return_timestamps is not followed" in result.stderr, value)
        self.folder({"decoder_start_token_id": 3, "no_speech_threshold": 0.6, "logprob_threshold": None})
        result = self.call("heddle", "generate", model, "--inputs", self.inputs, "--max-new-tokens", 1)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("generation_config.json: no_speech_threshold is not followed", result.stderr)
        self.assertNotIn("logprob_threshold", result.stderr)

    def test_too_little_room_for_the_start(self):
        model = self.folder({"decoder_start_token_id": 3, "forced_decoder_ids": [[1, 5], [2, 6]]})
        self.refused("behind 3 tokens of the decoder, the executable is compiled for sequences of 2", model, "--seq", 2)


if __name__ == "__main__":
    unittest.main()
