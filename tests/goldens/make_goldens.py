#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the frozen goldens beside it: tiny random models of transformers, evaluated in float64.

    python3 make_goldens.py            # writes <name>/{config.json,model.safetensors,golden.safetensors}

Made with torch 2.15.0 and transformers 5.23.0. The tests read the files and need no Python.

Each golden.safetensors holds in.input_ids, in.attention_mask, in.position_ids, in.labels (i64),
out.logits, out.loss and grad.<parameter> (f64). The weights are f32, as they are in files; all that
is computed from them is float64: the places where transformers goes down to float32 whatever the
model's type (RMS norms, the angles of rotary positions, softmax of eager attention) are replaced
below. Rotary frequencies and ALiBi's slopes stay as transformers computes them, in float32.
"""

import inspect
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, BloomConfig, FalconConfig, Gemma2Config, GPT2Config,
                          GPTNeoXConfig, LlamaConfig, MistralConfig, OPTConfig, PhiConfig, Qwen2Config,
                          Qwen3Config)
from transformers.models.bloom import modeling_bloom
from transformers.models.falcon import modeling_falcon
from transformers.models.gemma2 import modeling_gemma2
from transformers.models.gpt_neox import modeling_gpt_neox
from transformers.models.llama import modeling_llama
from transformers.models.mistral import modeling_mistral
from transformers.models.phi import modeling_phi
from transformers.models.qwen2 import modeling_qwen2
from transformers.models.qwen3 import modeling_qwen3

B, T, V = 3, 13, 131
LENGTHS = (13, 9, 5)


def rms_norm(self, x):
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


def rotary(self, x, position_ids):
    angles = position_ids[..., None].double() * self.inv_freq.double()
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos() * self.attention_scaling, angles.sin() * self.attention_scaling


def gemma_norm(self, x):
    return (1.0 + self.weight) * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


softmax = torch.nn.functional.softmax


def wide_softmax(x, dim=None, _stacklevel=3, dtype=None):
    return softmax(x, dim=dim)


torch.nn.functional.softmax = wide_softmax
def wide_binary_cross_entropy(self, x, y):
    return torch.nn.functional.binary_cross_entropy_with_logits(x, y.to(x.dtype))


torch.nn.BCEWithLogitsLoss.forward = wide_binary_cross_entropy
for name, module in (("Llama", modeling_llama), ("Mistral", modeling_mistral), ("Qwen2", modeling_qwen2),
                     ("Qwen3", modeling_qwen3), ("Gemma2", modeling_gemma2),
                     ("GPTNeoX", modeling_gpt_neox), ("Phi", modeling_phi), ("Falcon", modeling_falcon)):
    getattr(module, name + "RotaryEmbedding").forward = rotary
    if hasattr(module, name + "RMSNorm"):
        getattr(module, name + "RMSNorm").forward = gemma_norm if name == "Gemma2" else rms_norm

GPT2 = dict(vocab_size=V, n_positions=17, n_embd=40, n_head=5, n_layer=2, bos_token_id=0, eos_token_id=0)
LLAMA = dict(vocab_size=V, max_position_embeddings=64, hidden_size=40, intermediate_size=56,
             num_hidden_layers=2, num_attention_heads=5, num_key_value_heads=5,
             bos_token_id=0, eos_token_id=0)
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}

# Two layers, a width that no power of two divides, five heads where the family allows.
COMMON = dict(vocab_size=67, bos_token_id=0, eos_token_id=0)
SMALL = dict(**COMMON, max_position_embeddings=64, hidden_size=40, intermediate_size=36,
             num_hidden_layers=2, num_attention_heads=5)
GROUPED = {**SMALL, "hidden_size": 24, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 6}
QWEN2 = {key: value for key, value in GROUPED.items() if key != "head_dim"}
OPT = dict(**COMMON, max_position_embeddings=17, hidden_size=30, ffn_dim=36, num_hidden_layers=2,
           num_attention_heads=5, word_embed_proj_dim=30, pad_token_id=None)
BLOOM = dict(**COMMON, hidden_size=30, n_layer=2, n_head=5)
FALCON = dict(**COMMON, hidden_size=30, num_hidden_layers=2, num_attention_heads=5,
              ffn_hidden_size=36)
GEMMA2 = {**GROUPED, "query_pre_attn_scalar": 24, "sliding_window": 5, "attn_logit_softcapping": 1.5,
          "final_logit_softcapping": 2.5}

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
    "mistral-window": MistralConfig(**GROUPED, sliding_window=4),
    "mistral-holes": MistralConfig(**{**GROUPED, "num_hidden_layers": 1, "head_dim": None},
                                   sliding_window=None),
    "qwen2-default": Qwen2Config(**QWEN2),
    "qwen2-window": Qwen2Config(**QWEN2, use_sliding_window=True, sliding_window=3,
                                max_window_layers=1),
    "qwen3-default": Qwen3Config(**GROUPED),
    "qwen3-holes-window": Qwen3Config(**{**GROUPED, "head_dim": 10}, attention_bias=True,
                                      use_sliding_window=True, sliding_window=4, max_window_layers=1,
                                      tie_word_embeddings=True),
    "gpt_neox-holes": GPTNeoXConfig(**SMALL),
    "gpt_neox-sequential": GPTNeoXConfig(**SMALL, use_parallel_residual=False, attention_bias=False,
                                         rope_parameters={"rope_type": "default", "rope_theta": 5000.0,
                                                          "partial_rotary_factor": 0.5}),
    "phi-default": PhiConfig(**SMALL),
    "phi-holes-grouped": PhiConfig(**{**SMALL, "num_hidden_layers": 1, "hidden_size": 48,
                                      "num_attention_heads": 6}, num_key_value_heads=2, qk_layernorm=True,
                                   rope_parameters={"rope_type": "linear", "factor": 2.0,
                                                    "rope_theta": 10000.0,
                                                    "partial_rotary_factor": 0.25}),
    "opt-holes": OPTConfig(**OPT),
    "opt-post-norm-projected": OPTConfig(**{**OPT, "word_embed_proj_dim": 24, "pad_token_id": 1},
                                         do_layer_norm_before=False),
    "opt-no-final-norm": OPTConfig(**{**OPT, "num_hidden_layers": 1}, _remove_final_layer_norm=True,
                                   enable_bias=False, activation_function="gelu"),
    "bloom-holes": BloomConfig(**BLOOM),
    "bloom-residual-from-norm": BloomConfig(**{**BLOOM, "n_layer": 1, "n_head": 6},
                                            apply_residual_connection_post_layernorm=True),
    "falcon-multi-query": FalconConfig(**FALCON),
    "falcon-grouped": FalconConfig(**{**FALCON, "hidden_size": 36, "num_attention_heads": 6},
                                   num_kv_heads=2, new_decoder_architecture=True),
    "falcon-grouped-one-norm": FalconConfig(**{**FALCON, "num_hidden_layers": 1, "hidden_size": 32,
                                               "num_attention_heads": 4},
                                            num_kv_heads=2, new_decoder_architecture=True,
                                            num_ln_in_parallel_attn=1, tie_word_embeddings=False),
    "falcon-alibi-sequential": FalconConfig(**FALCON, alibi=True, multi_query=False, parallel_attn=False,
                                            bias=True),
    "falcon-alibi-holes": FalconConfig(**{**FALCON, "num_hidden_layers": 1}, alibi=True),
    "gemma2-default": Gemma2Config(**GEMMA2),
    "gemma2-holes-plain": Gemma2Config(**{**GEMMA2, "pad_token_id": None, "num_hidden_layers": 1, "attn_logit_softcapping": None,
                                          "final_logit_softcapping": None}, attention_bias=True,
                                       layer_types=["full_attention"], tie_word_embeddings=False),
}


def randomise(model, generator):
    """Weights as a trained model might have them: nothing is zero or one, scores are of order one."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            norm = "ln_" in name or "norm" in name
            scale = 0.1 if parameter.dim() == 1 else 0.15
            parameter.copy_((1.0 if norm and name.endswith("weight") else 0.0) + scale * noise)


