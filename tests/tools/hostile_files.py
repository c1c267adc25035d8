# SPDX-License-Identifier: Apache-2.0
"""A folder of good inputs and of files that are not what they claim to be, for hostile_inputs_test.py."""
import json
import os
import struct
import subprocess

SMALL = 'name: "small" max_positions: 32 width: 16 layers: 1 attention { heads: 2 }\n'
CONFIG = {"model_type": "gpt2", "vocab_size": 256, "n_positions": 32, "n_embd": 16, "n_layer": 1, "n_head": 2}


def safetensors(tensors):
    """The bytes of a file with the tensors {name: (dtype, shape, bytes)}."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def with_header(text, data=b""):
    return struct.pack("<Q", len(text)) + text + data


def ids(values, shape):
    return safetensors({"input_ids": ("I32", shape, struct.pack(f"<{len(values)}i", *values))})


def textprotos():
    """Name to content; all are wrong."""
    attention = "attention { heads: 2 }"
    return {
        "empty": b"",
        "binary": bytes(range(256)),
        "utf16": SMALL.encode("utf-16"),
        "nul": SMALL.encode() + b"\0",
        "twice": SMALL.encode() + b"width: 16\n",
        "unknown": SMALL.encode() + b"wdith: 16\n",
        "nan": SMALL.encode() + b"dropout { residual: nan }\n",
        "infinite": SMALL.encode() + b"norm { epsilon: inf }\n",
        "negative": SMALL.encode().replace(b"16", b"-16"),
        "huge": SMALL.encode().replace(b"16", b"99999999999999999999"),
        "wide": SMALL.encode().replace(b"16", b"1000000000"),
        "layers": SMALL.encode().replace(b"layers: 1", b"layers: 16385"),
        "heads": SMALL.encode().replace(b"heads: 2", b"heads: 3"),
        "open": SMALL.encode() + b"ffn {",
        "deep": b"ffn {" * 100_000,
        "elf": b"\x7fELF\x02\x01\x01" + bytes(100),
        "large": b"#" * ((16 << 20) + 1),
    }


def configs():
    """Name to content of config.json; all are wrong."""
    good = json.dumps(CONFIG)
    return {
        "empty": "",
        "nothing": "null",
        "array": "[]",
        "cut": good[:-5],
        "trailing": good + "x",
        "nan": good.replace("16", "NaN"),
        "infinite": good.replace("16", "1e999"),
        "twice": good.replace("{", '{"n_embd": 16, ', 1),
        "huge": good.replace("16", "9007199254740993"),
        "negative": good.replace("16", "-16"),
        "fraction": good.replace("16", "16.5"),
        "text": good.replace("16", '"16"'),
        "deep": "[" * 40_000,
        "other": good.replace("gpt2", "mamba"),
        "large": good + " " * (1 << 20),
        "bytes": b'{"model_type": "\xff"}',
    }


def tensors():
    """Name to content of safetensors files with `input_ids` that cannot be run."""
    one = b'{"input_ids":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}'
    return {
        "empty": b"",
        "short": b"1234567",
        "long": struct.pack("<Q", 2**63) + b"{}",
        "binary": bytes(range(256)) * 4,
        "cut": ids([1] * 16, [2, 8])[:-1],
        "extra": ids([1] * 16, [2, 8]) + b"x",
        "nan": with_header(one.replace(b"[1]", b"[NaN]"), bytes(4)),
        "negative": with_header(one.replace(b"[1]", b"[-1]"), bytes(4)),
        "huge": with_header(one.replace(b"[1]", b"[9007199254740993]"), bytes(4)),
        "overflow": with_header(one.replace(b"[1]", b"[4294967296,4294967296]"), bytes(4)),
        "overlap": with_header(one[:-1] + b',"b":{"dtype":"I32","shape":[1],"data_offsets":[2,6]}}', bytes(6)),
        "twice": with_header(one[:-1] + b"," + one[1:], bytes(4)),
        "rank": with_header(one.replace(b"[1]", b"[1,1,1,1,1,1,1,1,1]"), bytes(4)),
        "nothing": safetensors({}),
        "shape": ids([1] * 4, [4]),
        "outside": ids([256] * 16, [2, 8]),
        "below": ids([-1] * 16, [2, 8]),
        "float": safetensors({"input_ids": ("F32", [2, 8], bytes(64))}),
        "other": safetensors({"ids": ("I32", [2, 8], bytes(64))}),
        "more": safetensors({"input_ids": ("I32", [2, 8], bytes(64)), "extra": ("I32", [1], bytes(4))}),
    }


def make_odd_ones(folder, pattern):
    """What is no file: a pipe, a folder, a link to itself, one to nothing, one to a device."""
    os.mkfifo(folder / pattern.format("pipe"))
    (folder / pattern.format("folder")).mkdir()
    loop = folder / pattern.format("loop")
    loop.symlink_to(loop.name)
    (folder / pattern.format("gone")).symlink_to("nowhere")
    (folder / pattern.format("zero")).symlink_to("/dev/zero")


def make(folder, binaries):
    """Fills `folder` (a pathlib.Path). Good: small.textproto, m.heddle (batch 2, sequence 8), ids.safetensors,
    text.txt, run/ (a checkpoint), weights.safetensors. Everything else is hostile."""
    def write(name, content):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def heddle(tool, *arguments):
        subprocess.run([str(binaries / tool), *arguments], cwd=folder, check=True, capture_output=True, timeout=300)

    write("small.textproto", SMALL)
    write("text.txt", "the cat sat on the mat. " * 100)
    write("ids.safetensors", ids(list(range(16)), [2, 8]))
    heddle("heddle", "compile", "small.textproto", "--train", "--batch", "2", "--seq", "8", "-o", "m.heddle")
    heddle("heddle-run", "train", "m.heddle", "--data", "text.txt", "--out", "run", "--steps", "2")
    weights = (folder / "run/step-00000002/model.safetensors").read_bytes()
    write("weights.safetensors", weights)
    write("cut-weights.safetensors", weights[:-1])
    write("no-weights.safetensors", safetensors({"x": ("F32", [1], bytes(4))}))

    for name, content in textprotos().items():
        write(f"{name}.textproto", content)
    for name, content in configs().items():
        write(f"config-{name}/config.json", content)
    for name, content in tensors().items():
        write(f"{name}.safetensors", content)
    for name, content in {"empty": "", "open": "func.func @f(", "binary": bytes(range(256)),
                          "nothing": "module {}", "other": "func.func @forward() { return }"}.items():
        write(f"{name}.mlir", content)
    for name, content in {"array": "[]", "kind": '{"type": "bpe"}', "twice": '{"type":"char","characters":"aa"}',
                          "few": '{"type":"char","characters":"abc"}', "nan": '{"type": NaN}'}.items():
        write(f"tokenizer-{name}.json", content)
    write("bytes.txt", b"\xff\xfe" * 1000)
    write("short.txt", "cat")

    executable = (folder / "m.heddle").read_bytes()
    write("empty.heddle", b"")
    write("text.heddle", SMALL)
    for name, size in (("cut-start", 100), ("cut-half", len(executable) // 2), ("cut-end", len(executable) - 1)):
        write(f"{name}.heddle", executable[:size])
    write("longer.heddle", executable + b"\0")
    for name, at in (("start", 5), ("quarter", len(executable) // 4), ("end", len(executable) - 200)):
        changed = bytearray(executable)
        changed[at] ^= 0x10
        write(f"changed-{name}.heddle", bytes(changed))

    (folder / "empty").mkdir()
    for ending in ("textproto", "heddle", "mlir", "safetensors"):
        make_odd_ones(folder, f"{{}}.{ending}")
    for kind in ("pipe", "folder", "loop", "gone", "zero"):
        (folder / f"config-{kind}").mkdir()
    make_odd_ones(folder, "config-{}/config.json")
    (folder / "full").mkdir()
    write("full/file", "x")
    (folder / "locked").mkdir()
    write("secret.textproto", SMALL)
    (folder / "secret.textproto").chmod(0)
    (folder / "locked").chmod(0o555)
