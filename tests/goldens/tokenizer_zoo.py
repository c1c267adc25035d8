# SPDX-License-Identifier: Apache-2.0
"""Small tokenizers of every kind, trained with the `tokenizers` package on generated text, and the
lines that try them. make_tokenizer_goldens.py freezes a few of them, compare_tokenizers.py compares
many lines by hand."""

import base64
import io
import json
import random
import struct

from tokenizers import AddedToken, Regex, Tokenizer, decoders as D, models as M
from tokenizers import normalizers as N, pre_tokenizers as P, processors as O, trainers as T

# The blocks that words are drawn from.
SCRIPTS = {
    "latin": "abcdefghijklmnopqrstuvwxyz", "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "accents": "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœšžßğıİŁł", "greek": "αβγδεζηθικλμνξοπρσςτυφχψωΑΒΓΔΆΈΐΰ",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяЁёЙй", "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي٠١٢٣", "devanagari": "अआइईउकखगघचछजटडतदनपबमयरलवशसहािीुूेैोौ्ं१२३",
    "thai": "กขคงจฉชซญดตถทนบปผพฟมยรลวสหอะาิีุูเแโใไ่้", "han": "的一是不了人我在有他这中大来上国个到说们漢字語學",
    "kana": "あいうえおかきくけこさしすせそがぎぐアイウエオカキクケコｶｷｸガｶﾞ", "hangul": "가나다라마바사아자차카타파하한국어각힣ᄀ깍",
    "emoji": "😀😂🤖👍🏽❤️🔥👩‍👩‍👧‍👦🇩🇪🏳️‍🌈☕️", "digits": "0123456789", "numbers": "½²³ⅣⅨ①②㊿１２３൧",
    "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "signs": "¡¿«»“”‘’…–—•·、。，！？「」€£¥§©®™°±×÷√∞",
    "compat": "ﬁﬂﬀŀﾊﾞ㌔㍿℃Å№ℌ𝒜𝔅𝟘ǅ", "marks": "e\u0301o\u0308a\u030a\u0323n\u0303u\u0308\u0304\u0300\u0591\u20dd\u0903",
    "spaces": " \t\u00a0\u2003\u3000\u200b\u200d\u180e\u0085\ufeff", "odd": "\u0000\u0001\u007f\u009f\u00ad\ufffd\ue000\U0001f9ff\u2581▁▁Ġ",
}
ENGLISH = ("the of and to in is it that was he for on are with as his they at be this from have or by one had "
           "not but what all were when we there can an your which their said if do will each about how up out "
           "them then she many some so these would other into has more her two like him see time could no "
           "make than first been its who now people my made over did down only way find use may water long "
           "little very after words called just where most know don't I'm we've you'll it's they're he'd").split()


class Text:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def word(self):
        r = self.random
        if r.random() < 0.5:
            word = r.choice(ENGLISH)
            return r.choice([word, word, word.capitalize(), word.upper()])
        alphabet = r.choice(list(SCRIPTS.values()))
        return "".join(r.choice(alphabet) for _ in range(min(12, 1 + int(r.expovariate(0.3)))))

    def line(self):
        r = self.random
        kind = r.random()
        if kind < 0.01:
            return ""
        if kind < 0.02:  # a very long word
            return "".join(r.choice(r.choice(list(SCRIPTS.values()))) for _ in range(r.randint(200, 3000)))
        if kind < 0.03:
            return r.choice(["a", "1", " ", "ab", "é"]) * r.randint(50, 2000)
        if kind < 0.06:  # any characters up to Unicode 8, as the package's tables of marks are that old
            return "".join(chr(c) for c in (r.choice([r.randint(1, 0x2ff), r.randint(0x370, 0x52f), r.randint(0x4e00, 0x9fa5),
                                                      r.randint(0xac00, 0xd7a3), r.randint(0x1f300, 0x1f64f)]) for _ in range(r.randint(1, 60)))
                           if c not in (10, 13))
        parts = []
        for _ in range(r.randint(1, 25)):
            parts.append(self.word())
            parts.append(r.choice([" "] * 12 + ["", "", "", "  ", "   ", "\t", ", ", ". ", "! ", "-", "'", "\u00a0", "\u3000"]))
            if r.random() < 0.05:
                parts.append(r.choice(["<s>", "</s>", "<mask>", "[MASK]", "[CLS]", "<extra>", " <mask> ", "<|end|>", "Extra", "ÑANDÚ",
                                       "<unk>", "[UNK]", "▁", "##a", "<0x41>", "<pad>", "\r"]))
        return "".join(parts).replace("\n", " ")

    def lines(self, count):
        return [self.line() for _ in range(count)]