def inputs(generator, holes, vocab=V, padding=None, blind=True):
    """Rows of different lengths, padded at their ends; or padding before and within them. `blind`: what
    follows a token that sees no key counts in the loss."""
    ids = torch.randint(0, vocab, (B, T), generator=generator)
    if padding is not None:  # where attention sees it: its embedding gets no gradient all the same
        ids[0, 3] = ids[1, 7] = padding
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
    if not blind:
        labels[:, 1:][mask.cumsum(-1)[:, :-1] == 0] = -100
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "labels": labels}


def make(name, config):
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    # What sdpa cannot say, or nobody wrote for it.
    config._attn_implementation = "eager" if config.model_type in ("bloom", "gemma2") else "sdpa"
    model = AutoModelForCausalLM.from_config(config)
    randomise(model, generator)
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "generation_config.json"))
    model = model.double().eval()
    # Through scores of the smallest number autograd sends a gradient that no mathematics has.
    blind = config.model_type not in ("bloom", "falcon", "gemma2")
    feed = inputs(generator, "holes" in name, config.vocab_size,
                  getattr(config, "pad_token_id", None), blind)
    known = inspect.signature(model.forward).parameters
    logits = model(**{key: value for key, value in feed.items() if key in known and key != "labels"}).logits
    assert logits.dtype == torch.float64
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1),
                                             feed["labels"][:, 1:].reshape(-1))
    loss.backward()
    golden = {"in." + key: value for key, value in feed.items()}
    golden["out.logits"] = logits.detach()
    golden["out.loss"] = loss.detach()
    for parameter, value in model.named_parameters():
        # Where frequencies are f32 too, more digits would say nothing.
        exact = config.model_type in ("gpt2", "llama", "opt")
        golden["grad." + parameter] = value.grad if exact else value.grad.float()
    save_file({key: value.contiguous() for key, value in golden.items()},
              os.path.join(folder, "golden.safetensors"))
    print(name, loss.item(), sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    for name, config in MODELS.items():
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, config)
