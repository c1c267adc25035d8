#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes those inputs of tests/fuzz/corpus that people cannot write by hand; the same bytes each
time. Needs protoc.

    tests/fuzz/make_corpus.py
"""

import hashlib
import json
import os
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")


def save(target, name, content):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)


def folder(files):
    """As Folder.h reads it."""
    return b"\n".join(b"-- " + name.encode() + b" --\n" + content
                      for name, content in sorted(files.items()))


def safetensors(tensors, metadata=None):
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def integers(*values):
    return struct.pack(f"<{len(values)}i", *values)


def make_safetensors():
    every = {
        "a": ("F64", [1], struct.pack("<d", 0.5)),
        "b": ("I64", [2], struct.pack("<2q", -1, 7)),
        "c": ("F32", [2, 1], floats(1, 2)),
        "d": ("I32", [], integers(3)),
        "e": ("BF16", [2], b"\x80\x3f\x00\x40"),
        "f": ("F16", [0, 4], b""),
        "g": ("I8", [1], b"\xff"),
        "h": ("U8", [1], b"\x01"),
        "i": ("BOOL", [1, 1], b"\x01"),
    }
    save("safetensors", "every_dtype", safetensors(every, {"format": "pt"}))
    save("safetensors", "one", safetensors({"w": ("F32", [2], floats(1, 2))}))
    save("safetensors", "tokens",
         safetensors({"tokens": ("I32", [24], integers(*range(24)))}))
    save("safetensors", "batches", safetensors({
        "input_ids": ("I32", [1, 2, 4], integers(*range(8))),
        "labels": ("I32", [1, 2, 4], integers(1, 2, 3, -100, 5, 6, 7, -100))}))
    index = {"metadata": {"total_size": 16}, "weight_map": {"a": "s-1.safetensors",
                                                            "b": "s-2.safetensors"}}
    save("safetensors", "sharded", folder({
        "model.safetensors.index.json": json.dumps(index).encode(),
        "s-1.safetensors": safetensors({"a": ("F32", [2], floats(1, 2))}),
        "s-2.safetensors": safetensors({"b": ("F32", [2], floats(3, 4))})}))


EXECUTABLE = """
manifest {
  format_version: 1 compiler_version: "0" model_name: "tiny" target: "cpu:scalar" dtype: "f32"
  batch: 1 seq: 2 vocab_size: 4 shift_labels: true ignored_tensors: "*.bias"
  parameters { name: "w" shape: 4 shape: 2 dtype: F32 initializer { kind: NORMAL scale: 0.02 }
    aliases: "m.w" layer_path: "decoder" }
  files { name: "tokenizer.heddle.json" content: "{\\"type\\": \\"bytes\\"}" }
}
plans {
  entry: "step" arena_bytes: 256 max_live_bytes: 128
  arguments { name: "w" kind: "param" dtype: F32 shape: 4 shape: 2 }
  arguments { name: "adam.m.w" kind: "state" dtype: F32 shape: 4 shape: 2 }
  arguments { name: "input_ids" kind: "input" dtype: I32 shape: 1 shape: 2 default_value: ZERO }
  arguments { name: "position_ids" kind: "input" dtype: I32 shape: 1 shape: 2
    default_value: POSITIONS }
  arguments { name: "attention_mask" kind: "input" dtype: I32 shape: 1 shape: 2
    default_value: ALL_ONES }
  arguments { name: "lr" kind: "scalar" dtype: F32 default_value: ZERO }
  results { name: "w" kind: "param" dtype: F32 shape: 4 shape: 2 }
  results { name: "adam.m.w" kind: "state" dtype: F32 shape: 4 shape: 2 }
  results { name: "loss" kind: "output" dtype: F32 }
  result_alias: [0, 1, -1]
  launches { kernel: "k0" tasks: 3 scratch_bytes: 64 layer: "decoder" outputs: 1
    operands { space: ARGUMENT index: 2 dtype: I32 elements: 2 }
    operands { space: CONSTANT index: 0 dtype: F32 elements: 1 }
    operands { space: ARENA offset: 64 dtype: F32 elements: 4 } }
  launches { kernel: "k1" tasks: 1 layer: "lm_head" outputs: 1
    operands { space: ARENA offset: 64 dtype: F32 elements: 4 }
    operands { space: RESULT index: 2 dtype: F32 elements: 1 } }
  launches { kernel: "k2" tasks: 2 outputs: 2
    operands { space: RESULT index: 0 dtype: F32 elements: 8 }
    operands { space: RESULT index: 1 dtype: F32 elements: 8 } }
  constants: "\\000\\000\\200\\077"
}
"""

FORWARD = """
manifest { format_version: 1 batch: 1 seq: 1 cpu_features: "+sse2" }
plans { entry: "forward" arena_bytes: 64
  results { name: "logits" kind: "output" dtype: BF16 shape: 1 }
  result_alias: -1
  launches { kernel: "k" tasks: 1 outputs: 1
    operands { space: RESULT dtype: BF16 elements: 1 } } }
