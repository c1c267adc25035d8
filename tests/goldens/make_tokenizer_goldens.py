#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes small tokenizers of every kind with the ids and texts that the packages make of some lines.

    python3 make_tokenizer_goldens.py     # writes tokenizers/

Made with tokenizers 0.23.3, sentencepiece 0.2.3, transformers 5.23.0 and protobuf. lines.txt holds the lines,
some of them not UTF-8 (the packages are given U+FFFD there); NAME.json the tokenizer.json, NAME.ids the ids of each line, NAME.txt the
decoded texts as JSON strings. spiece/ and llama/ are older folders, whose ids transformers makes. merges.json is what the package's
trainer finds in the lines that are UTF-8.
"""
import io
import json
import os
import shutil

import sentencepiece as spm
import tokenizer_zoo as zoo
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers")
SIZES = {"gpt2": 600, "roberta": 500, "llama3": 600, "llama2": 800, "metafirst": 700, "bert": 700, "padded": 500, "t5": 800, "xlnet": 700,
         "unigram-bytes": 800, "clip": 700, "affixes": 500, "words": 400}
MERGED = 600


def write(name, lines):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write("".join(line + "\n" for line in lines).encode())


def freeze(name, encode, decode, lines):
    ids = [encode(line) for line in lines]
    write(f"{name}.ids", [" ".join(map(str, i)) for i in ids])
    if decode:
        write(f"{name}.txt", [json.dumps(decode(i), ensure_ascii=False) for i in ids])


def sentencepiece(folder, training, **options):
    out = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(zoo.frequent(training, 150)), model_writer=out, vocab_size=500, minloglevel=2,
                                   normalization_rule_name="identity", hard_vocab_limit=False, self_test_sample_size=0, **options)
    os.makedirs(os.path.join(HERE, folder))
    name = "tokenizer.model" if options["model_type"] == "bpe" else "spiece.model"
    with open(os.path.join(HERE, folder, name), "wb") as file:
        file.write(out.getvalue())
    return os.path.join(HERE, folder)


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    training = zoo.Text(1).lines(1500)
    text = zoo.Text(2024)
    lines = []
    for line in text.lines(200):
        data = bytearray(line[:90].encode())
        if data and text.random.random() < 0.08:
            data[text.random.randrange(len(data))] = text.random.randrange(0x80, 0x100)
        lines.append(bytes(data).replace(b"\n", b" "))
    with open(os.path.join(HERE, "lines.txt"), "wb") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    mended = [line.decode("utf-8", "replace") for line in lines]
    for name, size in SIZES.items():
        path = os.path.join(HERE, f"{name}.json")
        zoo.KINDS[name](training, size).save(path, pretty=False)
        tokenizer = Tokenizer.from_file(path)
        freeze(name, lambda line: tokenizer.encode(line).ids, tokenizer.decode, mended)
    folder = sentencepiece("spiece", training, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    freeze("spiece", transformers.T5Tokenizer.from_pretrained(folder).encode, None, mended)
    folder = sentencepiece("llama", training, model_type="bpe", byte_fallback=True, remove_extra_whitespaces=False)
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": True}, file)
    freeze("llama", transformers.AutoTokenizer.from_pretrained(folder).encode, None, mended)
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    valid = [line.decode() + "\n" for line, mend in zip(lines, mended) if line == mend.encode()]
    trained.train_from_iterator(valid, trainers.BpeTrainer(vocab_size=MERGED, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    with open(os.path.join(HERE, "merges.json"), "w") as file:
        json.dump(json.loads(trained.to_str())["model"]["merges"], file, ensure_ascii=False)


if __name__ == "__main__":
    main()
