#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the frozen goldens beside it: tiny random models of transformers, evaluated in float64.

    python3 make_goldens.py            # writes <name>/{config.json,model.safetensors,golden.safetensors}

Made with torch 2.15.0 and transformers 5.23.0. The tests read the files and need no Python.

Each golden.safetensors holds in.input_ids, in.attention_mask, in.position_ids, in.labels (i64),
out.logits, out.loss and grad.<parameter> (f64). The weights are f32, as they are in files; all that
is computed from them is float64: the two places where transformers goes down to float32 whatever
the model's type (the norms of Llama and the angles of its rotary positions) are replaced below. The
rotary frequencies stay as transformers computes them, in float32.
"""

import json
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

B, T, V = 3, 13, 131
LENGTHS = (13, 9, 5)


def rms_norm(self, x):
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


def rotary(self, x, position_ids):
    angles = position_ids[..., None].double() * self.inv_freq.double()
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos() * self.attention_scaling, angles.sin() * self.attention_scaling


modeling_llama.LlamaRMSNorm.forward = rms_norm
modeling_llama.LlamaRotaryEmbedding.forward = rotary

GPT2 = dict(vocab_size=V, n_positions=17, n_embd=40, n_head=5, n_layer=2, bos_token_id=0, eos_token_id=0)
LLAMA = dict(vocab_size=V, max_position_embeddings=64, hidden_size=40, intermediate_size=56,
             num_hidden_layers=2, num_attention_heads=5, num_key_value_heads=5,
             bos_token_id=0, eos_token_id=0)
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}

MODELS = {
    "gpt2-default": GPT2Config(**GPT2),
    "gpt2-inner-gelu": GPT2Config(**GPT2, n_inner=72, activation_function="gelu",
                                  scale_attn_by_inverse_layer_idx=True),
    "gpt2-holes": GPT2Config(**{**GPT2, "n_layer": 1}),
    "gpt2-relu-untied": GPT2Config(**GPT2, activation_function="relu", tie_word_embeddings=False,
                                   layer_norm_epsilon=1e-3, scale_attn_weights=False),
    "llama-default": LlamaConfig(**LLAMA),
    "llama-grouped-llama3": LlamaConfig(**{**LLAMA, "num_attention_heads": 6, "num_key_value_heads": 2,
                                           "head_dim": 24, "hidden_size": 48},
                                        rope_parameters={**LLAMA3, "rope_theta": 500000.0}),
    "llama-tied-biases": LlamaConfig(**{**LLAMA, "num_key_value_heads": 1, "num_hidden_layers": 1},
                                     tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
                                     rope_parameters={"rope_type": "linear", "factor": 4.0,
                                                      "rope_theta": 10000.0}),
}


def randomise(model, generator):
    """Weights as a trained model might have them: nothing is zero or one, scores are of order one."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            norm = "ln_" in name or "norm" in name
            scale = 0.1 if parameter.dim() == 1 else 0.15
            parameter.copy_((1.0 if norm and name.endswith("weight") else 0.0) + scale * noise)


def inputs(generator, holes):
    """Rows of different lengths, padded at their ends; or padding before and within them."""
    ids = torch.randint(0, V, (B, T), generator=generator)
    mask = torch.zeros(B, T, dtype=torch.int64)
    for row, length in enumerate(LENGTHS):
        mask[row, :length] = 1
    positions = torch.arange(T).expand(B, T).clone()
    if holes:
        mask[:] = 1
        mask[0, :2] = mask[1, :4] = mask[2, 5] = mask[2, 8] = 0
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
    labels = torch.where(mask == 1, ids, torch.tensor(-100))
    labels[0, 4] = -100
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "labels": labels}


def make(name, config):
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    config._attn_implementation = "sdpa"
    kind = GPT2LMHeadModel if config.model_type == "gpt2" else LlamaForCausalLM
    model = kind(config)
    randomise(model, generator)
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "generation_config.json"))
    model = model.double().eval()
    feed = inputs(generator, holes="holes" in name)
    logits = model(**{key: value for key, value in feed.items() if key != "labels"}).logits
    assert logits.dtype == torch.float64
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, V),
                                             feed["labels"][:, 1:].reshape(-1))
    loss.backward()
    golden = {"in." + key: value for key, value in feed.items()}
    golden["out.logits"] = logits.detach()
    golden["out.loss"] = loss.detach()
    for parameter, value in model.named_parameters():
        golden["grad." + parameter] = value.grad
    save_file({key: value.contiguous() for key, value in golden.items()},
              os.path.join(folder, "golden.safetensors"))
    print(name, loss.item(), sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    for name, config in MODELS.items():
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, config)
