// SPDX-License-Identifier: Apache-2.0
// config.json of more decoders as published over the years, and what is wrong with others.
#include "frontend/Dimensions.h"
#include "tests/frontend/ConfigText.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::Dimensions;
using frontend::windowOf;
using frontend::proto::ModelDef;

/// A small model of the type with more members at its end.
std::string small(const std::string &type, const std::string &more = "") {
  std::string sizes = R"(, "vocab_size": 11, "hidden_size": 32, "intermediate_size": 24,
    "num_hidden_layers": 4, "num_attention_heads": 4, "max_position_embeddings": 64)";
  if (type == "opt")
    sizes = R"(, "vocab_size": 11, "hidden_size": 32, "ffn_dim": 24, "num_hidden_layers": 4,
      "num_attention_heads": 4, "max_position_embeddings": 64)";
  if (type == "bloom" || type == "falcon")
    sizes = R"(, "vocab_size": 11, "hidden_size": 32, "num_hidden_layers": 4,
      "num_attention_heads": 4)";
  return R"({"model_type": ")" + type + "\"" + sizes + more + "}";
}

int64_t countWeights(const ModelDef &model) {
  int64_t count = 0;
  for (const frontend::ParameterSpec &spec : frontend::parametersOf(model).all())
    count += spec.elements();
  return count;
}

TEST(DecoderConfig, Mistral) {
  auto absent = readConfigText(small("mistral", R"(, "num_key_value_heads": 2)"));
  ASSERT_THAT(absent, IsOk());
  EXPECT_EQ(absent->attention().window(), 4096);
  auto null =
      readConfigText(small("mistral", R"(, "num_key_value_heads": null, "sliding_window": null)"));
  ASSERT_THAT(null, IsOk());
  EXPECT_EQ(null->attention().window(), 0);
  EXPECT_FALSE(null->attention().has_kv_heads());
}

