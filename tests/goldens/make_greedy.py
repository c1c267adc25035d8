#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes what transformers goes on with after a prompt, greedily, in float64.

    python3 make_greedy.py     # writes greedy.json: {name: {"layers", "prompt", "ids"}}

Made with torch 2.15.0 and transformers 5.23.0.
"""
import json
import os

import make_goldens  # makes norms and angles float64
import torch
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ("bloom-holes", "falcon-alibi-sequential", "falcon-grouped", "falcon-multi-query",
         "gemma2-default", "gpt2-inner-gelu", "gpt_neox-holes", "llama-grouped-llama3",
         "mistral-window", "opt-post-norm-projected", "phi-holes-grouped", "qwen2-window",
         "qwen3-default")
PROMPT, NEW = (5, 9, 3, 20), 8


def main():
    greedy = {}
    for name in NAMES:
        model = AutoModelForCausalLM.from_pretrained(os.path.join(HERE, name), dtype=torch.float64).eval()
        if model.config.model_type in ("bloom", "gemma2"):
            model.set_attn_implementation("eager")
        ids = model.generate(torch.tensor([PROMPT]), max_new_tokens=NEW, do_sample=False, pad_token_id=0)
        greedy[name] = {"layers": model.config.num_hidden_layers, "prompt": list(PROMPT),
                        "ids": ids[0, len(PROMPT):].tolist()}
    with open(os.path.join(HERE, "greedy.json"), "w") as file:
        json.dump(greedy, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
