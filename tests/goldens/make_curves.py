#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes what PyTorch's AdamW makes of two goldens in twelve steps of float64.

    python3 make_curves.py     # writes <name>/{batches.safetensors,curve.json}

Made with torch 2.15.0 and transformers 5.23.0. batches.safetensors is what `heddle train --data`
takes (labels are aligned, -100 is ignored); curve.json holds the flags and, per step, loss and
gradient norm before clipping. Decay is on tensors of two and more axes, as in nanoGPT.
"""
import json
import math
import os

import make_goldens  # makes Llama's norms and angles float64
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
N, B, T, STEPS = 5, 3, 13, 12
FLAGS = {"lr": 1e-2, "min-lr": 1e-3, "warmup-steps": 3, "lr-decay-steps": 10,
         "weight-decay": 0.1, "grad-clip": 0.5}
RUNS = {"gpt2-default": 2, "llama-grouped-llama3": 1}  # name: gradient accumulation


def learning_rate(step):
    warmup, decay = FLAGS["warmup-steps"], FLAGS["lr-decay-steps"]
    if step < warmup:
        return FLAGS["lr"] * (step + 1) / (warmup + 1)
    if step > decay:
        return FLAGS["min-lr"]
    share = 0.5 * (1 + math.cos(math.pi * (step - warmup) / (decay - warmup)))
    return FLAGS["min-lr"] + share * (FLAGS["lr"] - FLAGS["min-lr"])


def batches(vocabulary):
    torch.manual_seed(7)
    ids = torch.randint(0, vocabulary, (N, B, T + 1))
    labels = ids[:, :, 1:].clone()
    labels[0, 0, 3] = labels[2, 1, :5] = -100
    return ids[:, :, :-1].contiguous(), labels.contiguous()


def curve(model, inputs, labels, accumulation):
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": FLAGS["weight-decay"]},
                                   {"params": others, "weight_decay": 0.0}])
    steps, micro = [], 0
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.zero_grad()
        total = 0.0
        for _ in range(accumulation):
            logits = model(input_ids=inputs[micro % N]).logits
            loss = F.cross_entropy(logits.flatten(0, 1), labels[micro % N].flatten())
            (loss / accumulation).backward()
            total += loss.item() / accumulation
            micro += 1
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), FLAGS["grad-clip"])
        optimizer.step()
        steps.append({"loss": total, "grad_norm": norm.item()})
    return steps


def main():
    for name, accumulation in RUNS.items():
        folder = os.path.join(HERE, name)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
        inputs, labels = batches(model.config.vocab_size)
        save_file({"input_ids": inputs.int(), "labels": labels.int()},
                  os.path.join(folder, "batches.safetensors"))
        flags = {**FLAGS, "steps": STEPS, "grad-accum": accumulation, "dropout": 0}
        with open(os.path.join(folder, "curve.json"), "w") as file:
            json.dump({"flags": flags, "steps": curve(model, inputs, labels, accumulation)}, file,
                      indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
