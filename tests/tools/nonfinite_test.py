#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NaN and infinities planted in weights, moments and inputs, and made by overflow: every verb names where
they come from, training stops and keeps what was good, and the command it prints does the same again.
HEDDLE_BIN_DIR is where the binaries are."""
import json
import os
import pathlib
import re
import shutil
import struct
import unittest
from random import Random as Source

from planted import HUGE, INFINITY, NAN, ORIGIN, NonFinite, Tensors, embedding, last_norm, pick, reseal

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "goldens"


class Training(NonFinite):
    def test_weights(self):
        for value in (NAN, INFINITY):
            with self.subTest(value):
                model = self.model(lambda weights: weights.plant(pick(weights, "ffn"), value, 5), name=f"m{value}")
                said = self.train(1, model, "--steps", 3, "--out", f"out{value}")
                self.assertIn("step 0: ", said)
                self.assertRegex(said, r"parameter \S*ffn\S* holds (NaN|infinity) at \[0, 5\]")
                self.assertIn("ffn", self.origin(said)[1])
                self.replay(said)

    def test_moments(self):
        self.train(0, "small.textproto", "--steps", 2, "--out", "out")
        checkpoint = self.at / "out/step-00000002"
        moments = Tensors(checkpoint / "training_state.safetensors")
        name = next(name for name in moments.tensors if name.startswith("adam.v.") and "ffn" in name)
        moments.plant(name, NAN, 3)
        moments.write()
        reseal(checkpoint)
        said = self.train(1, "small.textproto", "--steps", 4, "--out", "out", "--resume")
        self.assertIn(f"step 2: not all weights are finite; state {name} holds NaN", said)
        self.assertIn(f"first read by heddle.adamw at optimizer.{name[7:]}", said)
        self.assertIn("the checkpoint of step 2 is kept", said)
        self.assertIn(f"state {name} holds NaN", self.replay(said))

    def test_overflow_in_forward(self):
        model = self.model(lambda weights: weights.fill(pick(weights, "ffn.in"), HUGE))
        said = self.train(1, model, "--steps", 3, "--out", "out")
        self.assertIn("step 0: loss is ", said)
        self.assertIn("ffn", self.origin(said)[1])
        self.assertNotIn("holds", said.replace("text.txt", ""))
        self.replay(said)
        self.assertEqual(self.checkpoints("out"), [])

    def test_overflow_in_backward(self):
        """A gain of almost nothing before a head of almost everything: logits as usual, gradients not."""
        def change(weights):
            head, norm = pick(weights, "head"), last_norm(weights)
            _, (rows, columns), _ = weights.tensors[head]
            for row in range(rows):
                weights.plant(head, HUGE if row % 2 else -HUGE, row * columns, columns)
            weights.fill(norm, 2e-38)
        model = self.model(change)
        said = self.call(1, "train", model, "--data", "text.txt", "--batch", 1, "--seq", 1, "--steps", 3,
                         "--out", "out")
        self.assertIn("gradient norm is inf", said)
        self.origin(said)
        self.replay(said)

    def test_square_of_gradients(self):
        def change(weights):
            weights.fill(last_norm(weights), 1e-25)
            head = pick(weights, "head")
            _, (rows, columns), _ = weights.tensors[head]
            for row in range(rows):
                weights.plant(head, 1e25 if row % 2 else -1e25, row * columns, columns)
        model = self.model(change)
        said = self.train(1, model, "--steps", 3, "--out", "out")
        self.assertIn("and a square overflows in heddle.adamw; first squared in heddle.adamw at optimizer.", said)
        self.assertIn("first squared in heddle.adamw at optimizer.", self.replay(said))
        self.train(0, model, "--steps", 3, "--grad-clip", 1)

    def test_accumulation_names_the_micro_batch(self):
        """Of token 90 the mean overflows. It comes in step 1, second of three."""
        model = self.model(lambda weights: weights.plant(embedding(weights), HUGE, 90 * 16, 16))
        data = self.batches([65, 66, 67, 68, 90, 69])
        said = self.train(1, model, "--steps", 4, "--grad-accum", 3, "--checkpoint-interval", 1, "--out", "out",
                          data=data)
        self.assertIn("step 1: ", said)
        self.assertIn("micro-batch 1: first in", said)
        self.assertIn("the checkpoint of step 1 is kept", said)
        self.assertIn("micro-batch 1: first in", self.replay(said))
        self.assertEqual(self.checkpoints("out"), ["step-00000001"])

    def test_dropout_replays_the_masks(self):
        """Kept values are doubled, which overflows; where it first does depends on the masks."""
        model = self.model(lambda weights: weights.fill(embedding(weights), HUGE))
        flags = ("--steps", 2, "--dropout", 0.5, "--grad-accum", 2)
        places = set()
        for seed in (1, 2, 3):
            said = self.train(1, model, *flags, "--seed", seed, "--out", f"out{seed}")
            self.assertIn("heddle.dropout", self.origin(said)[0])
            self.replay(said)
            places.add(ORIGIN.search(said).group(0))
        self.assertGreater(len(places), 1)

    def test_skip_goes_on_and_counts(self):
        model = self.model(lambda weights: weights.plant(embedding(weights), HUGE, 90 * 16, 16))
        data = self.batches([65, 90, 66, 90])
        said = self.train(0, model, "--steps", 5, "--on-nonfinite", "skip", "--log", "log.jsonl", "--out", "out",
                          data=data)
        self.assertIn("update skipped (1 so far)", said)
        self.assertIn("update skipped (2 so far)", said)
        self.assertEqual(len(ORIGIN.findall(said)), 1)  # the first is explained
        lines = [json.loads(line) for line in (self.at / "log.jsonl").read_text().splitlines()]
        self.assertEqual([line.get("skipped") for line in lines], [None, 1, None, 2, None])
        self.assertIsNone(lines[1]["loss"])
        state = json.loads((self.at / "out/step-00000005/training_state.json").read_text())
        self.assertEqual((state["updates"], state["skipped"]), (3, 2))
        self.replay(said)

    def test_skipping_cannot_mend_weights(self):
        model = self.model(lambda weights: weights.plant(embedding(weights), NAN))
        said = self.train(1, model, "--steps", 3, "--on-nonfinite", "skip", "--out", "out")
        self.assertIn("skipping steps does not mend it", said)

    def test_no_such_checkpoint_is_written(self):
        """Each factor is finite in f32, the product is not."""
        flags = ("--lr", 3e38, "--weight-decay", 100, "--checkpoint-interval", 1, "--out", "out")
        said = self.train(1, "small.textproto", "--steps", 1, *flags)
        self.assertRegex(said, r"step 1: parameter \S+ holds .*it is not saved; "
                               r"\S+ is written by heddle\.adamw at optimizer\.")
        self.assertEqual(self.checkpoints("out"), [])

    def test_weights_given_are_not_saved_either(self):
        self.model(lambda weights: weights.plant(embedding(weights), NAN))
        said = self.call(1, "train", "small.textproto", "--weights", "model", "--steps", 0, "--out", "out")
        self.assertRegex(said, r"error: step 0: parameter \S+ holds NaN at \[0, 0\]; it is not saved\n")

    def test_the_update_that_did_it_is_found(self):
        """The learning rate jumps at step 4. Behind the checkpoint of step 3 the steps are run again."""
        flags = ("--lr", 1e-3, "--warmup-steps", 4, "--lr-decay-steps", 4, "--min-lr", 3e38, "--weight-decay", 100,
                 "--steps", 9, "--checkpoint-interval", 3, "--grad-accum", 2, "--dropout", 0.1, "--out", "out")
        said = self.train(1, "small.textproto", *flags)
        self.assertIn("error: step 5: ", said)
        self.assertEqual(self.checkpoints("out"), ["step-00000003"])
        culprit = re.search(r"step 4: after the update parameter \S+ holds \S+ at \S+ .*written by "
                            r"heddle\.adamw at optimizer\.[^;\n]*", said)
        self.assertTrue(culprit, said)
        self.assertIn("nonfinite-step-00000004", said)
        self.assertIn(culprit.group(0), self.replay(said))

    def test_validation(self):
        model = self.model(lambda weights: weights.plant(embedding(weights), HUGE, 90 * 16, 16))
        tokens = Tensors()
        tokens.add("tokens", "I32", [400], [65] * 300 + [90] * 100)
        tokens.write(self.at / "tokens.safetensors")
        flags = ("--steps", 4, "--eval-interval", 2, "--eval-iters", 1, "--val-split", 0.25, "--log", "log.jsonl")
        said = self.train(1, model, *flags, "--out", "out", data="tokens.safetensors")
        self.assertIn("step 0: validation loss is nan on batch 0; first in", said)
        self.assertIn("--entry eval", said)
        self.replay(said)
        said = self.train(0, model, *flags, "--on-nonfinite", "skip", data="tokens.safetensors")
        self.assertIn('"val_loss":null', (self.at / "log.jsonl").read_text())

    def test_without_out_there_is_no_replay(self):
        model = self.model(lambda weights: weights.plant(embedding(weights), NAN))
        self.assertIn("without --out no replay is kept", self.train(1, model, "--steps", 3))

    def test_without_a_compiler(self):
        model = self.model(lambda weights: weights.fill(pick(weights, "ffn.in"), HUGE), name="my model")
        self.call(0, "compile", "small.textproto", "--train", "--batch", 2, "--seq", 8, "-o", "small.heddle")
        said = self.call(1, "heddle-run", "train", "small.heddle", "--weights", model, "--data", "text.txt",
                         "--steps", 2, "--grad-accum", 2, "--out", "the run's")
        self.assertIn("replay: heddle-run run small.heddle --weights 'the run'\\''s/nonfinite-step-", said)
        self.replay(said)


class Running(NonFinite):
    def inputs(self, more=()):
        file = Tensors()
        file.add("input_ids", "I32", [2, 8], list(range(16)))
        for name, dtype, shape, values in more:
            file.add(name, dtype, shape, values)
        file.write(self.at / "in.safetensors")
        return ("--inputs", "in.safetensors", "--outputs", "out.safetensors")

    def test_run_says_so_and_writes_what_it_has(self):
        model = self.model(lambda weights: weights.plant(pick(weights, "ffn"), NAN, 5))
        said = self.call(1, "run", model, *self.inputs())
        self.assertIn("remark: model: parameter", said)
        self.assertIn("error: output logits: NaN at [0, ", said)
        self.assertIn("ffn", self.origin(said)[1])
        self.assertIn("logits", Tensors(self.at / "out.safetensors").tensors)
        labels = self.inputs([("labels", "I32", [2, 8], [3] * 16)])
        self.origin(self.call(1, "run", model, "--entry", "grad", *labels))
        self.call(1, "run", model, "--backend", "interpreter", *self.inputs())

    def test_masks_are_no_failure(self):
        """A row without a visible key has a log-sum-exp of -infinity, and that is right."""
        padded = self.inputs([("attention_mask", "I32", [2, 8], [0] * 8 + [1] * 8)])
        self.call(0, "run", "small.textproto", *padded)

    def test_float_inputs(self):
        (self.at / "graph.mlir").write_text("""
