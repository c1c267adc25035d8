#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the frozen goldens of encoders: tiny random models of transformers, evaluated in float64.

    python3 make_encoder_goldens.py [NAME ...]

As make_goldens.py, with the inputs that encoders take: token types, masks with padding at either
end and holes within, ids that are the padding's at places that count. out.* holds whatever the
model returns; models with a head have out.loss and grad.* too.
"""
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

from make_goldens import randomise, rms_norm

B, T, V = 3, 13, 131
SIZES = dict(vocab_size=V, hidden_size=20, num_hidden_layers=2, num_attention_heads=5,
             intermediate_size=28, max_position_embeddings=19)
SMALL = {**SIZES, "vocab_size": 31, "num_hidden_layers": 1}
DISTIL = dict(vocab_size=V, dim=20, n_layers=2, n_heads=5, hidden_dim=28, max_position_embeddings=19)
DISTIL_SMALL = {**DISTIL, "vocab_size": 31, "n_layers": 1}
# As published: both terms, buckets of distances, one norm for their table.
DEBERTA = dict(relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=4,
               norm_rel_ebd="layer_norm", share_att_key=True, position_biased_input=False)

XLNET = dict(vocab_size=V, d_model=20, n_layer=2, n_head=5, d_inner=28, use_mems_eval=False)
XLNET_SMALL = {**XLNET, "vocab_size": 31, "n_layer": 1}

T5 = dict(vocab_size=31, d_model=20, d_kv=6, d_ff=28, num_layers=2, num_heads=5,
          relative_attention_num_buckets=8, relative_attention_max_distance=9)
transformers.models.t5.modeling_t5.T5LayerNorm.forward = rms_norm  # in float64

# name: class, options of the configuration
MODELS = {
    "bert-masked-lm": ("BertForMaskedLM", SIZES),
    "bert-untied": ("BertForMaskedLM", {**SMALL, "tie_word_embeddings": False,
                                        "hidden_act": "gelu_new", "layer_norm_eps": 1e-5,
                                        "type_vocab_size": 3, "pad_token_id": 5}),
    "bert-model": ("BertModel", SMALL),
    "bert-next-sentence": ("BertForNextSentencePrediction", SMALL),
    "bert-pretraining": ("BertForPreTraining", SMALL),
    "bert-sequence": ("BertForSequenceClassification", {**SMALL, "num_labels": 5}),
    "bert-regression": ("BertForSequenceClassification", {**SMALL, "num_labels": 1}),
    "bert-several-labels": ("BertForSequenceClassification",
                            {**SMALL, "num_labels": 4,
                             "problem_type": "multi_label_classification"}),
    "bert-tokens": ("BertForTokenClassification", {**SMALL, "num_labels": 7, "hidden_act": "relu"}),
    "bert-span": ("BertForQuestionAnswering", SMALL),
    "roberta-masked-lm": ("RobertaForMaskedLM", {**SIZES, "type_vocab_size": 1}),
    "roberta-model": ("RobertaModel", {**SMALL, "type_vocab_size": 1}),
    "roberta-sequence": ("RobertaForSequenceClassification",
                         {**SMALL, "type_vocab_size": 1, "num_labels": 3}),
    "roberta-tokens": ("RobertaForTokenClassification", {**SMALL, "num_labels": 4}),
    "roberta-span": ("RobertaForQuestionAnswering", {**SMALL, "pad_token_id": 4}),
    "distilbert-masked-lm": ("DistilBertForMaskedLM", DISTIL),
    "distilbert-model": ("DistilBertModel", DISTIL_SMALL),
    "distilbert-sequence": ("DistilBertForSequenceClassification",
                            {**DISTIL_SMALL, "num_labels": 6}),
    "distilbert-tokens": ("DistilBertForTokenClassification", {**DISTIL_SMALL, "num_labels": 3}),
    "distilbert-span": ("DistilBertForQuestionAnswering", {**DISTIL_SMALL, "activation": "relu"}),
    "electra-masked-lm": ("ElectraForMaskedLM", {**SIZES, "embedding_size": 12}),
    "electra-model": ("ElectraModel", {**SMALL, "embedding_size": 20}),
    "electra-sequence": ("ElectraForSequenceClassification",
                         {**SMALL, "embedding_size": 24, "num_labels": 4}),
    "electra-tokens": ("ElectraForTokenClassification",
                       {**SMALL, "embedding_size": 12, "num_labels": 3}),
    "electra-span": ("ElectraForQuestionAnswering", {**SMALL, "embedding_size": 12}),
    "electra-discriminator": ("ElectraForPreTraining",
                              {**SMALL, "embedding_size": 12, "hidden_act": "relu"}),
    "deberta_v2-masked-lm": ("DebertaV2ForMaskedLM", {**SIZES, **DEBERTA}),
    "deberta_v2-new-head": ("DebertaV2ForMaskedLM",
                            {**SMALL, **DEBERTA, "legacy": False, "pos_att_type": ["p2c"],
                             "position_buckets": -1, "max_relative_positions": 5,
                             "share_att_key": False, "position_biased_input": True,
                             "type_vocab_size": 2}),
    "deberta_v2-untied": ("DebertaV2ForMaskedLM",
                          {**SMALL, **DEBERTA, "tie_word_embeddings": False, "embedding_size": 12,
                           "pos_att_type": "c2p", "position_buckets": 7, "norm_rel_ebd": "none",
                           "share_att_key": False, "max_relative_positions": 11}),
    "deberta_v2-model": ("DebertaV2Model",
                         {**SIZES, **DEBERTA, "vocab_size": 31, "share_att_key": False,
                          "position_buckets": 32}),
    "deberta_v2-sequence": ("DebertaV2ForSequenceClassification",
                            {**SMALL, "num_labels": 5, "pooler_hidden_act": "tanh",
                             "problem_type": "single_label_classification"}),
    "deberta_v2-tokens": ("DebertaV2ForTokenClassification",
                          {**SMALL, **DEBERTA, "num_labels": 4, "pos_att_type": ["c2p"]}),
    "deberta_v2-span": ("DebertaV2ForQuestionAnswering", {**SMALL, **DEBERTA,
                                                          "share_att_key": False}),
    "t5-encoder": ("T5EncoderModel", T5),
    "t5-encoder-gated": ("T5EncoderModel", {**T5, "num_layers": 1, "feed_forward_proj": "gated-gelu",
                                            "tie_word_embeddings": False}),
    "xlnet-lm": ("XLNetLMHeadModel", XLNET),
    "xlnet-untied": ("XLNetLMHeadModel", {**XLNET_SMALL, "tie_word_embeddings": False,
                                          "clamp_len": 4, "ff_activation": "relu"}),
    "xlnet-model": ("XLNetModel", XLNET_SMALL),
    "xlnet-sequence": ("XLNetForSequenceClassification", {**XLNET_SMALL, "num_labels": 4}),
    "xlnet-first": ("XLNetForSequenceClassification",
                    {**XLNET_SMALL, "num_labels": 1, "summary_type": "first",
                     "summary_activation": ""}),
    "xlnet-without-types": ("XLNetForSequenceClassification", {**XLNET_SMALL, "num_labels": 3}),
    "xlnet-tokens": ("XLNetForTokenClassification", {**XLNET_SMALL, "num_labels": 3}),
    "xlnet-span": ("XLNetForQuestionAnsweringSimple", XLNET_SMALL),
}
WITHOUT_POSITIONS = {"roberta-masked-lm", "roberta-sequence", "bert-tokens"}  # derived


def inputs(name, config, generator):
    vocabulary, padding = config.vocab_size, config.pad_token_id
    ids = torch.randint(0, vocabulary, (B, T), generator=generator)
    mask = torch.ones(B, T, dtype=torch.int64)
    mask[0, :3] = 0
    mask[1, 9:] = 0
    mask[1, 4] = mask[2, 6] = mask[2, 7] = 0
    ids[0, :3] = padding
    ids[1, 9:] = padding
    ids[2, 2] = padding  # seen, and yet not learned from
    feed = {"input_ids": ids, "attention_mask": mask}
    if config.model_type == "t5":
        return feed
    if name == "xlnet-without-types":
        return feed
    if config.model_type == "xlnet":
        feed["token_type_ids"] = torch.randint(0, 4, (B, T), generator=generator)
        return feed
    if getattr(config, "type_vocab_size", 0):
        feed["token_type_ids"] = torch.randint(0, config.type_vocab_size, (B, T),
                                               generator=generator)
    if name not in WITHOUT_POSITIONS:
        feed["position_ids"] = torch.randint(0, config.max_position_embeddings, (B, T),
                                             generator=generator)
    return feed


def targets(kind, config, mask, generator):
    """labels, or where spans begin and end: within, before and behind the sequence."""
    if "QuestionAnswering" in kind:
        return {"start_positions": torch.tensor([0, T + 4, 7]),
                "end_positions": torch.tensor([T - 1, -3, T])}
    if kind == "ElectraForPreTraining":
        return {"labels": torch.randint(0, 2, (B, T), generator=generator)}
    if kind.endswith("ForPreTraining"):
        labels = torch.randint(0, config.vocab_size, (B, T), generator=generator)
        return {"labels": torch.where(mask == 1, labels, torch.tensor(-100)),
                "next_sentence_label": torch.tensor([1, 0, 0])}
    if kind.endswith(("ForMaskedLM", "LMHeadModel", "TokenClassification")):
        classes = config.num_labels if kind.endswith("Classification") else config.vocab_size
        labels = torch.randint(0, classes, (B, T), generator=generator)
        return {"labels": torch.where(mask == 1, labels, torch.tensor(-100))}
    if kind.endswith("Model"):
        return {}
    if config.num_labels == 1:
        return {"labels": torch.tensor([0.5, -2.0, 1.25], dtype=torch.float64)}
    if config.problem_type == "multi_label_classification":
        labels = torch.randint(0, 2, (B, config.num_labels), generator=generator).double()
        labels[1, 2] = 0.25
        return {"labels": labels}
    classes = 2 if kind.endswith("NextSentencePrediction") else config.num_labels
    return {"labels": torch.randint(0, classes, (B,), generator=generator)}


def make(name):
    kind, options = MODELS[name]
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    model_class = getattr(transformers, kind)
    config = model_class.config_class(**options)
    config._attn_implementation = "sdpa" if model_class._supports_sdpa else "eager"
    model = model_class(config)
    randomise(model, generator)
    with torch.no_grad():  # the names that randomise() does not know as norms
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("LayerNorm.weight"):
                parameter += 1.0
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    model.save_pretrained(folder)
    model = model.double().eval()
    feed = inputs(name, config, generator)
    feed.update(targets(kind, config, feed["attention_mask"], generator))
    outputs = model(**feed)
    golden = {"in." + key: value for key, value in feed.items()}
    for key, value in outputs.items():
        assert value.dtype == torch.float64
        golden["out." + key] = value.detach()
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
