#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As make_curves.py, for training that leaves most of the model as it is: frozen parameters, and
low-rank adapters written by hand (arXiv:2106.09685).

    python3 make_adapter_curves.py    # writes <name>/{frozen_curve,adapter_curve}.json

Run it behind make_curves.py, whose batches it takes. Adapters begin with what heddle draws for the
seed: `heddle train --steps 0` (in HEDDLE_BIN_DIR) writes them.
"""
import json
import os
import subprocess
import sys
import tempfile

import make_goldens  # makes Llama's norms and angles float64
import torch
import torch.nn.functional as F
from make_curves import FLAGS, HERE, STEPS, N, learning_rate
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

FROZEN = {"gpt2-default": (2, ["transformer.wte.weight", "transformer.h.0.*"]),
          "llama-grouped-llama3": (1, ["*norm*", "model.layers.*.mlp.*", "lm_head.weight"])}
ADAPTERS = {"gpt2-default": (1, "r=4,alpha=6,targets=c_attn,attn.c_proj"),
            "llama-grouped-llama3": (2, "r=3,alpha=12,targets=q_proj,v_proj,down_proj")}


class Adapted(torch.nn.Module):
    """y = x w + b + (alpha / r) B (A x) of a linear layer that itself does not train."""

    def __init__(self, layer, a, b, scale):
        super().__init__()
        self.layer, self.scale = layer, scale
        self.a, self.b = torch.nn.Parameter(a), torch.nn.Parameter(b)

    def forward(self, x):
        return self.layer(x) + self.scale * F.linear(F.linear(x, self.a), self.b)


def adapt(model, folder, spec):
    fields = dict(part.split("=", 1) for part in spec.split(",targets=")[0].split(","))
    scale = float(fields["alpha"]) / float(fields["r"])
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([os.path.join(os.environ["HEDDLE_BIN_DIR"], "heddle"), "train", folder, "--lora", spec,
                        "--steps", "0", "--seed", "13", "--out", out + "/run"], check=True)
        file = out + "/run/step-00000000/adapter_model.safetensors"
        first = {name: tensor.double() for name, tensor in load_file(file).items()}
    for parameter in model.parameters():
        parameter.requires_grad = False
    for name, a in first.items():
        if not name.endswith("lora_A.weight"):
            continue
        module = name[len("base_model.model."):-len(".lora_A.weight")]
        b = first[name.replace("lora_A", "lora_B")]
        assert not b.any()
        parent, _, last = module.rpartition(".")
        parent = model.get_submodule(parent)
        setattr(parent, last, Adapted(getattr(parent, last), a, b, scale))


def curve(model, batches, accumulation):
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.dim() >= 2]
    others = [p for p in trained if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": FLAGS["weight-decay"]}]
    if others:
        groups.append({"params": others, "weight_decay": 0.0})
    optimizer = torch.optim.AdamW(groups)
    steps, micro = [], 0
    inputs, labels = batches["input_ids"].long(), batches["labels"].long()
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.zero_grad()
        total = 0.0
        chosen = [(micro + i) % N for i in range(accumulation)]
        for batch in chosen:
            logits = model(input_ids=inputs[batch]).logits
            loss = F.cross_entropy(logits.flatten(0, 1), labels[batch].flatten())
            (loss / accumulation).backward()
            total += loss.item() / accumulation
        micro += accumulation
        norm = torch.nn.utils.clip_grad_norm_(trained, FLAGS["grad-clip"])
        optimizer.step()
        steps.append({"loss": total, "grad_norm": norm.item()})
    return steps


def matches(pattern, name):
    import fnmatch
    return fnmatch.fnmatchcase(name, pattern)


def run(name, accumulation, prepare, extra, file_name):
    folder = os.path.join(HERE, name)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    prepare(model, folder)
    batches = load_file(os.path.join(folder, "batches.safetensors"))
    flags = {**FLAGS, "steps": STEPS, "grad-accum": accumulation, "dropout": 0, **extra}
    with open(os.path.join(folder, file_name), "w") as file:
        json.dump({"flags": flags, "steps": curve(model, batches, accumulation)}, file, indent=1)
        file.write("\n")


def main():
    for name, (accumulation, patterns) in FROZEN.items():
        def freeze(model, folder):
            for key, parameter in model.named_parameters():
                parameter.requires_grad = not any(matches(p, key) for p in patterns)
        run(name, accumulation, freeze, {"freeze": patterns}, "frozen_curve.json")
    if sys.argv[1:] == ["frozen"]:
        return
    for name, (accumulation, spec) in ADAPTERS.items():
        run(name, accumulation, lambda model, folder: adapt(model, folder, spec), {"lora": spec},
            "adapter_curve.json")


if __name__ == "__main__":
    main()
