// SPDX-License-Identifier: Apache-2.0
// config.json of encoder-decoders as published over the years, and what is wrong with others.
#include "frontend/Dimensions.h"
#include "frontend/HuggingFace.h"
#include "frontend/Stacks.h"
#include "frontend/Validate.h"
#include "tests/frontend/ConfigText.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::Dimensions;
using frontend::proto::ModelDef;

std::string t5(const std::string &more = "") {
  return R"({"model_type": "t5", "vocab_size": 32, "d_model": 20, "d_kv": 6, "d_ff": 28,
    "num_layers": 3, "num_heads": 5)" +
         more + "}";
}
std::string bartLike(const std::string &type, const std::string &more = "") {
  return R"({"model_type": ")" + type +
         R"(", "vocab_size": 60000, "d_model": 20, "encoder_layers": 3, "decoder_layers": 2,
    "encoder_attention_heads": 5, "decoder_attention_heads": 4, "encoder_ffn_dim": 28,
    "decoder_ffn_dim": 24, "max_position_embeddings": 19)" +
         more + "}";
}

TEST(Seq2SeqConfig, T5) {
  auto first = readConfigText(t5());
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->layers(), 3); // as many as the encoder where nothing is said
  EXPECT_EQ(first->encoder().layers(), 3);
  EXPECT_EQ(first->positions().relative_bias().buckets(), 32);
  EXPECT_EQ(first->ffn().activation(), frontend::proto::Ffn::RELU);
  EXPECT_FALSE(first->ffn().gated());
  EXPECT_TRUE(first->head().scaled());
  EXPECT_EQ(first->attention().scale(), 1);
  EXPECT_EQ(first->dropout().hidden(), 0.1);
  EXPECT_EQ(first->decoder_input().padding_id(), 0);
  EXPECT_FALSE(first->decoder_input().has_start_id());
  auto second = readConfigText(t5(R"(, "num_decoder_layers": 2, "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": false, "decoder_start_token_id": 0)"));
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->layers(), 2);
  EXPECT_EQ(second->ffn().activation(), frontend::proto::Ffn::GELU_TANH);
  EXPECT_TRUE(second->ffn().gated());
  EXPECT_FALSE(second->head().scaled());
  EXPECT_EQ(frontend::encoderOf(*second).names().ffn_in(),
            "encoder.block.{layer}.layer.1.DenseReluDense.wi_1");
  // As transformers 5 writes the same.
  auto written = readConfigText(t5(R"(, "num_decoder_layers": 2, "feed_forward_proj": "gated-gelu",
    "dense_act_fn": "gelu_new", "is_gated_act": true, "tie_word_embeddings": true,
    "scale_decoder_outputs": false, "decoder_start_token_id": 0)"));
  ASSERT_THAT(written, IsOk());
  EXPECT_EQ(written->SerializeAsString(), second->SerializeAsString());
}

TEST(Seq2SeqConfig, AHeadOfItsOwnWhereTheCheckpointHasOne) {
  auto model = readConfigText(t5(R"(, "tie_word_embeddings": false)"));
  ASSERT_THAT(model, IsOk());
  ModelDef tied = *model, own = *model;
  frontend::takePrefixOf({"shared.weight"}, tied);
  EXPECT_FALSE(frontend::parametersOf(tied).headWeight.has_value());
  frontend::takePrefixOf({"shared.weight", "lm_head.weight"}, own);
  EXPECT_TRUE(frontend::parametersOf(own).headWeight.has_value());
  // Where they are tied, another copy of the table is no weight of its own.
  auto first = readConfigText(t5());
  ASSERT_THAT(first, IsOk());
  frontend::takePrefixOf({"shared.weight", "lm_head.weight"}, *first);
  EXPECT_FALSE(frontend::parametersOf(*first).headWeight.has_value());
}

TEST(Seq2SeqConfig, Bart) {
  auto model = readConfigText(bartLike("bart", R"(, "scale_embedding": true)"));
  ASSERT_THAT(model, IsOk());
  EXPECT_TRUE(model->scale_embeddings());
  EXPECT_EQ(model->decoder_input().start_id(), 2);
  EXPECT_EQ(Dimensions(*model).headDim, 5);
  const ModelDef encoder = frontend::encoderOf(*model);
  EXPECT_EQ(Dimensions(encoder).headDim, 4);
  EXPECT_EQ(encoder.ffn().hidden(), 28);
  EXPECT_EQ(encoder.names().query(), "encoder.layers.{layer}.self_attn.q_proj");
  const frontend::ModelParameters tied = frontend::parametersOf(*model);
  EXPECT_EQ(tied.tokenEmbedding->name, "model.shared.weight");
  ASSERT_TRUE(tied.headConstantBias.has_value());
  EXPECT_TRUE(tied.headConstantBias->frozen);
  EXPECT_EQ(tied.headConstantBias->name, "final_logits_bias");
  auto untied = readConfigText(bartLike("bart", R"(, "tie_word_embeddings": false)"));
  ASSERT_THAT(untied, IsOk());
  const frontend::ModelParameters apart = frontend::parametersOf(*untied);
  EXPECT_EQ(apart.tokenEmbedding->name, "model.decoder.embed_tokens.weight");
  EXPECT_EQ(apart.encoder->tokenEmbedding->name, "model.encoder.embed_tokens.weight");
  EXPECT_TRUE(apart.headWeight.has_value());
}