func.func @forward(%x: tensor<2x3xf32> {heddle.kind = "input", heddle.name = "x"})
    -> (tensor<2x3xf32> {heddle.kind = "output", heddle.name = "y"}) {
  %y = heddle.softmax %x : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
""")
        file = Tensors()
        file.add("x", "F32", [2, 3], [1, 2, 3, 4, INFINITY, 6])
        file.write(self.at / "x.safetensors")
        said = self.call(1, "run", "graph.mlir", "--inputs", "x.safetensors", "--outputs", "y.safetensors")
        self.assertIn("output y: NaN at [1, ", said)
        self.assertIn("input x holds infinity at [1, 1]", said)
        self.assertIn("heddle.softmax", self.origin(said)[0])

    def test_generate(self):
        model = self.model(lambda weights: weights.fill(pick(weights, "ffn.in"), HUGE))
        said = self.call(1, "generate", model, "--prompt-ids", "1,2,3", "--max-new-tokens", 3, "--seq", 8)
        self.assertIn("prompt 1: the logit of token 0 is nan; first in", said)
        self.assertIn("ffn", self.origin(said)[1])

    def test_bench(self):
        model = self.model(lambda weights: weights.fill(pick(weights, "ffn.in"), HUGE))
        for entry in ("forward", "step"):
            said = self.call(0, "bench", model, "--entry", entry, "--iters", 1, "--batch", 2, "--seq", 8)
            self.assertIn("remark: output ", said)
            self.origin(said)

    def test_verify(self):
        model = self.model(lambda weights: weights.plant(embedding(weights), NAN, 3))
        said = self.call(2, "verify", model)
        self.assertRegex(said, r"error: model: parameter \S+ holds NaN at \[0, 3\]; only finite weights")

    def test_imported_folder(self):
        shutil.copytree(GOLDENS / "gpt2-default", self.at / "gpt2")
        weights = Tensors(self.at / "gpt2/model.safetensors")
        name = next(name for name in weights.tensors if name.endswith("h.1.mlp.c_fc.weight"))
        weights.plant(name, NAN, 7)
        weights.write()
        said = self.call(1, "generate", "gpt2", "--prompt-ids", "1,2,3", "--max-new-tokens", 3, "--seq", 8)
        self.assertRegex(said, r"remark: gpt2\S*: parameter \S*h\.1\.mlp\.c_fc\.weight holds NaN at \[0, 7\]")
        self.assertIn("which reads it", said)


class Random(NonFinite):
    """Damage of any kind anywhere: a run that stops says why, and the replay says the same.
    HEDDLE_NONFINITE_RUNS=500 HEDDLE_NONFINITE_SEED=7 for more and for others."""

    REASON = re.compile(r"(?:micro-batch \d+: )?(?:parameter \S+ holds [^;]+; )?"
                        r"first (?:in|read by|squared in) heddle\.[^;\n]* at [^;\n]*")

    def damage(self, random, weights):
        name = random.choice(sorted(weights.tensors))
        count = len(weights.tensors[name][2]) // 4
        kind = random.choice(("element", "row", "scale"))
        if kind == "element":
            weights.plant(name, random.choice((NAN, INFINITY, -INFINITY)), random.randrange(count))
        elif kind == "row":
            for index in range(count):
                weights.plant(name, random.choice((HUGE, -HUGE, 1e30)), index)
        else:
            content = weights.tensors[name][2]
            factor = 10.0 ** random.randrange(10, 38)
            for index in range(count):
                value = struct.unpack_from("<f", content, 4 * index)[0] * factor
                weights.plant(name, max(-HUGE, min(HUGE, value)), index)
        return f"{kind} {name}"

    def test_random_damage(self):
        seed = int(os.environ.get("HEDDLE_NONFINITE_SEED", "1"))
        self.model(lambda weights: None, name="whole")
        for run in range(int(os.environ.get("HEDDLE_NONFINITE_RUNS", "6"))):
            random = Source(f"{seed}.{run}")
            weights = Tensors(self.at / "whole/model.safetensors")
            what = self.damage(random, weights)
            weights.write(self.at / "damaged.safetensors")
            flags = ("--weights", "damaged.safetensors", "--steps", 3, "--seed", random.randrange(100),
                     "--grad-accum", random.choice((1, 2, 3)), "--dropout", random.choice((0, 0.3)),
                     "--threads", random.choice((1, 2)), "--out", f"out{run}")
            with self.subTest(f"seed {seed}, run {run}: {what}"):
                result = self.result("train", "small.textproto", "--data", "text.txt", "--batch", 2, "--seq", 8,
                                     *flags)
                self.assertIn(result.returncode, (0, 1), result.stderr)
                if result.returncode == 1:
                    reason = self.REASON.search(result.stderr)
                    self.assertTrue(reason, result.stderr)
                    self.assertIn(reason.group(0), self.replay(result.stderr))
            shutil.rmtree(self.at / f"out{run}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
