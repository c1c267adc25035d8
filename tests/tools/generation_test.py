#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`generate` as a user calls it: answers of transformers (tests/goldens/generation), several prompts, stop texts,
streams, windows, and flags that do not go together. HEDDLE_BIN_DIR is where the binaries are."""
import array
import json
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDENS = ROOT / "tests/goldens"
WINDOWED = """name: "windowed" vocab_size: 256 max_positions: 40 width: 40 layers: 2
attention { heads: 5 kv_heads: 1 window: 4 } positions { rotary {} } norm { kind: RMS_NORM }
ffn { activation: SILU gated: true hidden: 27 }
"""


class Generation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.at = pathlib.Path(folder.name)

    def call(self, tool, *arguments, env=None):
        words = [word if isinstance(word, bytes) else str(word) for word in arguments]
        return subprocess.run([str(BIN / tool), *words], cwd=self.at, capture_output=True, timeout=300,
                              env=dict(os.environ, **(env or {})))

    def succeeds(self, tool, *arguments, env=None):
        result = self.call(tool, *arguments, env=env)
        self.assertEqual(result.returncode, 0, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result.stdout

    def answers(self, tool, *arguments, env=None):
        out = self.succeeds(tool, "generate", *arguments, "--json", env=env)
        return [json.loads(line) for line in out.splitlines()]


class Transformers(Generation):
    """Prompts of different lengths share a batch of 6: three beams for two of them, all four at once without."""

    def executable(self, folder, eos, seq):
        name = folder + "-".join(map(str, ["", *eos])) + ".heddle"
        if not (self.at / name).exists():
            model = self.at / folder
            if not model.exists():
                shutil.copytree(GOLDENS / folder, model)
            (model / "generation_config.json").write_text(json.dumps({"eos_token_id": eos}))
            self.succeeds("heddle", "compile", model, "--batch", 6, "--seq", seq, "-o", name)
        return name

    def test_ids_and_scores(self):
        self.compare("folders.json", 17)

    def test_answers_outgrow_windows(self):
        self.compare("windows.json", 21)

    def compare(self, file, seq):
        golden = json.loads((GOLDENS / "generation" / file).read_text())
        for case in golden["cases"]:
            prompts = [",".join(map(str, prompt)) for prompt in case["prompts"]]
            flags = ["--max-new-tokens", golden["max_new_tokens"]]
            for key in ("length_penalty", "repetition_penalty"):
                if key in case:
                    flags += ["--" + key.replace("_", "-"), case[key]]
            if "early_stopping" in case:
                flags.append(f"--early-stopping={str(case['early_stopping']).lower()}")
            flags += ["--beams", case["beams"]] if case["beams"] > 1 else ["--temperature", 0]
            name = self.executable(case["folder"], case["eos"], seq)
            with self.subTest(name, flags=flags):
                together = self.answers("heddle-run", name, "--weights", self.at / case["folder"], *flags,
                                        "--prompt-ids", *prompts)
                for ours, theirs in zip(together, case["answers"], strict=True):
                    self.assertEqual(ours["ids"], theirs["ids"])
                    self.assertAlmostEqual(ours["score"], theirs["score"], delta=2e-5 * max(1, abs(theirs["score"])))
                alone = self.answers("heddle-run", name, "--weights", self.at / case["folder"], *flags,
                                     "--prompt-ids", prompts[1])
                self.assertEqual(alone, together[1:2])

    def test_wishes_not_followed_are_named(self):
        shutil.copytree(GOLDENS / "gpt2-default", self.at / "model")
        config = {"encoder_no_repeat_ngram_size": 2, "num_beams": 4, "min_length": 0, "bad_words_ids": [],
                  "typical_p": 0.9, "forced_eos_token_id": None, "eos_token_id": 0, "encoder_repetition_penalty": 1.0}
        (self.at / "model/generation_config.json").write_text(json.dumps(config))
        result = self.call("heddle", "generate", "model", "--prompt-ids", "5", "--max-new-tokens", 1)
        self.assertEqual(result.returncode, 0, result.stderr)
        for key in config:
            self.assertEqual(f"{key} is not followed" in result.stderr.decode(),
                             key in ("encoder_no_repeat_ngram_size", "num_beams", "typical_p"), key)

        (self.at / "model/generation_config.json").unlink()  # older folders have it all in one file
        older = json.loads((self.at / "model/config.json").read_text())
        (self.at / "model/config.json").write_text(json.dumps({**older, "num_beams": 4, "max_length": 20}))
        result = self.call("heddle", "generate", "model", "--prompt-ids", "5", "--max-new-tokens", 1)
        self.assertIn("config.json: num_beams is not followed; --beams gives their number",
                      result.stderr.decode())

    def test_a_folder_says_what_flags_do_not(self):
        """generation_config.json in place of flags gives the same answers, and flags come first."""
        golden = json.loads((GOLDENS / "generation/folders.json").read_text())
        folder = self.at / "gpt2-default"
        shutil.copytree(GOLDENS / "gpt2-default", folder)

        def answers(prompts, eos, config, *flags, code=0):
            config = {"eos_token_id": eos, **config}
            (folder / "generation_config.json").write_text(json.dumps(config))
            said = self.call("heddle", "generate", folder, "--max-new-tokens", 8, "--seq", 17, "--json", *flags,
                             "--prompt-ids", *(",".join(map(str, prompt)) for prompt in prompts))
            self.assertEqual(said.returncode, code, said.stderr)
            return [json.loads(line)["ids"] for line in said.stdout.splitlines()] or said.stderr.decode()

        cases = [case for case in golden["cases"] if case["folder"] == "gpt2-default" and case["eos"] == [0]]
        for case in cases:
            theirs = [answer["ids"] for answer in case["answers"]]
            own = {key: case[key] for key in ("length_penalty", "early_stopping", "repetition_penalty") if key in case}
            mode = ["--beams", case["beams"]] if case["beams"] > 1 else ["--temperature", 0]
            with self.subTest(config=own):
                self.assertEqual(answers(case["prompts"], [0], own, *mode), theirs)
        greedy = [[answer["ids"] for answer in case["answers"]] for case in cases if case["beams"] == 1]
        prompts = cases[0]["prompts"]
        self.assertNotEqual(*greedy)
        self.assertEqual(answers(prompts, [0], {"repetition_penalty": 1.4}, "--temperature", 0,
                                 "--repetition-penalty", 1), greedy[0])
        # The file says of no token that it ends an answer, whatever config.json says.
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "eos_token_id": greedy[0][1][0]}))
        whole = answers(prompts[1:2], None, {}, "--temperature", 0)
        self.assertEqual([len(ids) for ids in whole], [8])
        one = {"do_sample": True, "temperature": 0.7, "top_k": 1}
        self.assertEqual(answers(prompts, [0], one), greedy[0])
        self.assertNotEqual(answers(prompts, [0], one, "--top-k", 0), greedy[0])
        self.assertNotEqual(answers(prompts, [0], {**one, "do_sample": False}), greedy[0])
        for wrong, message in (({"do_sample": True, "top_p": 1.5}, "generation_config.json: --top-p 1.5"),
                               ({"repetition_penalty": -1}, "generation_config.json: --repetition-penalty -1"),
                               ({"repetition_penalty": "x"}, 'key "repetition_penalty"'),
                               ({"early_stopping": "soon"}, 'key "early_stopping": expected true, false or "never"')):
            self.assertIn(message, answers(prompts, [0], wrong, code=2))

    def test_rules_of_the_folder(self):
        for case in json.loads((GOLDENS / "generation/rules.json").read_text())["answers"]:
            model = self.at / "model"
            shutil.copytree(GOLDENS / case["folder"], model)
            (model / "generation_config.json").write_text(json.dumps(case["config"]))
            flags = ["--beams", 3] if case["beams"] == 3 else ["--temperature", 0]
            answer, = self.answers("heddle", model, *flags, "--max-new-tokens", 8, "--prompt-ids",
                                   ",".join(map(str, case["prompt"])))
            self.assertEqual(answer["ids"], case["ids"], case)
            shutil.rmtree(model)

    def test_rules_must_be_tokens(self):
        shutil.copytree(GOLDENS / "gpt2-default", self.at / "model")
        for config, told in (({"bad_words_ids": [[5], []]}, "bad_words_ids"),
                             ({"bad_words_ids": [5]}, "bad_words_ids"),
                             ({"suppress_tokens": [100000]}, "suppress_tokens"),
                             ({"begin_suppress_tokens": ["a"]}, "begin_suppress_tokens"),
                             ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size"),
                             ({"min_new_tokens": 1.5}, "min_new_tokens")):
            (self.at / "model/generation_config.json").write_text(json.dumps(config))
            result = self.call("heddle", "generate", "model", "--prompt-ids", "5", "--max-new-tokens", 1)
            self.assertEqual(result.returncode, 2, (config, result.stderr))
            self.assertIn(f"generation_config.json: key \"{told}", result.stderr.decode())

    def test_compiled_on_the_spot(self):
        golden = json.loads((GOLDENS / "generation/folders.json").read_text())
        case = next(c for c in golden["cases"] if c["beams"] == 3 and c["eos"] == [0])
        prompts = [",".join(map(str, prompt)) for prompt in case["prompts"]]
        ours = self.answers("heddle", GOLDENS / case["folder"], "--beams", 3, "--max-new-tokens", 8,
                            "--length-penalty", case["length_penalty"], "--prompt-ids", *prompts)
        self.assertEqual([answer["ids"] for answer in ours], [answer["ids"] for answer in case["answers"]])


class Model(Generation):
    """Random weights over bytes, as a window of 4 has them."""

    def setUp(self):
        super().setUp()
        (self.at / "m.textproto").write_text(WINDOWED)
        self.succeeds("heddle", "compile", "m.textproto", "--batch", 4, "--seq", 32, "-o", "m.heddle")
        self.flags = ("m.heddle", "--seed", 4)

    def logits(self, ids, model="m.textproto"):
        """[len(ids)][256] of the entry forward."""
        header = json.dumps({"input_ids": {"dtype": "I64", "shape": [1, len(ids)],
                                           "data_offsets": [0, 8 * len(ids)]}}).encode()
        (self.at / "in.safetensors").write_bytes(len(header).to_bytes(8, "little") + header +
                                                 array.array("q", ids).tobytes())
        self.succeeds("heddle", "run", model, "--seed", 4, "--inputs", "in.safetensors", "--outputs",
                      "out.safetensors")
        content = (self.at / "out.safetensors").read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        begin, end = json.loads(content[8:start])["logits"]["data_offsets"]
        values = array.array("f", content[start + begin:start + end])
        return [values[256 * t:256 * t + 256] for t in range(len(ids))]

    def test_the_cache_of_a_window_is_the_forward_pass(self):
        prompts = ([7], [1, 2, 3, 4, 5, 6, 7, 8, 9])
        ours = self.answers("heddle-run", *self.flags, "--temperature", 0, "--max-new-tokens", 20, "--prompt-ids",
                            *(",".join(map(str, prompt)) for prompt in prompts))
        for prompt, answer in zip(prompts, ours, strict=True):
            rows = self.logits(prompt + answer["ids"][:-1])[len(prompt) - 1:]
            self.assertEqual(answer["ids"], [max(range(256), key=row.__getitem__) for row in rows])

    def test_windows_of_some_layers_and_biases_by_distance(self):
        for positions in ("alibi {}", "relative_bias { buckets: 8 max_distance: 9 }"):
            text = WINDOWED.replace("window: 4", "window: 4 window_layers: [true, false]")
            text = text.replace("rotary {}", positions) + "head { tied: false } initializer { scale: 0.4 }"
            (self.at / "biased.textproto").write_text(text)
            prompts = ([7], [3, 1, 4, 1, 5, 9, 2])
            for flags in (("--temperature", 0), ("--beams", 3, "--length-penalty", 0)):
                ours = self.answers("heddle", "biased.textproto", "--seed", 4, *flags, "--max-new-tokens", 15, "--seq", 32,
                                    "--prompt-ids", *(",".join(map(str, prompt)) for prompt in prompts))
                for prompt, answer in zip(prompts, ours, strict=True):
                    rows = self.logits(prompt + answer["ids"][:-1], "biased.textproto")[len(prompt) - 1:]
                    score = sum(row[id] - max(row) - math.log(sum(math.exp(x - max(row)) for x in row))
                                for row, id in zip(rows, answer["ids"], strict=True))
                    self.assertAlmostEqual(answer["score"], score, delta=1e-4)
                    self.assertGreater(len(set(answer["ids"])), 4)

    def test_room_for_the_answer(self):
        self.assertIn("max_positions: 40", WINDOWED)
        (self.at / "long.textproto").write_text(WINDOWED.replace("max_positions: 40", "max_positions: 2000"))
        for model, count, more, outgrown, advised in (("long.textproto", 1030, (), False, False),
                                                      ("long.textproto", 35, ("--seq", 32), True, True),
                                                      ("m.textproto", 45, (), True, False)):
            result = self.call("heddle", "generate", model, "--prompt", "ab", "--max-new-tokens", count, *more)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(b"outgrow" in result.stderr, outgrown, result.stderr)
            self.assertEqual(b"--seq compiles for more" in result.stderr, advised, result.stderr)

    def test_neighbours_change_nothing(self):
        flags = (*self.flags, "--top-k", 50, "--temperature", 0.9, "--max-new-tokens", 31)
        several = self.answers("heddle-run", *flags, "--prompt", "one", "another, longer", "x", "x", "y", "zz")
        alone = [self.answers("heddle-run", *flags, "--prompt", prompt)[0] for prompt in ("zz", "x", "one")]
        self.assertEqual(alone, [several[5], several[2], several[0]])
        self.assertNotEqual(several[2], several[3])
        other = self.answers("heddle-run", "m.heddle", "--weights", self.weights(), "--seed", 5, *flags[3:],
                             "--prompt", "one")
        self.assertNotEqual(other[0], several[0])

    def weights(self):
        self.succeeds("heddle", "train", "m.textproto", "--steps", 0, "--seed", 4, "--out", "weights")
        return "weights"

    def test_streams_add_up(self):
        flags = (*self.flags, "--prompt", "\u20ac", "--max-new-tokens", 30)
        plain = self.succeeds("heddle-run", "generate", *flags)
        self.assertEqual(self.succeeds("heddle-run", "generate", *flags, "--stream"), plain)
        self.assertEqual(len(plain), len("\u20ac".encode()) + 30 + 1)

    def test_stop_texts_cut_and_end(self):
        flags = (*self.flags, "--max-new-tokens", 28, "--prompt")
        text = self.succeeds("heddle-run", "generate", *flags, "ab")[2:-1]
        at, stop = 9, text[9:11]
        self.assertTrue(text.find(stop) == at and 0 not in stop)
        answer, = self.answers("heddle-run", *flags, "ab", "--stop", stop, "never in there")
        self.assertEqual(len(answer["ids"]), at + 2)
        self.assertEqual(answer["text"], text[:at].decode("utf-8", "replace"))
        for more in ((), ("--stream",)):
            self.assertEqual(self.succeeds("heddle-run", "generate", *flags, "ab", "--stop", stop, *more),
                             b"ab" + text[:at] + b"\n")

    def test_environment_twins(self):
        flags = ("heddle-run", *self.flags, "--prompt", "ab", "--max-new-tokens", 6)
        self.assertEqual(self.answers(*flags, "--beams", 3, "--early-stopping", "--length-penalty", 0.5),
                         self.answers(*flags, env={"HEDDLE_BEAMS": "3", "HEDDLE_EARLY_STOPPING": "1",
                                                   "HEDDLE_LENGTH_PENALTY": "0.5"}))

    CASES = (
        (("--beams", 0), "--beams 0"),
        (("--beams", 5), "--beams 5: each beam is a sequence of the batch, and the executable is compiled for batch 4"),
        (("--beams", 2, "--temperature", 0.7), "--temperature 0.7: is for sampling, --beams 2 searches"),
        (("--beams", 2, "--top-k", 5), "--top-k 5: is for sampling"),
        (("--beams", 2, "--top-p", 0.5), "--top-p 0.5: is for sampling"),
        (("--beams", 2, "--min-p", 0.5), "--min-p 0.5: is for sampling"),
        (("--beams", 2, "--stream"), "--stream: does not go with --beams 2"),
        (("--beams", 2, "--length-penalty", "inf"), "--length-penalty"),
        (("--beams", 2, "--early-stopping=perhaps"), "--early-stopping"),
        (("--length-penalty", 2), "--length-penalty 2: is for beam search; give --beams 2 or more"),
        (("--early-stopping",), "--early-stopping: is for beam search"),
        (("--early-stopping=never",), "--early-stopping: is for beam search"),
        (("--stream", "--json"), "--stream: does not go with --json"),
        (("--stream", "--prompt-ids", "1"), "--stream: takes one prompt, found 2"),
        (("--top-p", 0), "--top-p 0"),
        (("--top-p", 1.5), "--top-p 1.5"),
        (("--min-p", -0.1), "--min-p -0.1"),
        (("--top-k", -1), "--top-k -1"),
        (("--temperature", -1), "--temperature -1"),
        (("--repetition-penalty", 0), "--repetition-penalty 0"),
        (("--max-new-tokens", -1), "--max-new-tokens -1"),
        (("--stop", ""), "--stop: the text is empty"),
        (("--seed", -1), "--seed"),
        (("--prompt-ids", "1,256"), "token 256 is outside the vocabulary of 256"),
    )

    def test_wrong_flags(self):
        for flags, expected in self.CASES:
            with self.subTest(flags):
                result = self.call("heddle-run", "generate", *self.flags, "--prompt", "a", *flags)
                self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
                self.assertIn(expected, result.stderr.decode())
                self.assertEqual(result.stdout, b"")
        few = self.call("heddle", "generate", "m.textproto", "--prompt", "a", "--beams", 3, "--batch", 2)
        self.assertEqual(few.returncode, 2)
        self.assertIn("--batch 2: each of the --beams 3 is a sequence of the batch", few.stderr.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