TEST(Seq2SeqConfig, AConstantBiasThatIsNotStoredIsNone) {
  auto model = readConfigText(bartLike("bart"));
  ASSERT_THAT(model, IsOk());
  ModelDef with = *model, without = *model;
  frontend::takePrefixOf({"model.shared.weight", "final_logits_bias"}, with);
  EXPECT_TRUE(frontend::parametersOf(with).headConstantBias.has_value());
  frontend::takePrefixOf({"model.shared.weight"}, without);
  EXPECT_FALSE(frontend::parametersOf(without).headConstantBias.has_value());
}

TEST(Seq2SeqConfig, BartModelHasNoHead) {
  auto model = readConfigText(bartLike("bart", R"(, "architectures": ["BartModel"])"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->head().kind(), frontend::proto::Head::NONE);
  EXPECT_FALSE(frontend::parametersOf(*model).headConstantBias.has_value());
}

TEST(Seq2SeqConfig, MarianMayHaveTwoVocabularies) {
  auto one = readConfigText(bartLike("marian"));
  ASSERT_THAT(one, IsOk());
  EXPECT_TRUE(one->positions().sinusoidal().halves());
  EXPECT_EQ(one->vocab_size(), 60000);
  auto two = readConfigText(bartLike("marian", R"(, "decoder_vocab_size": 59000,
    "share_encoder_decoder_embeddings": false)"));
  ASSERT_THAT(two, IsOk());
  const frontend::ModelParameters parameters = frontend::parametersOf(*two);
  EXPECT_EQ(parameters.tokenEmbedding->shape, (std::vector<int64_t>{59000, 20}));
  EXPECT_EQ(parameters.encoder->tokenEmbedding->shape, (std::vector<int64_t>{60000, 20}));
  EXPECT_EQ(parameters.headConstantBias->shape, (std::vector<int64_t>{1, 59000}));
  EXPECT_THAT(readConfigText(bartLike("marian", R"(, "decoder_vocab_size": 59000)")),
              IsBadInput("key \"vocab_size\": the encoder reads the decoder's token table"));
}

TEST(Seq2SeqConfig, Whisper) {
  auto model =
      readConfigText(bartLike("whisper", R"(, "num_mel_bins": 7, "max_source_positions": 11)")
                         .replace(bartLike("whisper").find(R"(, "max_position_embeddings": 19)"),
                                  std::string(R"(, "max_position_embeddings": 19)").size(), ""));
  ASSERT_THAT(model, IsOk());
  const ModelDef encoder = frontend::encoderOf(*model);
  EXPECT_EQ(encoder.max_positions(), 11);
  EXPECT_EQ(model->max_positions(), 448);
  EXPECT_EQ(frontend::sourceLength(*model, 5, 0), 11);
  const frontend::ModelParameters parameters = frontend::parametersOf(*model);
  EXPECT_EQ(parameters.encoder->convolutionIn->weight.shape, (std::vector<int64_t>{20, 7, 3}));
  EXPECT_EQ(parameters.encoder->convolutionIn->weight.name, "model.encoder.conv1.weight");
  EXPECT_TRUE(parameters.encoder->positionEmbedding->frozen);
  EXPECT_FALSE(parameters.positionEmbedding->frozen);
  EXPECT_FALSE(parameters.layers[0].key->bias.has_value());
  EXPECT_TRUE(parameters.layers[0].value->bias.has_value());
  EXPECT_FALSE(parameters.layers[0].cross->key->bias.has_value());
}

TEST(Seq2SeqConfig, AnEncoderAlone) {
  for (const char *more : {R"(, "architectures": ["T5EncoderModel"], "is_encoder_decoder": false)",
                           R"(, "architectures": ["T5EncoderModel"], "is_encoder_decoder": true)",
                           R"(, "architectures": ["T5EncoderModel"])"}) {
    auto model = readConfigText(t5(more));
    ASSERT_THAT(model, IsOk()) << more;
    EXPECT_FALSE(model->has_encoder());
    EXPECT_FALSE(model->attention().causal());
    EXPECT_EQ(model->layers(), 3);
    EXPECT_EQ(model->head().kind(), frontend::proto::Head::NONE);
    EXPECT_TRUE(frontend::encodesTexts(*model));
    const frontend::ModelParameters parameters = frontend::parametersOf(*model);
    EXPECT_EQ(parameters.layers[2].ffnOut.weight.name,
              "encoder.block.2.layer.1.DenseReluDense.wo.weight");
    EXPECT_EQ(parameters.tokenEmbedding->name, "shared.weight");
  }
  EXPECT_THAT(readConfigText(t5(R"(, "architectures": ["T5EncoderModel"], "is_decoder": true)")),
              IsBadInput("key \"is_decoder\""));
  EXPECT_THAT(readConfigText(t5(R"(, "architectures": ["T5Model"], "is_encoder_decoder": false)")),
              IsBadInput("key \"is_encoder_decoder\""));
}

TEST(Seq2SeqConfig, BartThatClassifies) {
  const std::string kind = R"(, "architectures": ["BartForSequenceClassification"])";
  auto model = readConfigText(bartLike("bart", kind + R"(, "classifier_dropout": 0.25)"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->head().classes(), 3);
  EXPECT_EQ(model->pooler().token_id(), 2);
  EXPECT_EQ(model->dropout().classifier(), 0.25);
  EXPECT_EQ(model->dropout().pooled(), 0.25);
  EXPECT_FALSE(frontend::decoderReadsTokens(*model));
  EXPECT_EQ(frontend::sourceLength(*model, 7, 0), 7);
  EXPECT_EQ(frontend::parametersOf(*model).headTransform->weight.name,
            "classification_head.dense.weight");
  EXPECT_THAT(readConfigText(bartLike("bart", kind + R"(, "decoder_start_token_id": null)")),
              IsOk());
  auto wrong = [&](auto change) {
    ModelDef definition = *model;
    change(definition);
    return frontend::validateModel(definition, "m");
  };
  EXPECT_THAT(wrong([](ModelDef &m) { m.mutable_decoder_input()->clear_start_id(); }),
              IsBadInput("field \"decoder_input.start_id\": is missing"));
  EXPECT_THAT(wrong([](ModelDef &m) { m.clear_pooler(); }),
              IsBadInput("field \"pooler\": is missing"));
  EXPECT_THAT(wrong([](ModelDef &m) { m.mutable_pooler()->clear_token_id(); }),
              IsBadInput("field \"pooler.token_id\": is missing"));
  EXPECT_THAT(wrong([](ModelDef &m) {
                m.set_share_token_embedding(false);
                m.mutable_encoder()->set_vocab_size(7);
              }),
              IsBadInput("field \"encoder.vocab_size\": the decoder reads the source"));
  EXPECT_THAT(wrong([](ModelDef &m) { m.mutable_attention()->set_mean_if_blind(true); }),
              IsBadInput("field \"attention.mean_if_blind\""));
  EXPECT_THAT(wrong([](ModelDef &m) { m.mutable_head()->set_kind(frontend::proto::Head::NONE); }),
              IsBadInput("field \"head.kind\": of a decoder that reads the source"));
  EXPECT_THAT(wrong([](ModelDef &m) { m.mutable_decoder_input()->clear_from_source(); }),
              IsBadInput("field \"head.kind\": behind an encoder expected LANGUAGE_MODEL or NONE"));
}

TEST(Seq2SeqConfig, LeftoversOfPublishedFiles) {
  EXPECT_THAT(readConfigText(bartLike("bart", R"(, "_num_labels": 7, "normalize_before": false,
    "add_final_layer_norm": false, "classif_dropout": 0.0, "output_past": false)")),
              IsOk());
}

TEST(Seq2SeqConfig, Errors) {
  EXPECT_THAT(readConfigText(t5(R"(, "feed_forward_proj": "gated-mish")")),
              IsBadInput("key \"feed_forward_proj\": \"gated-mish\" is not supported"));
  EXPECT_THAT(readConfigText(t5(R"(, "relative_attention_num_buckets": 3)")),
              IsBadInput("key \"relative_attention_num_buckets\": expected a number from 4"));
  EXPECT_THAT(readConfigText(t5(R"(, "sliding_window": 3)")),
              IsBadInput("key \"sliding_window\": unknown"));
  EXPECT_THAT(readConfigText(t5(R"(, "is_encoder_decoder": false)")),
              IsBadInput("key \"is_encoder_decoder\""));
  EXPECT_THAT(readConfigText(bartLike("bart", R"(, "encoder_layerdrop": 0.1)")),
              IsBadInput("key \"encoder_layerdrop\": 0.1 is not supported"));
  EXPECT_THAT(readConfigText(bartLike("bart", R"(, "decoder_start_token_id": 60000)")),
              IsBadInput("key \"decoder_start_token_id\": expected one of the 60000 tokens"));
  EXPECT_THAT(readConfigText(bartLike("bart", R"(, "apply_spec_augment": false)")),
              IsBadInput("unknown"));
}

} // namespace
} // namespace heddle::test