TEST(DecoderConfig, Qwen2WindowFromALayerOnOrByLayer) {
  auto off = readConfigText(small("qwen2", R"(, "num_key_value_heads": 2, "sliding_window": 7,
    "max_window_layers": 2, "use_sliding_window": false, "rope_theta": 1000000.0)"));
  ASSERT_THAT(off, IsOk());
  EXPECT_EQ(windowOf(*off, 3), 0);
  EXPECT_TRUE(frontend::qkvHasBias(*off));
  EXPECT_FALSE(frontend::attentionOutputHasBias(*off));
  auto older = readConfigText(small("qwen2", R"(, "num_key_value_heads": 2, "sliding_window": 7,
    "max_window_layers": 2, "use_sliding_window": true)"));
  ASSERT_THAT(older, IsOk());
  EXPECT_EQ(windowOf(*older, 1), 0);
  EXPECT_EQ(windowOf(*older, 2), 7);
  // The list overrules the number, as in transformers.
  auto newer = readConfigText(small("qwen2", R"(, "num_key_value_heads": 2, "sliding_window": 7,
    "max_window_layers": 2, "use_sliding_window": true, "layer_types": ["sliding_attention",
    "full_attention", "full_attention", "sliding_attention"])"));
  ASSERT_THAT(newer, IsOk());
  EXPECT_EQ(windowOf(*newer, 0), 7);
  EXPECT_EQ(windowOf(*newer, 2), 0);
  EXPECT_EQ(windowOf(*newer, 3), 7);
}

TEST(DecoderConfig, LayerTypesThatDoNotFit) {
  const std::string heads = R"(, "num_key_value_heads": 2)";
  EXPECT_THAT(readConfigText(small("qwen3", heads + R"(, "layer_types": ["full_attention"])")),
              IsBadInput("key \"layer_types\": expected 4 elements, as \"num_hidden_layers\" says, "
                         "found 1"));
  EXPECT_THAT(readConfigText(
                  small("qwen3", heads + R"(, "layer_types": ["full_attention", "x", "y", "z"])")),
              IsBadInput("key \"layer_types[1]\": \"x\" is not supported; supported: "
                         "full_attention, sliding_attention"));
  EXPECT_THAT(readConfigText(small("qwen2", heads + R"(, "layer_types": ["full_attention",
                "sliding_attention", "full_attention", "full_attention"])")),
              IsBadInput("key \"layer_types\": layer 1 has a window, but its size is not given"));
}

TEST(DecoderConfig, Qwen3) {
  auto model =
      readConfigText(small("qwen3", R"(, "num_key_value_heads": 2, "attention_bias": true)"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(Dimensions(*model).headDim, 128);
  EXPECT_TRUE(model->attention().qk_norm());
  EXPECT_TRUE(frontend::attentionOutputHasBias(*model));
}

TEST(DecoderConfig, GptNeoxInBothSpellings) {
  for (const char *keys : {R"(, "rotary_pct": 0.5, "rotary_emb_base": 500)",
                           R"(, "rope_parameters": {"rope_type": "default", "rope_theta": 500.0,
             "partial_rotary_factor": 0.5})"}) {
    auto model = readConfigText(small("gpt_neox", keys));
    ASSERT_THAT(model, IsOk());
    EXPECT_EQ(model->positions().rotary().theta(), 500);
    EXPECT_EQ(model->positions().rotary().fraction(), 0.5);
    EXPECT_EQ(model->residual(), ModelDef::PARALLEL);
  }
  auto sequential = readConfigText(small("gpt_neox", R"(, "use_parallel_residual": false,
    "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0)"));
  ASSERT_THAT(sequential, IsOk());
  EXPECT_EQ(sequential->residual(), ModelDef::SEQUENTIAL);
  EXPECT_EQ(sequential->positions().rotary().fraction(), 0.25);
}

TEST(DecoderConfig, Phi) {
  auto model = readConfigText(small("phi", R"(, "partial_rotary_factor": 0.25, "rope_scaling": null,
    "rope_theta": 10000.0, "num_key_value_heads": null, "qk_layernorm": false)"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->positions().rotary().fraction(), 0.25);
  EXPECT_EQ(model->residual(), ModelDef::PARALLEL_SHARED_NORM);
  EXPECT_TRUE(model->head().bias());
}

TEST(DecoderConfig, Opt) {
  auto model =
      readConfigText(small("opt", R"(, "activation_dropout": 0.0, "word_embed_proj_dim": 16,
    "do_layer_norm_before": false, "prefix": "</s>", "layerdrop": 0.0)"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->norm().placement(), frontend::proto::Norm::POST);
  EXPECT_EQ(Dimensions(*model).embeddingWidth, 16);
  EXPECT_EQ(model->padding_id(), 1);
  EXPECT_FALSE(frontend::hasFinalNorm(*model));
  EXPECT_TRUE(frontend::hasFinalNorm(*readConfigText(small("opt"))));
  EXPECT_FALSE(frontend::hasFinalNorm(
      *readConfigText(small("opt", R"(, "_remove_final_layer_norm": true)"))));
  EXPECT_FALSE(readConfigText(small("opt", R"(, "pad_token_id": null)"))->has_padding_id());
  EXPECT_THAT(readConfigText(small("opt", R"(, "layerdrop": 0.1)")),
              IsBadInput("key \"layerdrop\": 0.1 is not supported"));
  EXPECT_THAT(readConfigText(small("opt", R"(, "layer_norm_elementwise_affine": false)")),
              IsBadInput("key \"layer_norm_elementwise_affine\": false is not supported"));
  EXPECT_THAT(readConfigText(small("opt", R"(, "pad_token_id": 11)")),
              IsBadInput("key \"pad_token_id\": expected one of the 11 tokens, found 11"));
}

TEST(DecoderConfig, BloomAsPublished) {
  auto model = readConfigText(
      R"({"apply_residual_connection_post_layernorm": false, "attention_dropout": 0.0,
    "attention_softmax_in_fp32": true, "bias_dropout_fusion": true, "bos_token_id": 1,
    "eos_token_id": 2, "pad_token_id": 3, "unk_token_id": 0, "hidden_dropout": 0.0,
    "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "masked_softmax_fusion": true,
    "model_type": "bloom", "n_embed": 1024, "n_inner": null, "n_layer": 24,
    "num_attention_heads": 16, "offset_alibi": 100, "pretraining_tp": 1, "seq_length": 2048,
    "skip_bias_add": true, "skip_bias_add_qkv": false, "transformers_version": "4.20.0",
    "use_cache": true, "vocab_size": 250880, "architectures": ["BloomModel"],
    "slow_but_exact": false})");
  ASSERT_THAT(model, IsOk());
  EXPECT_TRUE(model->positions().has_alibi());
  EXPECT_TRUE(model->embedding_norm());
  EXPECT_EQ(model->width(), 1024);
  EXPECT_EQ(countWeights(*model), 559'214'592);
}

TEST(DecoderConfig, PublishedSizes) {
  auto falcon =
      readConfigText(R"({"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32,
    "num_attention_heads": 71, "vocab_size": 65024, "multi_query": true, "parallel_attn": true,
    "new_decoder_architecture": false, "alibi": false, "bias": false})");
  ASSERT_THAT(falcon, IsOk());
  EXPECT_EQ(countWeights(*falcon), 6'921'720'704);
  auto gemma =
      readConfigText(R"({"model_type": "gemma2", "hidden_size": 2304, "intermediate_size": 9216,
    "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
    "max_position_embeddings": 8192, "vocab_size": 256000})");
  ASSERT_THAT(gemma, IsOk());
  EXPECT_EQ(countWeights(*gemma), 2'614'341'888);
  auto opt = readConfigText(R"({"model_type": "opt", "hidden_size": 1024, "ffn_dim": 4096,
    "num_hidden_layers": 24, "num_attention_heads": 16, "max_position_embeddings": 2048,
    "word_embed_proj_dim": 512, "do_layer_norm_before": false, "vocab_size": 50272})");
  ASSERT_THAT(opt, IsOk());
  EXPECT_EQ(countWeights(*opt), 331'196'416);
}

TEST(DecoderConfig, FalconOfEachArchitecture) {
  auto seven =
      readConfigText(small("falcon", R"(, "alibi": false, "bias": false, "multi_query": true,
    "apply_residual_connection_post_layernorm": false, "auto_map": {"AutoConfig": "x.y"},
    "new_decoder_architecture": false, "parallel_attn": true)"));
  ASSERT_THAT(seven, IsOk());
  EXPECT_EQ(Dimensions(*seven).kvHeads, 1);
  EXPECT_EQ(seven->residual(), ModelDef::PARALLEL_SHARED_NORM);
  EXPECT_TRUE(seven->positions().has_rotary());
  EXPECT_FALSE(frontend::ffnHasBias(*seven));
  EXPECT_TRUE(frontend::normsHaveBias(*seven));

  auto forty =
      readConfigText(small("falcon", R"(, "new_decoder_architecture": true, "num_kv_heads": 2,
    "multi_query": true, "num_ln_in_parallel_attn": null)"));
  ASSERT_THAT(forty, IsOk());
  EXPECT_EQ(Dimensions(*forty).kvHeads, 2);
  EXPECT_EQ(forty->residual(), ModelDef::PARALLEL);
  EXPECT_EQ(forty->names().attention_norm(), "h.{layer}.ln_attn");

  auto eleven =
      readConfigText(small("falcon", R"(, "new_decoder_architecture": true, "num_kv_heads": 2,
    "num_ln_in_parallel_attn": 1)"));
  ASSERT_THAT(eleven, IsOk());
  EXPECT_EQ(eleven->residual(), ModelDef::PARALLEL_SHARED_NORM);
  EXPECT_EQ(eleven->names().attention_norm(), "h.{layer}.input_layernorm");

  auto one = readConfigText(small("falcon", R"(, "alibi": true, "bias": true, "multi_query": false,
    "parallel_attn": false, "num_kv_heads": 4,
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"})"));
  ASSERT_THAT(one, IsOk());
  EXPECT_TRUE(one->positions().alibi().scaled());
  EXPECT_EQ(Dimensions(*one).kvHeads, 4);
  EXPECT_EQ(one->residual(), ModelDef::SEQUENTIAL);
}

TEST(DecoderConfig, FalconThatTransformersCannotRunEither) {
  EXPECT_THAT(
      readConfigText(small("falcon", R"(, "new_decoder_architecture": true, "num_kv_heads": 2,
                "parallel_attn": false)")),
      IsBadInput("key \"parallel_attn\": false is not supported; supported: true"));
  EXPECT_THAT(readConfigText(small("falcon", R"(, "num_ln_in_parallel_attn": 2)")),
              IsBadInput("key \"num_ln_in_parallel_attn\": 2 is not supported"));
}

TEST(DecoderConfig, Gemma2) {
  auto older = readConfigText(small("gemma2", R"(, "num_key_value_heads": 2, "head_dim": 16,
    "hidden_act": "gelu_pytorch_tanh", "cache_implementation": "hybrid",
    "sliding_window_size": 4096)"));
  ASSERT_THAT(older, IsOk());
  EXPECT_EQ(windowOf(*older, 0), 4096);
  EXPECT_EQ(windowOf(*older, 1), 0);
  EXPECT_EQ(windowOf(*older, 2), 4096);
  EXPECT_EQ(older->head().soft_cap(), 30);
  EXPECT_EQ(older->attention().soft_cap(), 50);
  EXPECT_EQ(frontend::scoreScale(*older, 0), 1.0 / 16);
  EXPECT_EQ(older->padding_id(), 0);
  auto plain = readConfigText(small("gemma2", R"(, "attn_logit_softcapping": null,
    "final_logit_softcapping": null, "query_pre_attn_scalar": 64,
    "layer_types": ["full_attention", "full_attention", "sliding_attention", "full_attention"])"));
  ASSERT_THAT(plain, IsOk());
  EXPECT_EQ(plain->head().soft_cap(), 0);
  EXPECT_EQ(plain->attention().soft_cap(), 0);
  EXPECT_EQ(windowOf(*plain, 0), 0);
  EXPECT_EQ(windowOf(*plain, 2), 4096);
  EXPECT_THAT(readConfigText(small("gemma2", R"(, "use_bidirectional_attention": true)")),
              IsBadInput("key \"use_bidirectional_attention\": true is not supported"));
}

TEST(DecoderConfig, UnknownValuesNameTheirKeys) {
  for (const char *type : {"mistral", "qwen2", "qwen3", "gpt_neox", "phi", "falcon", "gemma2"}) {
    EXPECT_THAT(readConfigText(small(type, R"(, "num_key_value_heads": 2,
                  "rope_scaling": {"type": "yarn", "factor": 4.0})")),
                std::string(type) == "gpt_neox" || std::string(type) == "falcon"
                    ? IsBadInput("key \"num_key_value_heads\": unknown to the family")
                    : IsBadInput("key \"rope_scaling.type\": \"yarn\" is not supported; supported: "
                                 "default, linear, llama3, dynamic"))
        << type;
    EXPECT_THAT(readConfigText(small(type, R"(, "new_thing": 1)")),
                IsBadInput("key \"new_thing\": unknown to the family"))
        << type;
  }
  EXPECT_THAT(
      readConfigText(small("gpt_neox", R"(, "rope_scaling": {"type": "yarn", "factor": 4.0})")),
      IsBadInput("key \"rope_scaling.type\": \"yarn\" is not supported"));
  EXPECT_THAT(readConfigText(small("phi", R"(, "hidden_act": "mish")")),
              IsBadInput("key \"hidden_act\": \"mish\" is not supported"));
  EXPECT_THAT(readConfigText(small("opt", R"(, "activation_function": "mish")")),
              IsBadInput("key \"activation_function\": \"mish\" is not supported"));
  EXPECT_THAT(readConfigText(small("falcon", R"(, "activation": "mish")")),
              IsBadInput("key \"activation\": \"mish\" is not supported"));
}

} // namespace
} // namespace heddle::test