def added(tokenizer):
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("<|end|>", rstrip=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("Extra", single_word=True), AddedToken("ÑANDÚ", normalized=True), AddedToken("<extra>", normalized=False)])
    return tokenizer


def framed(tokenizer, single, names):
    tokenizer.post_processor = O.TemplateProcessing(single=single, special_tokens=[(n, tokenizer.token_to_id(n)) for n in names])
    return added(tokenizer)


def gpt2(text, size):
    t = Tokenizer(M.BPE())
    t.pre_tokenizer = P.ByteLevel(add_prefix_space=False)
    t.decoder = D.ByteLevel()
    t.post_processor = O.ByteLevel(trim_offsets=False)
    t.train_from_iterator(text, T.BpeTrainer(vocab_size=size, special_tokens=["<|endoftext|>"], initial_alphabet=P.ByteLevel.alphabet(), show_progress=False))
    return added(t)


def roberta(text, size):
    t = Tokenizer(M.BPE())
    t.normalizer = N.NFC()
    t.pre_tokenizer = P.ByteLevel(add_prefix_space=True)
    t.decoder = D.ByteLevel()
    t.train_from_iterator(text, T.BpeTrainer(vocab_size=size, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], initial_alphabet=P.ByteLevel.alphabet(), show_progress=False))
    t.post_processor = O.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return added(t)


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def llama3(text, size):
    t = Tokenizer(M.BPE(ignore_merges=True))
    t.pre_tokenizer = P.Sequence([P.Split(Regex(LLAMA3), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = D.ByteLevel()
    t.train_from_iterator(text, T.BpeTrainer(vocab_size=size, special_tokens=["<s>"], initial_alphabet=P.ByteLevel.alphabet(), show_progress=False))
    t.post_processor = O.Sequence([O.ByteLevel(), O.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])])
    spec = json.loads(t.to_str())
    # Words that no merge makes: what ignore_merges is for.
    for word in ("Ġunmergeable", "zzqx"):
        spec["model"]["vocab"][word] = len(spec["model"]["vocab"])
    return added(Tokenizer.from_str(json.dumps(spec)))


BYTES = [f"<0x{b:02X}>" for b in range(256)]


def llama2(text, size, metaspace=None):
    t = Tokenizer(M.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if metaspace:
        t.pre_tokenizer = P.Metaspace(prepend_scheme=metaspace, split=metaspace != "first")
    else:
        t.normalizer = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])
    trainer = Tokenizer(M.BPE())
    trainer.pre_tokenizer = P.Metaspace()
    trainer.train_from_iterator(text, T.BpeTrainer(vocab_size=size - 259, limit_alphabet=120, show_progress=False))
    spec = json.loads(trainer.to_str())["model"]
    tokens = ["<unk>", "<s>", "</s>"] + BYTES + sorted(spec["vocab"], key=spec["vocab"].get)
    whole = json.loads(t.to_str())
    whole["model"]["vocab"] = {token: i for i, token in enumerate(tokens)}
    whole["model"]["merges"] = spec["merges"]
    t = Tokenizer.from_str(json.dumps(whole))
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    t.decoder = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
    return framed(t, "<s> $A", ["<s>"])


def bert(text, size, lowercase=True):
    t = Tokenizer(M.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = N.BertNormalizer(lowercase=lowercase, strip_accents=None)
    t.pre_tokenizer = P.BertPreTokenizer()
    t.decoder = D.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(text, T.WordPieceTrainer(vocab_size=size, limit_alphabet=200, special_tokens=special, show_progress=False))
    return framed(t, "[CLS] $A [SEP]", ["[CLS]", "[SEP]"])


def padded(text, size):
    t = bert(text, size)
    t.enable_truncation(24, direction="left")
    t.enable_padding(length=30, pad_to_multiple_of=8, direction="left")
    return t


def charsmap(rules):
    """A precompiled_charsmap with these replacements: SentencePiece makes it."""
    import os
    import tempfile
    import sentencepiece as spm
    from sentencepiece import sentencepiece_model_pb2 as pb
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "rules.tsv"), "w") as file:
            for source, target in rules.items():
                file.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        out = io.BytesIO()
        spm.SentencePieceTrainer.train(sentence_iterator=iter(["a b c d e"] * 50), model_writer=out, vocab_size=12, hard_vocab_limit=False,
                                       normalization_rule_tsv=os.path.join(folder, "rules.tsv"), minloglevel=2)
    model = pb.ModelProto()
    model.ParseFromString(out.getvalue())
    return model.normalizer_spec.precompiled_charsmap


