#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes what encoder-decoders of transformers answer to a source, greedily and by beam search, in
float64.

    python3 make_seq2seq_generation.py    # writes seq2seq.json: {name: [{"source", flags, "ids", "score"}]}

Made with torch 2.15.0 and transformers 5.23.0.
"""
import json
import os

import torch
from transformers import AutoModelForSeq2SeqLM, GenerationConfig

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ("t5-relu", "t5-gated", "t5-untied", "bart-default", "bart-scaled-untied", "marian-default",
         "marian-two-vocabularies")
SOURCES = ((5, 9, 3, 20), (7, 30, 30, 12, 4, 4, 18, 2))
SEARCHES = ({}, {"repetition_penalty": 1.4}, {"num_beams": 3}, {"num_beams": 2, "length_penalty": 0.5},
            {"num_beams": 4, "early_stopping": True})
NEW = 8


def main():
    answers = {}
    for name in NAMES:
        model = AutoModelForSeq2SeqLM.from_pretrained(os.path.join(HERE, name), dtype=torch.float64).eval()
        config = model.config
        cases = []
        for source in SOURCES:
            for flags in SEARCHES:
                settings = GenerationConfig(
                    max_new_tokens=NEW, do_sample=False, pad_token_id=config.pad_token_id,
                    eos_token_id=config.eos_token_id,
                    decoder_start_token_id=config.decoder_start_token_id,
                    forced_eos_token_id=getattr(config, "forced_eos_token_id", None), **flags)
                out = model.generate(torch.tensor([source]), generation_config=settings,
                                     return_dict_in_generate=True, output_scores=True)
                ids = out.sequences[0, 1:].tolist()
                case = {"source": list(source), "flags": flags, "ids": ids}
                if "num_beams" in flags:
                    case["score"] = out.sequences_scores[0].item()
                cases.append(case)
        answers[name] = cases
    with open(os.path.join(HERE, "seq2seq.json"), "w") as file:
        json.dump(answers, file, indent=None, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
