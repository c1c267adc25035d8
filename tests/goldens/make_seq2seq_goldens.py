#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the frozen goldens of encoder-decoders: tiny random models of transformers, evaluated in
float64.

    python3 make_seq2seq_goldens.py [NAME ...]

As make_goldens.py. The source is padded at either end and has holes, the target is padded behind (or
before, where the model takes it). in.labels are given for the loss, and what the model makes of them
is in.decoder_input_ids; out.* is what it returns, grad.* all gradients.
"""
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

from make_goldens import randomise

B, S, T, V = 3, 11, 13, 67

T5 = dict(vocab_size=V, d_model=20, d_kv=6, d_ff=28, num_layers=2, num_decoder_layers=1, num_heads=5,
          relative_attention_num_buckets=8, relative_attention_max_distance=9,
          decoder_start_token_id=0)
BART = dict(vocab_size=V, d_model=20, encoder_layers=2, decoder_layers=1, encoder_attention_heads=5,
            decoder_attention_heads=4, encoder_ffn_dim=28, decoder_ffn_dim=24,
            max_position_embeddings=19, pad_token_id=1, decoder_start_token_id=2)
MARIAN = {**BART, "encoder_layers": 1, "pad_token_id": V - 1, "decoder_start_token_id": V - 1,
          "eos_token_id": 0}

WHISPER = dict(vocab_size=V, d_model=20, encoder_layers=1, decoder_layers=1, encoder_attention_heads=5,
               decoder_attention_heads=4, encoder_ffn_dim=28, decoder_ffn_dim=24, num_mel_bins=7,
               max_source_positions=S, max_target_positions=19, pad_token_id=1, bos_token_id=0,
               eos_token_id=2, decoder_start_token_id=3, begin_suppress_tokens=None)

# name: class, options of the configuration
MODELS = {
    "t5-relu": ("T5ForConditionalGeneration", T5),
    "t5-gated": ("T5ForConditionalGeneration",
                 {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
                  "num_layers": 1}),
    "t5-untied": ("T5ForConditionalGeneration",
                  {**T5, "feed_forward_proj": "gated-silu", "tie_word_embeddings": False,
                   "num_layers": 1, "relative_attention_num_buckets": 6}),
    "t5-model": ("T5Model", {**T5, "num_layers": 1}),
    "bart-default": ("BartForConditionalGeneration", BART),
    "bart-scaled-untied": ("BartForConditionalGeneration",
                           {**BART, "encoder_layers": 1, "scale_embedding": True,
                            "activation_function": "relu", "tie_word_embeddings": False}),
    "bart-model": ("BartModel", {**BART, "encoder_layers": 1}),
    "bart-sequence": ("BartForSequenceClassification",
                      {**BART, "encoder_layers": 1, "num_labels": 4, "classifier_dropout": 0.1}),
    "marian-default": ("MarianMTModel", MARIAN),
    "marian-two-vocabularies": ("MarianMTModel",
                                {**MARIAN, "scale_embedding": True, "activation_function": "swish",
                                 "share_encoder_decoder_embeddings": False,
                                 "decoder_vocab_size": 41, "decoder_start_token_id": 40,
                                 "pad_token_id": 40, "vocab_size": 41 + 26}),
    "marian-untied": ("MarianMTModel", {**MARIAN, "tie_word_embeddings": False}),
    "whisper-default": ("WhisperForConditionalGeneration", WHISPER),
    "whisper-untied": ("WhisperForConditionalGeneration",
                       {**WHISPER, "tie_word_embeddings": False, "activation_function": "relu"}),
}
BEFORE = {"bart-default", "t5-relu"}  # the target is padded before


def inputs(name, config, model, generator):
    targets = getattr(config, "decoder_vocab_size", None) or config.vocab_size
    ids = torch.randint(0, config.vocab_size, (B, S), generator=generator)
    mask = torch.ones(B, S, dtype=torch.int64)
    mask[0, :3] = 0
    mask[1, 8:] = 0
    mask[1, 4] = mask[2, 6] = 0
    ids[0, :3] = config.pad_token_id
    ids[2, 2] = config.pad_token_id  # seen, and yet not learned from
    if name == "bart-sequence":  # the decoder reads the source; as many ends of a text in each row
        ids[ids == config.eos_token_id] = 5
        ids[0, [4, 9]] = ids[1, [2, 7]] = ids[2, [3, 10]] = config.eos_token_id
        return {"input_ids": ids, "attention_mask": mask,
                "labels": torch.randint(0, config.num_labels, (B,), generator=generator)}
    labels = torch.randint(0, targets, (B, T), generator=generator)
    labels[1, 9:] = -100
    labels[2, 5] = -100
    feed = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    if config.model_type == "whisper":
        feed = {"input_features": torch.randn(B, config.num_mel_bins, 2 * S, generator=generator,
                                              dtype=torch.float64), "labels": labels}
    decoder_mask = torch.ones(B, T, dtype=torch.int64)
    decoder_mask[1, 10:] = 0
    if name in BEFORE:
        decoder_mask[0, :2] = 0
        if config.model_type == "t5":  # where a token sees nothing, its gradients are rounding's
            labels[0, :2] = -100
    feed["decoder_attention_mask"] = decoder_mask
    if not hasattr(model, "prepare_decoder_input_ids_from_labels") or config.model_type == "whisper":
        start, pad = config.decoder_start_token_id, config.pad_token_id
        shifted = torch.cat([torch.full((B, 1), start), labels[:, :-1]], dim=1)
        if config.model_type != "whisper":
            del feed["labels"]
        feed["decoder_input_ids"] = shifted.masked_fill(shifted == -100, pad)
    else:
        feed["decoder_input_ids"] = model.prepare_decoder_input_ids_from_labels(labels)
    return feed


def make(name):
    kind, options = MODELS[name]
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    model_class = getattr(transformers, kind)
    config = model_class.config_class(**options)
    model = model_class(config)
    if name == "t5-untied":  # as files that T5 1.1 was published in
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    randomise(model, generator)
    if hasattr(model, "final_logits_bias"):
        model.final_logits_bias.copy_(0.3 * torch.randn(model.final_logits_bias.shape,
                                                         generator=generator))
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    model.save_pretrained(folder)
    if os.path.exists(os.path.join(folder, "generation_config.json")):
        os.remove(os.path.join(folder, "generation_config.json"))
    model = model_class.from_pretrained(folder).double().eval()  # with what is computed, not stored
    feed = inputs(name, config, model, generator)
    outputs = model(**feed, use_cache=False)
    golden = {"in." + key: value for key, value in feed.items()}
    for key in ("loss", "logits", "last_hidden_state", "encoder_last_hidden_state"):
        if outputs.get(key) is not None:
            assert outputs[key].dtype == torch.float64
            golden["out." + key] = outputs[key].detach()
    if "loss" in outputs:
        outputs.loss.backward()
        for parameter, value in model.named_parameters():
            if value.grad is not None:
                golden["grad." + parameter] = value.grad
    save_file({key: value.contiguous() for key, value in golden.items()},
              os.path.join(folder, "golden.safetensors"))
    print(name, [key for key in golden if key.startswith("out.")],
          sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    for model_name in sys.argv[1:] or MODELS:
        make(model_name)
