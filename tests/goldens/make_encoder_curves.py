#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As make_curves.py, for encoders: batches with masks and token types, and labels of three kinds; and
for encoder-decoders.

    python3 make_encoder_curves.py [NAME ...]    # writes <name>/{batches.safetensors,curve.json}
"""
import json
import os
import sys

import torch
import transformers
from make_curves import FLAGS, HERE, STEPS, B, N, T, learning_rate
from safetensors.torch import save_file

import make_goldens  # noqa: F401: losses in float64

RUNS = {"bert-masked-lm": 2, "roberta-sequence": 1, "distilbert-span": 1,  # gradient accumulation
        "deberta_v2-untied": 1, "t5-gated": 2, "bart-default": 1, "xlnet-sequence": 1, "electra-discriminator": 2, "xlnet-without-types": 1,
        "marian-two-vocabularies": 1}
SOURCES = {"marian-two-vocabularies": 9}  # tokens of a source; there labels alone say what the decoder reads


def batches(name, kind, config):
    torch.manual_seed(11)
    length = SOURCES.get(name, T)
    ids = torch.randint(0, config.vocab_size, (N, B, length))
    mask = torch.ones(N, B, length, dtype=torch.int64)
    mask[:, 1, 8:] = mask[1, 0, :2] = mask[3, 2, 5] = 0
    ids[mask == 0] = config.pad_token_id
    feed = {"input_ids": ids, "attention_mask": mask}
    if name == "xlnet-without-types":
        pass
    elif config.model_type == "xlnet":
        feed["token_type_ids"] = torch.randint(0, 3, (N, B, T))
    elif getattr(config, "type_vocab_size", 0):
        feed["token_type_ids"] = torch.randint(0, config.type_vocab_size, (N, B, T))
    if kind.endswith("MaskedLM"):
        labels = torch.randint(0, config.vocab_size, (N, B, T))
        labels[mask == 0] = labels[:, :, ::3] = -100
        feed["labels"] = labels
    elif kind == "ElectraForPreTraining":
        feed["labels"] = torch.randint(0, 2, (N, B, T))
    elif config.is_encoder_decoder:
        labels = torch.randint(0, getattr(config, "decoder_vocab_size", config.vocab_size), (N, B, T))
        labels[:, :, 10:] = -100
        feed["labels"] = labels
        if name in SOURCES:
            return feed
        read = torch.cat([torch.full((N, B, 1), config.decoder_start_token_id), labels[:, :, :-1]], dim=2)
        feed["decoder_input_ids"] = read.masked_fill(read == -100, config.pad_token_id)
    elif kind.endswith("SequenceClassification"):
        feed["labels"] = torch.randint(0, config.num_labels, (N, B))
    else:  # places behind the sequence count for nothing
        feed["start_positions"] = torch.randint(0, T + 4, (N, B))
        feed["end_positions"] = torch.randint(0, T, (N, B))
    return feed


def curve(model, feed, accumulation):
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
            rows = {key: value[micro % N] for key, value in feed.items()}
            loss = model(**rows, **({"use_cache": False} if "decoder_input_ids" in rows else {})).loss
            (loss / accumulation).backward()
            total += loss.item() / accumulation
            micro += 1
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), FLAGS["grad-clip"])
        optimizer.step()
        steps.append({"loss": total, "grad_norm": norm.item()})
    return steps


def main():
    for name, accumulation in RUNS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        folder = os.path.join(HERE, name)
        with open(os.path.join(folder, "config.json")) as file:
            kind = json.load(file)["architectures"][0]
        model = getattr(transformers, kind).from_pretrained(folder).double().eval()
        feed = batches(name, kind, model.config)
        save_file({key: value.int().contiguous() for key, value in feed.items()},
                  os.path.join(folder, "batches.safetensors"))
        flags = {**FLAGS, "steps": STEPS, "grad-accum": accumulation, "dropout": 0}
        with open(os.path.join(folder, "curve.json"), "w") as file:
            json.dump({"flags": flags, "steps": curve(model, feed, accumulation)}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