RULES = {"ﬁ": "fi", "ﬂ": "fl", "Å": "A", "№": "No", "①": "1", "②": "2", "１": "1", "２": "2", "３": "3", "\t": " ", "\u00a0": " ", "\u3000": " ",
         "\u200b": " ", "\ufeff": "", "\u0001": "", "e\u0301": "é", "ｶ": "カ", "ｶﾞ": "ガ", "㌔": "キロ", "𝒜": "A", "ǅ": "Dž", "…": "..."}


def frequent(lines, count=300):
    """Only the most frequent characters: Unigram's trainer keeps all that it sees."""
    from collections import Counter
    kept = {c for c, _ in Counter("".join(lines)).most_common(count)}
    return ["".join(c for c in line if c in kept) for line in lines]


def t5(text, size):
    t = Tokenizer(M.Unigram())
    t.normalizer = N.Sequence([N.Precompiled(charsmap(RULES)), N.Strip(left=False, right=True), N.Replace(Regex(" {2,}"), "▁")])
    t.pre_tokenizer = P.Sequence([P.WhitespaceSplit(), P.Metaspace()])
    t.decoder = D.Metaspace()
    t.train_from_iterator(frequent(text, size // 4), T.UnigramTrainer(vocab_size=size, unk_token="<unk>", special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False))
    return framed(t, "$A </s>", ["</s>"])


def xlnet(text, size):
    t = Tokenizer(M.Unigram())
    t.normalizer = N.Sequence([N.Nmt(), N.NFKD(), N.StripAccents(), N.Lowercase(), N.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = P.Metaspace(prepend_scheme="first")
    t.decoder = D.Metaspace(prepend_scheme="first")
    t.train_from_iterator(frequent(text, size // 4), T.UnigramTrainer(vocab_size=size, unk_token="<unk>", special_tokens=["<cls>", "<sep>", "<unk>"], show_progress=False))
    return framed(t, "$A <sep> <cls>", ["<sep>", "<cls>"])


def unigram_bytes(text, size):
    t = Tokenizer(M.Unigram())
    t.pre_tokenizer = P.Metaspace()
    t.train_from_iterator(frequent(text, size // 4), T.UnigramTrainer(vocab_size=size - 256, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False))
    spec = json.loads(t.to_str())
    spec["model"]["vocab"] = spec["model"]["vocab"][:1] + [[b, -20.0] for b in BYTES] + spec["model"]["vocab"][1:]
    spec["model"]["byte_fallback"] = True
    t = Tokenizer.from_str(json.dumps(spec))
    t.decoder = D.Sequence([D.ByteFallback(), D.Metaspace()])
    return added(t)


def clip(text, size):
    t = Tokenizer(M.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", fuse_unk=False))
    t.normalizer = N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()])
    t.pre_tokenizer = P.Sequence([P.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True), P.ByteLevel(add_prefix_space=False)])
    t.decoder = D.BPEDecoder()
    t.train_from_iterator(text, T.BpeTrainer(vocab_size=size, special_tokens=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>",
                                             initial_alphabet=P.ByteLevel.alphabet(), show_progress=False))
    return framed(t, "<|startoftext|> $A <|endoftext|>", ["<|startoftext|>", "<|endoftext|>"])


def affixes(text, size):
    t = Tokenizer(M.BPE(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=True))
    t.normalizer = N.NFKC()
    t.pre_tokenizer = P.Sequence([P.Whitespace(), P.Digits(individual_digits=True), P.Punctuation(behavior="contiguous")])
    t.train_from_iterator(text, T.BpeTrainer(vocab_size=size, special_tokens=["<unk>"], limit_alphabet=150, continuing_subword_prefix="##", show_progress=False))
    t.decoder = D.WordPiece(cleanup=False)
    return added(t)


def words(text, size):
    t = Tokenizer(M.WordLevel(unk_token="<unk>"))
    t.normalizer = N.Sequence([N.NFD(), N.Strip(), N.Replace("o", "0")])
    t.pre_tokenizer = P.Sequence([P.CharDelimiterSplit("e"), P.WhitespaceSplit(), P.Digits(), P.Punctuation(behavior="merged_with_previous"),
                                  P.Split("a", "merged_with_next"), P.Split(Regex(r"\w\b"), "contiguous")])
    t.train_from_iterator(text, T.WordLevelTrainer(vocab_size=size, special_tokens=["<unk>"], show_progress=False))
    return added(t)


KINDS = {
    "gpt2": gpt2, "roberta": roberta, "llama3": llama3, "llama2": llama2,
    "mistral": lambda text, size: llama2(text, size, "always"), "metafirst": lambda text, size: llama2(text, size, "first"),
    "metanever": lambda text, size: llama2(text, size, "never"), "bert": bert, "bert-cased": lambda text, size: bert(text, size, False),
    "padded": padded, "t5": t5, "xlnet": xlnet, "unigram-bytes": unigram_bytes, "clip": clip, "affixes": affixes, "words": words,
}
