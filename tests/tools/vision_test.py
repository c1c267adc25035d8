#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models that read images as a user goes: everything fuses, numbers are those of the reference, and
what is wrong with a folder or a flag is an error in the user's words."""
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDENS = ROOT / "tests" / "goldens"
HEDDLE = pathlib.Path(os.environ["HEDDLE_BIN_DIR"]) / "heddle"
# Layers of attention and FFN, and whether there is a loss.
MODELS = {"vit-model": (2, False), "vit-without-pooler": (1, False), "vit-classes": (2, True),
          "vit-several-labels": (1, True), "dit-tiny": (2, True), "clip-model": (4, True),
          "clip-highest-id": (2, True), "clip-text": (1, False), "clip-text-projection": (1, False),
          "clip-vision": (1, False), "clip-vision-projection": (1, False)}


def read_safetensors(path):
    """name: (dtype, shape, bytes)"""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    begin = 8 + size
    return {name: (entry["dtype"], entry["shape"],
                   data[begin + entry["data_offsets"][0]:begin + entry["data_offsets"][1]])
            for name, entry in header.items()}


def write_safetensors(path, tensors):
    header, at, body = {}, 0, b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


class Vision(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.base = pathlib.Path(folder.name)
        cls.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(cls.base / "cache"))

    def heddle(self, *arguments, code=0):
        result = subprocess.run([str(HEDDLE), *map(str, arguments)], text=True, timeout=300,
                                env=self.environment, capture_output=True)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result.stdout + result.stderr

    def inputs(self, name):
        """The golden's inputs as `heddle run` takes them."""
        tensors = read_safetensors(GOLDENS / name / "golden.safetensors")
        return {key[3:]: value for key, value in tensors.items() if key.startswith("in.")}

    def test_everything_fuses(self):
        for name, (layers, has_loss) in MODELS.items():
            with self.subTest(name):
                train = ["--train"] if has_loss else []
                if name in ("clip-model", "clip-highest-id", "clip-text", "clip-text-projection"):
                    train += ["--seq", 11]
                self.heddle("compile", GOLDENS / name, *train, "--batch", 2, "-o",
                            self.base / "x.heddle", "--strict", "--require-fused",
                            f"attention:{layers},ffn:{layers}")

    def test_numbers(self):
        for name in MODELS:
            with self.subTest(name):
                self.heddle("verify", GOLDENS / name, "--against",
                            GOLDENS / name / "golden.safetensors")

    def test_every_kernel_and_pass(self):
        for name in ("vit-classes", "vit-several-labels", "dit-tiny", "clip-model",
                     "clip-highest-id"):
            with self.subTest(name):
                self.heddle("verify", GOLDENS / name, "--grad", "--passes")

    def test_run(self):
        feed, outputs = self.base / "in.safetensors", self.base / "out.safetensors"
        for name, shapes in (("vit-classes", {"logits": [3, 7], "loss": []}),
                             ("clip-model", {"logits_per_image": [3, 3], "logits_per_text": [3, 3],
                                             "text_embeds": [3, 12], "image_embeds": [3, 12],
                                             "loss": []}),
                             ("clip-vision-projection", {"image_embeds": [3, 12],
                                                         "last_hidden_state": [3, 5, 24]}),
                             ("dit-tiny", {"noise": [3, 3, 12, 20], "variance": [3, 3, 12, 20],
                                           "loss": []})):
            write_safetensors(feed, self.inputs(name))
            for backend in ("compiled", "interpreter"):
                with self.subTest(name, backend=backend):
                    self.heddle("run", GOLDENS / name, "--inputs", feed, "--outputs", outputs,
                                "--backend", backend)
                    found = read_safetensors(outputs)
                    self.assertEqual({key: value[1] for key, value in found.items()}, shapes)

    def test_inputs_that_do_not_fit(self):
        feed, outputs = self.base / "in.safetensors", self.base / "out.safetensors"

        def run(name, changes, code=2):
            tensors = {**self.inputs(name), **changes}
            write_safetensors(feed, {key: value for key, value in tensors.items() if value})
            return self.heddle("run", GOLDENS / name, "--inputs", feed, "--outputs", outputs,
                               code=code)

        self.assertIn("nor pixel_values", run("vit-classes", {"pixel_values": None}))
        self.assertIn("input pixel_values: has shape [3, 1, 12, 20], expected [3, 3, 12, 20]",
                      run("vit-classes", {"pixel_values": ("F32", [3, 1, 12, 20], bytes(2880))}))
        self.assertIn("expected [B, channels, height, width]",
                      run("vit-classes", {"pixel_values": ("F32", [3, 12, 20], bytes(2880))}))
        self.assertIn("value 7 at [1] is outside the 7 values",
                      run("vit-classes", {"labels": ("I32", [3], struct.pack("<3i", 0, 7, 1))}))
        self.assertIn("input timesteps: value 1000",
                      run("dit-tiny", {"timesteps": ("I32", [3], struct.pack("<3i", 0, 1000, 1))}))
        self.assertIn("input class_labels: value 8", # 7 stands for no class
                      run("dit-tiny", {"class_labels": ("I32", [3], struct.pack("<3i", 7, 8, 1))}))
        self.assertIn("needs the input timesteps", run("dit-tiny", {"timesteps": None}))
        self.assertIn("needs the input pixel_values", run("clip-model", {"pixel_values": None}))
        self.assertIn("input pixel_values: has shape [2, 3, 13, 13], expected [3, 3, 13, 13]",
                      run("clip-model", {"pixel_values": ("F32", [2, 3, 13, 13], bytes(4056))}))

    def test_folders_that_do_not_fit(self):
        def broken(name, change, config=None):
            folder = self.base / "broken"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(GOLDENS / name, folder)
            tensors = read_safetensors(folder / "model.safetensors")
            change(tensors)
            write_safetensors(folder / "model.safetensors", tensors)
            if config:
                values = json.loads((folder / "config.json").read_text())
                (folder / "config.json").write_text(json.dumps({**values, **config}))
            write_safetensors(self.base / "in.safetensors", self.inputs(name))
            return self.heddle("run", folder, "--inputs", self.base / "in.safetensors", "--outputs",
                               self.base / "out.safetensors", code=2)

        projection = "vit.embeddings.patch_embeddings.projection.weight"
        token = "vit.embeddings.cls_token"
        self.assertIn(token, broken("vit-classes", lambda t: t.pop(token)))
        said = broken("vit-classes", lambda t: t.update({projection: (
            "F32", [20, 3, 5, 4], t[projection][2])}))
        self.assertIn(projection, said)
        self.assertIn("[20, 3, 4, 5]", said)
        self.assertIn("vit.extra", broken("vit-classes", lambda t: t.update(
            {"vit.extra": ("F32", [1], bytes(4))})))
        self.assertIn("position_embeddings",
                      broken("vit-classes", lambda t: None, {"image_size": [12, 25]}))
        self.assertIn('key "use_mean_pooling": unknown to the family vit',
                      broken("vit-classes", lambda t: None, {"use_mean_pooling": True}))
        scale = "logit_scale"
        self.assertIn(scale, broken("clip-model", lambda t: t.pop(scale)))
        self.assertIn("vision_model.post_layernorm.bias",
                      broken("clip-model", lambda t: t.pop("vision_model.post_layernorm.bias")))
        self.assertIn("text_projection.weight",
                      broken("clip-model", lambda t: None, {"projection_dim": 13}))
        self.assertIn("pooler.dense.bias",
                      broken("vit-model", lambda t: t.pop("pooler.dense.bias")))

    def test_flags(self):
        model = GOLDENS / "vit-classes"
        self.assertIn("--seq 12: the sequence follows from the model's image and has 13 vectors",
                      self.heddle("inspect", model, "--seq", 12, code=2))
        self.heddle("inspect", model, "--seq", 13)
        self.assertIn("it looks ahead", self.heddle("generate", model, "--prompt-ids", "1", code=2))
        self.assertIn("its head does not predict tokens",
                      self.heddle("generate", GOLDENS / "clip-model", "--prompt-ids", "1", code=2))
        self.assertIn("its head gives vectors",
                      self.heddle("compile", GOLDENS / "clip-text-projection", "--train", "-o",
                                  self.base / "x.heddle", code=2))
        self.heddle("bench", GOLDENS / "dit-tiny", "--entry", "forward", "--iters", 3)

    def test_first_values(self):
        """Without weights logit_scale is what config.json says."""
        folder = self.base / "unweighted"
        folder.mkdir()
        config = json.loads((GOLDENS / "clip-model/config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "logit_scale_init_value": 1.5}))
        write_safetensors(self.base / "in.safetensors", self.inputs("clip-model"))
        self.heddle("run", folder, "--inputs", self.base / "in.safetensors", "--outputs",
                    self.base / "out.safetensors", "--seed", 3)
        found = {name: struct.unpack(f"<{len(data) // 4}f", data) for name, (_, _, data) in
                 read_safetensors(self.base / "out.safetensors").items()}
        cosine = sum(a * b for a, b in zip(found["text_embeds"][:12], found["image_embeds"][:12]))
        self.assertAlmostEqual(found["logits_per_text"][0], cosine * math.exp(1.5), places=4)
        self.assertGreater(abs(cosine), 1e-3)

    def test_inspect(self):
        shapes = json.loads(self.heddle("inspect", GOLDENS / "vit-several-labels", "--shapes",
                                        "--json"))
        text = json.dumps(shapes)
        self.assertIn("[B,Ch,Nh,Ph,Nw,Pw] -> [B,Nh,Nw,Ch,Ph,Pw]", text)
        self.assertIn("[B,1,C], [B,N,C] -> [B,T,C]", text)
        for example, count in (("vit-base", 86_567_656), ("dit-xl-2", 674_834_720)):
            params = json.loads(self.heddle("inspect", ROOT / "examples" / f"{example}.textproto",
                                            "--params", "--json"))
            self.assertEqual(params["params"]["elements"], count)


if __name__ == "__main__":
    unittest.main()
