#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes what whisper models of transformers write of features, greedily and by beam search, in float64.

    python3 make_speech_generation.py    # writes generation/speech.json

Made with torch 2.15.0 and transformers 5.23.0. `config` is generation_config.json, whose keys say what the
decoder reads first; a case is WhisperForConditionalGeneration.generate, or with "plain" that of GenerationMixin.
"""
import json
import os

import torch
from transformers import GenerationConfig, GenerationMixin, WhisperForConditionalGeneration

HERE = os.path.dirname(os.path.abspath(__file__))
N, BINS, FRAMES, NEW = 3, 7, 22, 8
LANGUAGES = {"<|en|>": 40, "<|de|>": 41, "<|hi|>": 42, "<|haw|>": 46, "<|ja|>": 47, "<|nn|>": 50}
TASKS = {"transcribe": 43, "translate": 44}
MULTILINGUAL = {"is_multilingual": True, "lang_to_id": LANGUAGES, "task_to_id": TASKS,
                "no_timestamps_token_id": 45}
SEARCHES = ({}, {"num_beams": 3}, {"num_beams": 2, "length_penalty": 0.5, "repetition_penalty": 1.3},
            {"num_beams": 4, "early_stopping": True})
# generation_config.json, and what is asked of generate beside it
ASKED = (({}, {}),
         ({"forced_decoder_ids": [[1, 45]]}, {}),
         ({"forced_decoder_ids": [[1, 41], [2, 44], [3, 45]], "no_timestamps_token_id": 45}, {}),
         ({**MULTILINGUAL}, {}),
         ({**MULTILINGUAL, "forced_decoder_ids": [[1, None], [2, 43]]}, {}),
         ({**MULTILINGUAL, "forced_decoder_ids": [[1, None], [2, 43]]}, {"language": "de"}),
         ({**MULTILINGUAL}, {"language": "<|hi|>", "task": "translate"}),
         ({**MULTILINGUAL}, {"task": "translate"}),
         ({**MULTILINGUAL, "language": "de", "task": "transcribe"}, {}),
         ({**MULTILINGUAL, "language": "de", "task": "transcribe"}, {"language": "en"}))


def rows_of(ids, prompt, eos):
    """New tokens of each row, the end with them."""
    rows = []
    for row in ids.tolist():
        row = row[prompt:]
        ends = [i for i, token in enumerate(row) if token in eos]
        rows.append(row[:ends[0] + 1] if ends else row)
    return rows


def make_case(model, features, name, config, asked, search, plain):
    config = {"decoder_start_token_id": 3, "pad_token_id": 1, **config}
    model.generation_config = GenerationConfig()
    settings = GenerationConfig(**config, **search, do_sample=False, max_new_tokens=NEW)
    seen = []

    def prompt_of(module, args, kwargs):
        if "decoder_input_ids" in kwargs:
            seen.append(kwargs["decoder_input_ids"])

    hook = model.register_forward_pre_hook(prompt_of, with_kwargs=True)
    generate = (lambda **more: GenerationMixin.generate(model, features, **more)) if plain else \
        (lambda **more: model.generate(features, force_unique_generate_call=True, **asked, **more))
    out = generate(generation_config=settings, return_dict_in_generate=True, output_scores=True)
    hook.remove()
    length = max(ids.shape[1] for ids in seen)  # later calls are given what is new
    prompts = out.sequences[:, :length]
    eos = config["eos_token_id"]
    answers = []
    for i, ids in enumerate(rows_of(out.sequences, length, eos if isinstance(eos, list) else [eos])):
        if "num_beams" in search:
            score = out.sequences_scores[i].item()
        else:
            whole = torch.tensor([prompts[i].tolist() + ids])
            logits = model(features[i:i + 1], decoder_input_ids=whole).logits[0, length - 1:-1]
            score = torch.log_softmax(logits, -1)[torch.arange(len(ids)), ids].sum().item()
        answers.append({"ids": ids, "score": round(score, 6)})
    return {"folder": name, "config": config, "asked": asked, "flags": search, "prompts": prompts.tolist(),
            "answers": answers, **({"plain": True} if plain else {})}


def main():
    generator = torch.Generator().manual_seed(21)
    features = torch.round(torch.randn(N, BINS, FRAMES, generator=generator, dtype=torch.float64) * 1e3) / 1e3
    cases = []
    for name in ("whisper-default", "whisper-untied"):
        model = WhisperForConditionalGeneration.from_pretrained(os.path.join(HERE, name),
                                                                dtype=torch.float64).eval()
        free = GenerationMixin.generate(model, features, generation_config=GenerationConfig(
            decoder_start_token_id=3, pad_token_id=1, do_sample=False, max_new_tokens=NEW))[:, 1:]
        eos = {"eos_token_id": free[0][3].item()}
        rules = {"suppress_tokens": [free[1][1].item()],
                 "begin_suppress_tokens": sorted({free[0][0].item(), free[2][0].item()})}
        for number, (config, asked) in enumerate(ASKED):
            more = {**eos, **(rules if number % 2 == 0 else {})}
            for search in SEARCHES if number in (0, 4) else (SEARCHES[0], SEARCHES[1 + number % 3]):
                cases.append(make_case(model, features, name, {**config, **more}, asked, search, False))
        for search in SEARCHES:
            cases.append(make_case(model, features, name, {**eos, **rules, "forced_bos_token_id": 9}, {}, search, True))
    with open(os.path.join(HERE, "generation", "speech.json"), "w") as file:
        json.dump({"features": features.tolist(), "max_new_tokens": NEW, "cases": cases}, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