"""


def make_executables():
    for name, text in {"step": EXECUTABLE, "forward": FORWARD}.items():
        encoded = subprocess.run(
            ["protoc", f"--proto_path={ROOT}", "--encode=heddle.runtime.proto.Executable",
             "runtime/Executable.proto"], cwd=ROOT, input=text.encode(), capture_output=True,
            check=True).stdout
        save("executable", name, encoded)


def checkpoint(step, files):
    manifest = {"format": 1, "step": step, "files": [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()]}
    return files | {"manifest.json": json.dumps(manifest, indent=2).encode()}


def make_checkpoints():
    state = {"format": 1, "step": 4, "updates": 4, "skipped": 0, "seed": "7", "batch": 1,
             "seq": 2, "grad_accum": 1, "val_split": 0.1, "data": "24 tokens, hash 1f"}
    files = {
        "model.safetensors": safetensors({"w": ("F32", [2], floats(1, 2))}),
        "training_state.safetensors": safetensors({
            "adam.m.w": ("F32", [2], floats(0, 0)), "adam.v.w": ("F32", [2], floats(0, 1))}),
        "training_state.json": json.dumps(state).encode(),
    }
    whole = {f"step-00000004/{n}": c for n, c in checkpoint(4, files).items()}
    cut = {f"step-00000006/{n}": c[:40] for n, c in checkpoint(6, files).items()}
    small = checkpoint(2, {"a": b"b"})
    save("checkpoint", "whole", folder(whole))
    save("checkpoint", "newer_cut_short", folder(whole | cut))
    save("checkpoint", "replaced", folder(
        {f".old-step-00000002/{n}": c for n, c in small.items()} | {".heddle.lock": b""}))
    save("checkpoint", "half_written", folder(
        {f"step-00000002/{n}": c for n, c in small.items()}
        | {".tmp-step-00000003/a": b"", ".tmp-drop-step-00000001/deep/a": b"x"}))


def make_families():
    with open(os.path.join(ROOT, "frontend/families/llama.textproto"), "rb") as file:
        llama = file.read()
    with open(os.path.join(ROOT, "tests/goldens/llama-grouped-llama3/config.json"), "rb") as file:
        config = file.read()
    save("family", "llama", folder({"family.textproto": llama, "model/config.json": config}))
    save("family", "small", folder({
        "family.textproto": b"""model_type: "tiny"
definition { layers: 1 attention { heads: 1 } names { other_prefixes: "m." } }
keys { key: "width" aliases: "n.w" field: "width" required: true }
keys { key: "act" field: "ffn.activation" default_value: "relu" table: "acts" }
keys { key: "rope.theta" field: "positions.rotary.theta" default_key: "theta" }
keys { key: "theta" default_value: "10000" when { key: "act" equals: "relu" } }
tables { name: "acts" values { from: "relu" to: "RELU" } values { from: "gelu" to: "GELU" } }
ignored_keys: "_*" ignored_tensors: "*.mask"
""",
        "model/config.json": b'{"model_type":"tiny","width":8,"vocab_size":9,"_a":{},'
                             b'"rope":{"theta":100.0},"max_position_embeddings":4}'}))


if __name__ == "__main__":
    make_safetensors()
    make_executables()
    make_checkpoints()
    make_families()
