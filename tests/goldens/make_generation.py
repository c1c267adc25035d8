#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes generation/*.json: what transformers answers, token by token, to compare our generation with.

    python3 make_generation.py

Made with torch and transformers 5.23.0. The tests read the files and need no Python packages.

beams.json    beam search over tables: the logits are table[position][last token], so that a test can be the
              model; ids and scores for beams, length penalties, early stopping, end tokens, repetition penalty.
sampling.json logits, options of sampling, and the probabilities that the chain of processors leaves.
rules.json    answers under rules of generation_config.json: over tables as in beams.json, and of folders.
folders.json  answers of the folders beside it, evaluated in float64 (beam search itself adds in float32).
windows.json  the same for folders with windows: prompts shorter and longer than those, and answers far beyond them.
"""

import json
import os
import random

import torch
from transformers import (AutoModelForCausalLM, GenerationConfig, GenerationMixin, LogitsProcessorList,
                          MinPLogitsWarper, PretrainedConfig, PreTrainedModel, RepetitionPenaltyLogitsProcessor,
                          TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)
from transformers.modeling_outputs import CausalLMOutput

HERE = os.path.dirname(os.path.abspath(__file__))
V, POSITIONS = 7, 14


class TableConfig(PretrainedConfig):
    model_type = "table"
    vocab_size = V


class Table(PreTrainedModel, GenerationMixin):
    config_class = TableConfig
    main_input_name = "input_ids"

    def __init__(self, table):
        super().__init__(TableConfig())
        self.table = torch.nn.Parameter(table)

    def forward(self, input_ids, attention_mask=None, **_):
        positions = torch.arange(input_ids.shape[1])
        return CausalLMOutput(logits=self.table[positions[None, :], input_ids])

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **_):
        return {"input_ids": input_ids}


def round_to(values, digits):
    return [round_to(v, digits) for v in values] if isinstance(values, list) else round(values, digits)


def search(model, prompt, eos, **flags):
    """Ids without the prompt, and the score, of the best beam."""
    pad = 0 if not eos else eos[0]
    out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
                         generation_config=GenerationConfig(eos_token_id=eos or None, pad_token_id=pad,
                                                            do_sample=False, **flags),
                         return_dict_in_generate=True, output_scores=True)
    return out.sequences[0, len(prompt):].tolist(), out


def beams():
    draw = random.Random(5)
    generator = torch.Generator().manual_seed(11)
    tables = [round_to((scale * torch.randn(POSITIONS, V, V, generator=generator)).tolist(), 4)
              for scale in (0.5, 1.5, 3.0)]
    models = [Table(torch.tensor(table)).eval() for table in tables]
    cases = []

    def add(table, prompt, eos, flags):
        ids, out = search(models[table], prompt, eos, use_cache=False, **flags)
        return {"table": table, "prompt": prompt, "eos": eos, **flags, "ids": ids,
                "score": out.sequences_scores[0].item()}

    for number in range(240):
        prompt = [draw.randrange(V) for _ in range(draw.randint(1, 4))]
        eos = draw.choice([[], [0], [0], [2], [0, 3]])
        flags = {"num_beams": draw.choice([2, 3, 3, 4, 5]), "max_new_tokens": draw.choice([1, 2, 5, 8, 10]),
                 "length_penalty": draw.choice([-1.0, 0.0, 0.6, 1.0, 1.0, 2.0]),
                 "early_stopping": draw.choice([False, True, "never"]),
                 "repetition_penalty": draw.choice([1.0, 1.0, 1.3, 0.8])}
        if flags["num_beams"] * max(2, 1 + len(eos)) > V:
            flags["num_beams"] = 3 if len(eos) < 2 else 2
        cases.append(add(number % len(tables), prompt, eos, flags))
    # Where it matters when the search ends.
    while len(cases) < 270:
        prompt, table = [draw.randrange(V)], draw.randrange(len(tables))
        flags = {"num_beams": draw.choice([2, 3]), "max_new_tokens": 10, "length_penalty": draw.choice([0.6, 1.0, 2.0]),
                 "repetition_penalty": 1.0}
        answers = [add(table, prompt, [0], {**flags, "early_stopping": early})
                   for early in (False, True, "never")]
        if answers[0]["ids"] != answers[2]["ids"]:
            cases += answers
    return {"tables": tables, "cases": cases}


def sampling():
    draw = random.Random(6)
    generator = torch.Generator().manual_seed(12)
    cases = []
    for number in range(60):
        logits = round_to((2 * torch.randn(12, generator=generator)).tolist(), 4)
        if number % 5 == 0:
            logits[7] = logits[3] = logits[1]  # equal ones, among them the last of the top k
        history = [draw.randrange(12) for _ in range(draw.randint(1, 6))]
        options = {"repetition_penalty": draw.choice([1.0, 1.2, 0.9, 2.0]), "temperature": draw.choice([1.0, 0.7, 2.5]),
                   "top_k": draw.choice([0, 1, 3, 5, 12, 40]), "top_p": draw.choice([1.0, 0.9, 0.5, 0.05]),
                   "min_p": draw.choice([0.0, 0.05, 0.3, 1.0])}
        chain = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(options["repetition_penalty"]),
                                     TemperatureLogitsWarper(options["temperature"])])
        if options["top_k"]:
            chain.append(TopKLogitsWarper(options["top_k"]))
        if options["top_p"] < 1:
            chain.append(TopPLogitsWarper(options["top_p"]))
        chain.append(MinPLogitsWarper(options["min_p"]))
        scores = chain(torch.tensor([history]), torch.tensor([logits], dtype=torch.float64))
        cases.append({"logits": logits, "history": history, **options,
                      "probabilities": round_to(torch.softmax(scores, -1)[0].tolist(), 9)})
    return cases


PROMPTS = [[5], [17, 3, 99], [1, 2, 3, 4, 5, 6], [130, 64, 32, 16, 8, 4, 2, 1, 77]]
SEARCHES = [dict(beams=3, length_penalty=penalty, early_stopping=early)
            for penalty in (0.6, 1.0, 2.0) for early in (False, True)]
SEARCHES += [dict(beams=2, early_stopping="never"), dict(beams=4, repetition_penalty=1.4),
             dict(beams=5, length_penalty=0.0, early_stopping="never")]
FAMILIES = ("bloom-holes", "falcon-multi-query", "gemma2-default", "gpt_neox-sequential", "mistral-window",
            "opt-holes", "phi-default", "qwen2-window", "qwen3-default")
GREEDY = [dict(beams=1), dict(beams=1, repetition_penalty=1.4)]


def answer(model, prompt, eos, count, beams, **flags):
    ids, out = search(model, prompt, eos, num_beams=beams, max_new_tokens=count, **flags)
    if beams > 1:
        score = out.sequences_scores[0].item()
    else:
        logits = model(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1:-1]
        score = torch.log_softmax(logits, -1)[torch.arange(len(ids)), ids].sum().item()
    return {"ids": ids, "score": score}


def folders():
    cases = []
    for name in ("gpt2-default", "gpt2-relu-untied", "llama-grouped-llama3", *FAMILIES):
        model = AutoModelForCausalLM.from_pretrained(os.path.join(HERE, name)).double().eval()
        model.generation_config = GenerationConfig()
        prompts = [[id % model.config.vocab_size for id in prompt] for prompt in PROMPTS]
        # Tokens that come early in some beams, so that answers end at different lengths.
        ends = [search(model, prompt, [], num_beams=4, max_new_tokens=8)[0][at]
                for prompt, at in zip(prompts[:2], (2, 4))]
        few = name in FAMILIES
        for eos in ([sorted(set(ends))] if few else ([0], sorted(set(ends)))):
            for flags in (GREEDY[:1] + SEARCHES[2:3] if few else GREEDY + SEARCHES):
                answers = [answer(model, prompt, eos, 8, **flags) for prompt in prompts]
                cases.append({"folder": name, "prompts": prompts, "eos": eos, **flags, "answers": answers})
    return {"max_new_tokens": 8, "cases": cases}


WINDOWED = ("gemma2-default", "mistral-window", "qwen2-window", "qwen3-holes-window")


def windows():
    draw = random.Random(14)
    cases = []
    for name in WINDOWED:
        model = AutoModelForCausalLM.from_pretrained(os.path.join(HERE, name)).double().eval()
        model.generation_config = GenerationConfig()
        prompts = [[draw.randrange(model.config.vocab_size) for _ in range(length)] for length in range(1, 10)]
        for flags in (GREEDY[0], dict(beams=3, length_penalty=1.0, early_stopping=False)):
            answers = [answer(model, prompt, [], 12, **flags) for prompt in prompts]
            cases.append({"folder": name, "prompts": prompts, "eos": [], **flags, "answers": answers})
    return {"max_new_tokens": 12, "cases": cases}


def drawn_rules(draw, vocabulary, eos):
    """Keys of generation_config.json that forbid tokens; each in some cases."""
    token = lambda: draw.randrange(vocabulary)
    rules = {"no_repeat_ngram_size": draw.choice([0, 0, 2, 3])}
    if draw.random() < 0.5:
        rules["bad_words_ids"] = [[token() for _ in range(draw.randint(1, 3))] for _ in range(2)]
        rules["bad_words_ids"] += [[end] for end in eos[:1]]  # an end is no bad word
    if draw.random() < 0.4:
        rules["suppress_tokens"] = [token()]
    if draw.random() < 0.4:
        rules["begin_suppress_tokens"] = [token(), token()]
    rules[draw.choice(["min_length", "min_new_tokens"])] = draw.choice([0, 3, 5])
    return rules


def rules():
    draw = random.Random(9)
    generator = torch.Generator().manual_seed(13)
    table = round_to((1.5 * torch.randn(POSITIONS, V, V, generator=generator)).tolist(), 4)
    model = Table(torch.tensor(table)).eval()
    cases = []
    while len(cases) < 80:
        prompt = [draw.randrange(V) for _ in range(draw.randint(1, 4))]
        eos = draw.choice([[], [0], [2]])
        flags = {"num_beams": draw.choice([2, 3]), "max_new_tokens": draw.choice([3, 6, 9]),
                 "length_penalty": draw.choice([0.6, 1.0]), "early_stopping": draw.choice([False, True, "never"]),
                 "repetition_penalty": draw.choice([1.0, 1.3])}
        wanted = drawn_rules(draw, V, eos)
        ids, out = search(model, prompt, eos, use_cache=False, **flags, **wanted)
        score = out.sequences_scores[0].item()
        if score > -100:  # else too few tokens are left for as many beams
            cases.append({"table": 0, "prompt": prompt, "eos": eos, **flags, "rules": wanted, "ids": ids,
                          "score": score})
    answers = []
    for name in ("gpt2-default", "llama-grouped-llama3"):
        model = AutoModelForCausalLM.from_pretrained(os.path.join(HERE, name)).double().eval()
        for beams in (1, 1, 1, 3):
            prompt = [draw.randrange(model.config.vocab_size) for _ in range(5)]
            free = search(model, prompt, [], max_new_tokens=8)[0]
            eos = [free[2]]
            wanted = {"no_repeat_ngram_size": 2, "min_new_tokens": 5, "suppress_tokens": [free[1]],
                      "begin_suppress_tokens": [free[0]], "bad_words_ids": [free[3:5]]}
            model.generation_config = GenerationConfig()
            ids, _ = search(model, prompt, eos, num_beams=beams, max_new_tokens=8, **wanted)
            answers.append({"folder": name, "prompt": prompt, "beams": beams,
                            "config": {"eos_token_id": eos, **wanted}, "ids": ids})
    return {"tables": [table], "cases": cases, "answers": answers}


if __name__ == "__main__":
    torch.manual_seed(0)
    os.makedirs(os.path.join(HERE, "generation"), exist_ok=True)
    for name, content in (("beams", beams()), ("sampling", {"cases": sampling()}), ("folders", folders()),
                          ("rules", rules()), ("windows", windows())):
        with open(os.path.join(HERE, "generation", name + ".json"), "w") as file:
            json.dump(content, file, separators=(",", ":"))
            file.write("\n")
