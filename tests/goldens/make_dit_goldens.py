#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the frozen golden of a diffusion transformer (arXiv:2212.09748) in float64.

    python3 make_dit_goldens.py

The model is written here after the paper, for the definition in dit-tiny/model.textproto.
"""
import math
import os

import torch
from safetensors.torch import save_file

B, C, H, F, LAYERS = 3, 20, 5, 28, 2
CHANNELS, IMAGE, PATCH = 3, (12, 20), (4, 5)
FREQUENCIES, CLASSES = 14, 7
EPSILON = 1e-6
NH, NW = IMAGE[0] // PATCH[0], IMAGE[1] // PATCH[1]
T = NH * NW
PIXELS = CHANNELS * PATCH[0] * PATCH[1]


def linear_shapes(name, size_in, size_out):
    return {name + ".weight": (size_out, size_in), name + ".bias": (size_out,)}


def shapes():
    all_shapes = {"decoder.embeddings.patch.weight": (C, CHANNELS, *PATCH),
                  "decoder.embeddings.patch.bias": (C,),
                  "decoder.condition.classes.weight": (CLASSES + 1, C),
                  **linear_shapes("decoder.condition.timestep.in", FREQUENCIES, C),
                  **linear_shapes("decoder.condition.timestep.out", C, C),
                  **linear_shapes("decoder.final_modulation", C, 2 * C),
                  **linear_shapes("lm_head", C, 2 * PIXELS)}
    for i in range(LAYERS):
        layer = f"decoder.layers.{i}."
        all_shapes.update({**linear_shapes(layer + "modulation", C, 6 * C),
                           **linear_shapes(layer + "attention.qkv", C, 3 * C),
                           **linear_shapes(layer + "attention.output", C, C),
                           **linear_shapes(layer + "ffn.in", C, F),
                           **linear_shapes(layer + "ffn.out", F, C)})
    return all_shapes


def waves(places, size):
    """The angles of places at size / 2 frequencies."""
    rates = torch.tensor([10000 ** (-2 * p / size) for p in range(size // 2)], dtype=torch.float64)
    return places.double()[:, None] * rates


def grid_positions():
    rows = torch.arange(NH).repeat_interleave(NW)
    columns = torch.arange(NW).repeat(NH)
    parts = []
    for places in (columns, rows):
        angles = waves(places, C // 2)
        parts += [angles.sin(), angles.cos()]
    return torch.cat(parts, dim=-1)


class Dit:
    def __init__(self, weights):
        self.w = weights

    def linear(self, name, x):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def condition(self, timesteps, labels):
        angles = waves(timesteps, FREQUENCIES)
        x = self.linear("decoder.condition.timestep.in", torch.cat([angles.cos(), angles.sin()], dim=-1))
        x = self.linear("decoder.condition.timestep.out", x * torch.sigmoid(x))
        x = x + self.w["decoder.condition.classes.weight"][labels]
        return x * torch.sigmoid(x)

    @staticmethod
    def norm(x):
        centred = x - x.mean(-1, keepdim=True)
        return centred / torch.sqrt((centred ** 2).mean(-1, keepdim=True) + EPSILON)

    def attention(self, name, x):
        q, k, v = (part.reshape(B, T, H, C // H).transpose(1, 2)
                   for part in self.linear(name + ".qkv", x).split(C, dim=-1))
        weights = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(C // H), dim=-1)
        return self.linear(name + ".output", (weights @ v).transpose(1, 2).reshape(B, T, C))

    def ffn(self, name, x):
        x = self.linear(name + ".in", x)
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)
        return self.linear(name + ".out", 0.5 * x * (1 + torch.tanh(inner)))

    def __call__(self, pixels, timesteps, labels):
        x = torch.nn.functional.conv2d(pixels, self.w["decoder.embeddings.patch.weight"],
                                       self.w["decoder.embeddings.patch.bias"], stride=PATCH)
        x = x.flatten(2).transpose(1, 2) + grid_positions()
        c = self.condition(timesteps, labels)
        for i in range(LAYERS):
            layer = f"decoder.layers.{i}."
            chunks = self.linear(layer + "modulation", c)[:, None, :].split(C, dim=-1)
            for part, (shift, scale, gate) in ((self.attention, chunks[:3]), (self.ffn, chunks[3:])):
                name = layer + ("attention" if part == self.attention else "ffn")
                x = x + gate * part(name, self.norm(x) * (1 + scale) + shift)
        shift, scale = self.linear("decoder.final_modulation", c)[:, None, :].split(C, dim=-1)
        x = self.linear("lm_head", self.norm(x) * (1 + scale) + shift)
        x = x.reshape(B, NH, NW, *PATCH, 2 * CHANNELS)
        x = torch.einsum("bhwpqc->bchpwq", x).reshape(B, 2 * CHANNELS, *IMAGE)
        return x[:, :CHANNELS], x[:, CHANNELS:]


def main():
    generator = torch.Generator().manual_seed(5)
    stored = {name: (0.3 if len(shape) > 1 else 0.1) * torch.randn(shape, generator=generator)
              for name, shape in shapes().items()}
    weights = {name: value.double().requires_grad_() for name, value in stored.items()}
    pixels = torch.randn(B, CHANNELS, *IMAGE, generator=generator, dtype=torch.float64)
    target = torch.randn(B, CHANNELS, *IMAGE, generator=generator, dtype=torch.float64)
    timesteps = torch.tensor([999, 0, 417])
    labels = torch.tensor([3, CLASSES, 0])  # the second without a class
    noise, variance = Dit(weights)(pixels, timesteps, labels)
    loss = ((noise - target) ** 2).mean()
    loss.backward()
    golden = {"in.pixel_values": pixels, "in.timesteps": timesteps, "in.class_labels": labels,
              "in.labels": target, "out.noise": noise, "out.variance": variance, "out.loss": loss}
    for name, value in weights.items():
        golden["grad." + name] = value.grad
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dit-tiny")
    save_file(stored, os.path.join(folder, "model.safetensors"))
    save_file({name: value.detach().contiguous() for name, value in golden.items()},
              os.path.join(folder, "golden.safetensors"))
    print("dit-tiny", loss.item(), sum(value.numel() for value in stored.values()))


if __name__ == "__main__":
    main()
