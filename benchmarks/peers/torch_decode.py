# SPDX-License-Identifier: Apache-2.0
"""PyTorch's next token to compare with: one row, the cache half full, as `heddle bench` does it.

Reads one number of tokens per line from standard input and answers with one JSON line:
{"ms": [...]}. Ends at end of input.
"""
import argparse
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

from torch_step import SHAPES, Gpt


class Decoder:
    """The model with the keys and values of the tokens before."""

    def __init__(self, model, layers, heads, width, sequence):
        self.model = model
        self.at = sequence // 2
        shape = (layers, 1, heads, sequence, width // heads)
        self.keys, self.values = torch.randn(shape), torch.randn(shape)

    def attention(self, block, layer, x):
        heads = lambda part: part.view(1, 1, block.heads, -1).transpose(1, 2)
        q, k, v = map(heads, block.qkv(x).split(x.shape[2], dim=2))
        self.keys[layer, :, :, self.at] = k[:, :, 0]
        self.values[layer, :, :, self.at] = v[:, :, 0]
        seen = slice(0, self.at + 1)
        a = F.scaled_dot_product_attention(q, self.keys[layer, :, :, seen],
                                           self.values[layer, :, :, seen])
        return block.out(a.transpose(1, 2).reshape(x.shape))

    def next(self, token):
        model = self.model
        x = model.wte(token) + model.wpe(torch.tensor([[self.at]]))
        for layer, block in enumerate(model.blocks):
            x = x + self.attention(block, layer, block.ln_1(x))
            x = x + block.down(F.gelu(block.up(block.ln_2(x)), approximate=block.gelu))
        return F.linear(model.ln_f(x), model.wte.weight)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=SHAPES, required=True)
    parser.add_argument("--sequence", type=int, default=256)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    *shape, _, _ = SHAPES[options.model]
    _, _, width, layers, heads, *_ = shape
    decoder = Decoder(Gpt(*shape), layers, heads, width, options.sequence)
    token = torch.tensor([[1]])
    with torch.inference_mode():
        for line in sys.stdin:
            times = []
            for _ in range(int(line)):
                start = time.perf_counter()
                decoder.next(token).argmax().item()
                times.append(1e3 * (time.perf_counter() - start))
            print(json.dumps({"ms": times}), flush=True)


if __name__ == "__main__":
    main()
