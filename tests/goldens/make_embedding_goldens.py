#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the frozen goldens of sentence embeddings: tiny random BERTs as sentence-transformers keeps them.

    python3 make_embedding_goldens.py [NAME ...]

Outputs and gradients are computed in float64 with torch, as the package defines pooling, dense layers
and normalisation and its MultipleNegativesRankingLoss (cosine, scale 20): the first half of the batch are
anchors, the second their positives.
"""
import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

from make_encoder_goldens import T5
from make_goldens import randomise

B, T, V = 4, 9, 31
SIZES = dict(vocab_size=V, hidden_size=20, num_hidden_layers=1, num_attention_heads=5,
             intermediate_size=28, max_position_embeddings=19)
OLD = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
TANH, IDENTITY, GELU = ("torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity",
                        "torch.nn.modules.activation.GELU")
FUNCTIONS = {TANH: torch.tanh, IDENTITY: lambda x: x, GELU: torch.nn.functional.gelu}
# name: dense layers behind the pooling, each with width, bias and activation
DENSE = {
    "embedding-dense": [(20, True, TANH)],
    "embedding-two-dense": [(12, False, IDENTITY), (23, True, GELU)],
    "embedding-t5": [(24, False, IDENTITY)],
}
# name: pooling, normalised, the newer key names
MODELS = {
    "embedding-mean": ("mean_tokens", True, False),
    "embedding-cls": ("cls_token", False, False),
    "embedding-max": ("max_tokens", True, True),
    "embedding-sqrt": ("mean_sqrt_len_tokens", False, False),
    "embedding-dense": ("cls_token", True, False),
    "embedding-two-dense": ("mean_tokens", False, True),
    "embedding-t5": ("mean_tokens", True, False),
}


def pool(mode, x, mask):
    mask = mask.unsqueeze(-1).to(x.dtype)
    if mode == "cls_token":
        return x[:, 0]
    if mode == "max_tokens":
        return x.masked_fill(mask == 0, -1e9).max(1).values
    count = mask.sum(1).clamp(min=1e-9)
    return (x * mask).sum(1) / (count if mode == "mean_tokens" else count.sqrt())


def write_dense(folder, layers, newer, generator):
    """Random layers with their folders; returns them with their folders' names."""
    size, made = 20, []
    for i, (width, bias, activation) in enumerate(layers, start=2):
        place = f"{i}_Dense"
        os.makedirs(os.path.join(folder, place), exist_ok=True)
        config = {"in_features": size, "out_features": width, "bias": bias,
                  "activation_function": activation}
        if newer:
            config.update(module_input_name="sentence_embedding", module_output_name=None)
        with open(os.path.join(folder, place, "config.json"), "w") as file:
            json.dump(config, file, indent=2)
            file.write("\n")
        layer = torch.nn.Linear(size, width, bias)
        randomise(layer, generator)
        save_file({f"linear.{key}": value.detach() for key, value in layer.named_parameters()},
                  os.path.join(folder, place, "model.safetensors"))
        made.append((place, layer.double(), FUNCTIONS[activation]))
        size = width
    return made


def write_modules(folder, mode, normalised, newer, dense):
    kinds = ["Transformer", "Pooling"] + ["Dense"] * dense + ["Normalize"] * normalised
    paths = ["", "1_Pooling"] + [f"{i}_{kind}" for i, kind in enumerate(kinds[2:], start=2)]
    modules = [{"idx": i, "name": str(i), "path": paths[i],
                "type": f"sentence_transformers.models.{kind}"} for i, kind in enumerate(kinds)]
    os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
    if newer:
        pooling = {"embedding_dimension": 20, "pooling_mode": mode.removesuffix("_tokens"),
                   "include_prompt": True}
    else:
        pooling = {"word_embedding_dimension": 20,
                   **{f"pooling_mode_{name}": name == mode for name in OLD}}
    for name, content in (("modules.json", modules), ("1_Pooling/config.json", pooling)):
        with open(os.path.join(folder, name), "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")


def make(name):
    mode, normalised, newer = MODELS[name]
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    if name == "embedding-t5":
        model = transformers.T5EncoderModel(transformers.T5Config(**{**T5, "num_layers": 1}))
    else:
        model = transformers.BertModel(transformers.BertConfig(**SIZES))
    randomise(model, generator)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("LayerNorm.weight"):
                parameter += 1.0
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    model.save_pretrained(folder)
    dense = write_dense(folder, DENSE.get(name, []), newer, generator)
    write_modules(folder, mode, normalised, newer, len(dense))
    model = model.double().eval()
    ids = torch.randint(1, V, (B, T), generator=generator)
    mask = torch.ones(B, T, dtype=torch.int64)
    mask[1, 6:] = mask[2, :2] = mask[3, 4] = 0
    ids[mask == 0] = 0
    out = model(input_ids=ids, attention_mask=mask)
    embedding = pool(mode, out.last_hidden_state, mask)
    for _, layer, function in dense:
        embedding = function(layer(embedding))
    unit = torch.nn.functional.normalize(embedding, dim=-1)
    scores = 20 * unit[:B // 2] @ unit[B // 2:].T
    loss = torch.nn.functional.cross_entropy(scores, torch.arange(B // 2))
    loss.backward()
    golden = {"in.input_ids": ids, "in.attention_mask": mask,
              "out.sentence_embedding": unit if normalised else embedding,
              "out.last_hidden_state": out.last_hidden_state, "out.loss": loss}
    if "pooler_output" in out:
        golden["out.pooler_output"] = out.pooler_output
    for parameter, value in model.named_parameters():
        if value.grad is not None:
            golden["grad." + parameter] = value.grad
    for place, layer, _ in dense:
        for parameter, value in layer.named_parameters():
            golden[f"grad.{place}/linear.{parameter}"] = value.grad
    save_file({key: value.detach().contiguous() for key, value in golden.items()},
              os.path.join(folder, "golden.safetensors"))
    print(name, sorted(key for key in golden if key.startswith("out.")))


if __name__ == "__main__":
    for model_name in sys.argv[1:] or MODELS:
        make(model_name)
