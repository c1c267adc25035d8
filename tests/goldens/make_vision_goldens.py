#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the frozen goldens of models that read images: tiny random models of transformers,
evaluated in float64.

    python3 make_vision_goldens.py [NAME ...]

As make_encoder_goldens.py: in.*, out.* as the model returns them, and grad.* where there is a loss.
Images are of odd sizes, and what patches do not cover is there too.
"""
import copy
import os
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

from make_goldens import randomise

B, T, V = 3, 13, 67
HERE = os.path.dirname(os.path.abspath(__file__))
VIT = dict(hidden_size=20, num_hidden_layers=2, num_attention_heads=5, intermediate_size=28,
           image_size=(12, 20), patch_size=4)
VIT_SMALL = {**VIT, "num_hidden_layers": 1, "num_channels": 1, "patch_size": 5}  # of 12 rows, 10

END = 60  # the token at which CLIP's texts end
TEXT = dict(vocab_size=V, hidden_size=20, num_hidden_layers=2, num_attention_heads=5,
            intermediate_size=28, max_position_embeddings=19, projection_dim=12, eos_token_id=END,
            bos_token_id=1)
TEXT_SMALL = {**TEXT, "num_hidden_layers": 1}
IMAGE = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=36,
             image_size=13, patch_size=4, projection_dim=12)
IMAGE_SMALL = {**IMAGE, "num_hidden_layers": 1, "num_channels": 1, "patch_size": 5}

# name: class, options of the configuration, arguments of the class
MODELS = {
    "vit-model": ("ViTModel", {**VIT, "pooler_output_size": 12}, {}),
    "vit-without-pooler": ("ViTModel", VIT_SMALL, {"add_pooling_layer": False}),
    "vit-classes": ("ViTForImageClassification", {**VIT, "patch_size": (4, 5), "num_labels": 7}, {}),
    "vit-several-labels": ("ViTForImageClassification",
                           {**VIT_SMALL, "num_labels": 4, "hidden_act": "quick_gelu",
                            "qkv_bias": False, "layer_norm_eps": 1e-5,
                            "problem_type": "multi_label_classification"}, {}),
    "clip-model": ("CLIPModel", dict(text_config=TEXT, vision_config=IMAGE, projection_dim=12), {}),
    # As published before transformers 4.31: the text ends at its highest id.
    "clip-highest-id": ("CLIPModel", dict(
        text_config={**TEXT_SMALL, "eos_token_id": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-4},
        vision_config={**IMAGE_SMALL, "hidden_act": "relu"}, projection_dim=8), {}),
    "clip-text": ("CLIPTextModel", TEXT_SMALL, {}),
    "clip-text-projection": ("CLIPTextModelWithProjection", TEXT_SMALL, {}),
    "clip-vision": ("CLIPVisionModel", IMAGE_SMALL, {}),
    "clip-vision-projection": ("CLIPVisionModelWithProjection", IMAGE_SMALL, {}),
}


def pair(value):
    return value if isinstance(value, (tuple, list)) else (value, value)


def pixels(config, generator):
    return torch.randn(B, config.num_channels, *pair(config.image_size), generator=generator,
                       dtype=torch.float64)


def text(config, generator):
    """Rows that end early, at their second end and never; padding behind and a hole within."""
    ids = torch.randint(3, END, (B, T), generator=generator)
    ids[0, 7] = ids[1, 4] = ids[1, 9] = END
    if config.eos_token_id == 2:
        ids[2, 3] = ids[2, 11] = V - 1
    mask = torch.ones(B, T, dtype=torch.int64)
    mask[0, 8:] = mask[1, 2] = mask[2, 12] = 0
    return {"input_ids": ids, "attention_mask": mask}


def feed_of(kind, config, generator):
    if kind == "CLIPModel":
        return {**text(config.text_config, generator),
                "pixel_values": pixels(config.vision_config, generator)}
    if kind.startswith("CLIPText"):
        return text(config, generator)
    feed = {"pixel_values": pixels(config, generator)}
    if not kind.endswith("ImageClassification"):
        return feed
    if config.problem_type == "multi_label_classification":
        labels = torch.randint(0, 2, (B, config.num_labels), generator=generator).double()
        labels[1, 2] = 0.25
        return {**feed, "labels": labels}
    return {**feed, "labels": torch.randint(0, config.num_labels, (B,), generator=generator)}


def gradients(model):
    """Under the names that a checkpoint has, which may differ from those of the modules."""
    with tempfile.TemporaryDirectory() as folder:
        other = copy.deepcopy(model)
        with torch.no_grad():
            for theirs, ours in zip(other.parameters(), model.parameters()):
                theirs.copy_(ours.grad if ours.grad is not None else torch.full_like(ours, torch.nan))
        other.save_pretrained(folder)
        saved = load_file(os.path.join(folder, "model.safetensors"))
    return {name: value for name, value in saved.items() if not value.isnan().any()}


def make(name):
    kind, options, arguments = MODELS[name]
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    model_class = getattr(transformers, kind)
    config = model_class.config_class(**options)
    config._attn_implementation = "sdpa"
    model = model_class(config, **arguments)
    randomise(model, generator)
    with torch.no_grad():  # the names that randomise() does not know as norms
        for module in model.modules():
            if isinstance(module, torch.nn.LayerNorm) and module.weight.mean() < 0.5:
                module.weight += 1.0
        if kind == "CLIPModel":
            model.logit_scale += 1.25
    folder = os.path.join(HERE, name)
    model.save_pretrained(folder)
    model = model.double().eval()
    feed = feed_of(kind, config, generator)
    outputs = model(**feed, **({"return_loss": True} if kind == "CLIPModel" else {}))
    golden = {"in." + key: value for key, value in feed.items()}
    for key, value in outputs.items():
        if key.endswith("_model_output"):
            continue
        assert value.dtype == torch.float64
        golden["out." + key] = value.detach()
    if "loss" in outputs:
        outputs.loss.backward()
        golden.update({"grad." + key: value for key, value in gradients(model).items()})
    save_file({key: value.contiguous() for key, value in golden.items()},
              os.path.join(folder, "golden.safetensors"))
    print(name, [key for key in golden if key.startswith("out.")],
          sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    for model_name in sys.argv[1:] or MODELS:
        make(model_name)
