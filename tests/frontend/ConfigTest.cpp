// SPDX-License-Identifier: Apache-2.0
// config.json of gpt2 and llama as transformers 4 and 5 and older tools write it, and what is wrong
// with others, in the user's words.
#include "frontend/Dimensions.h"
#include "runtime/base/NamePattern.h"
#include "tests/frontend/ConfigText.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

/// A small folder's config with more members at its end.
std::string gpt2(const std::string &more = "") {
  return R"({"model_type": "gpt2", "vocab_size": 11, "n_positions": 16, "n_embd": 20, "n_layer": 2,
             "n_head": 5)" +
         more + "}";
}
std::string llama(const std::string &more = "") {
  return R"({"model_type": "llama", "vocab_size": 11, "max_position_embeddings": 64,
             "hidden_size": 20, "intermediate_size": 24, "num_hidden_layers": 2,
             "num_attention_heads": 5)" +
         more + "}";
}

TEST(Config, Gpt2Defaults) {
  auto model = readConfigText(gpt2());
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->ffn().activation(), frontend::proto::Ffn::GELU_TANH);
  EXPECT_EQ(frontend::Dimensions(*model).hidden, 80);
  EXPECT_EQ(model->dropout().attention(), 0.1);
  EXPECT_EQ(model->dropout().embedding(), 0.1);
  EXPECT_EQ(model->dropout().residual(), 0.1);
  EXPECT_EQ(model->norm().epsilon(), 1e-5);
  EXPECT_TRUE(model->head().tied());
  EXPECT_FALSE(model->attention().has_scale());
  EXPECT_TRUE(frontend::hasLearnedPositions(*model));
}

TEST(Config, Gpt2AsOpenAiPublishedIt) {
  auto model = readConfigText(gpt2(R"(, "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 50256,
    "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05, "n_ctx": 1024, "n_special": 0, "predict_special_tokens": true,
    "resid_pdrop": 0, "summary_activation": null, "summary_first_dropout": 0.1,
    "summary_proj_to_labels": true, "summary_type": "cls_index", "summary_use_proj": true,
    "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}})"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->dropout().residual(), 0);
}

TEST(Config, AllKeysOfTransformers4) {
  EXPECT_THAT(readConfigText(gpt2(R"(, "_name_or_path": "", "add_cross_attention": false,
    "bad_words_ids": null, "begin_suppress_tokens": null, "chunk_size_feed_forward": 0,
    "cross_attention_hidden_size": null, "decoder_start_token_id": null, "diversity_penalty": 0.0,
    "do_sample": false, "early_stopping": false, "encoder_no_repeat_ngram_size": 0,
    "exponential_decay_length_penalty": null, "finetuning_task": null, "forced_bos_token_id": null,
    "forced_eos_token_id": null, "id2label": {"0": "LABEL_0"}, "is_decoder": false,
    "is_encoder_decoder": false, "label2id": {"LABEL_0": 0}, "length_penalty": 1.0,
    "max_length": 20, "min_length": 0, "n_inner": null, "no_repeat_ngram_size": 0,
    "num_beam_groups": 1, "num_beams": 1, "num_return_sequences": 1, "output_attentions": false,
    "output_hidden_states": false, "output_scores": false, "pad_token_id": null, "prefix": null,
    "problem_type": null, "pruned_heads": {}, "remove_invalid_values": false,
    "reorder_and_upcast_attn": false, "repetition_penalty": 1.0, "return_dict": true,
    "return_dict_in_generate": false, "scale_attn_by_inverse_layer_idx": false,
    "scale_attn_weights": true, "sep_token_id": null, "suppress_tokens": null, "temperature": 1.0,
    "tf_legacy_loss": false, "tie_encoder_decoder": false, "tie_word_embeddings": true,
    "tokenizer_class": null, "top_k": 50, "top_p": 1.0, "torch_dtype": "float32",
    "torchscript": false, "transformers_version": "4.57.0", "typical_p": 1.0,
    "use_bfloat16": false, "use_cache": true)")),
              IsOk());
}

TEST(Config, Gpt2Variants) {
  auto model = readConfigText(gpt2(R"(, "n_inner": 33, "activation_function": "relu",
    "scale_attn_weights": false, "scale_attn_by_inverse_layer_idx": true,
    "tie_word_embeddings": false)"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->ffn().hidden(), 33);
  EXPECT_EQ(model->ffn().activation(), frontend::proto::Ffn::RELU);
  EXPECT_EQ(model->attention().scale(), 1);
  EXPECT_TRUE(model->attention().scale_by_inverse_layer());
  EXPECT_FALSE(model->head().tied());
}

TEST(Config, KeysHaveTheAliasesOfTransformers) {
  EXPECT_THAT(
      readConfigText(R"({"model_type": "gpt2", "vocab_size": 11, "max_position_embeddings": 16,
    "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 5})"),
      IsOk());
  EXPECT_THAT(readConfigText(gpt2(R"(, "hidden_size": 20)")), IsOk());
  EXPECT_THAT(readConfigText(gpt2(R"(, "hidden_size": 21)")),
              IsBadInput("config.json: key \"hidden_size\": found 21, but key \"n_embd\" says 20"));
}

TEST(Config, LlamaOldAndNewRotaryKeys) {
  auto old = readConfigText(llama(R"(, "rope_theta": 500000.0, "rope_scaling": {"factor": 8.0,
    "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
    "rope_type": "llama3"})"));
  auto current =
      readConfigText(llama(R"(, "rope_parameters": {"rope_theta": 500000.0, "factor": 8.0,
    "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
    "rope_type": "llama3"})"));
  ASSERT_THAT(old, IsOk());
  ASSERT_THAT(current, IsOk());
  EXPECT_EQ(old->SerializeAsString(), current->SerializeAsString());
  EXPECT_EQ(old->positions().rotary().theta(), 500000);
  EXPECT_EQ(old->positions().rotary().llama3().factor(), 8);
  auto plain = readConfigText(llama(R"(, "rope_scaling": null, "rope_theta": 10000.0)"));
  ASSERT_THAT(plain, IsOk());
  EXPECT_FALSE(plain->positions().rotary().has_llama3());
  auto linear = readConfigText(llama(R"(, "rope_scaling": {"type": "linear", "factor": 2})"));
  ASSERT_THAT(linear, IsOk());
  EXPECT_EQ(linear->positions().rotary().linear().factor(), 2);
  EXPECT_THAT(readConfigText(llama(R"(, "rope_scaling": {"type": "dynamic", "factor": 2})")),
              IsOk());
  auto unsaid = readConfigText(llama(R"(, "rope_scaling": {"type": "llama3", "factor": 2,
    "low_freq_factor": 1, "high_freq_factor": 4})"));
  ASSERT_THAT(unsaid, IsOk());
  EXPECT_EQ(unsaid->positions().rotary().llama3().original_max_positions(), 64);
}

TEST(Config, LlamaDefaultsAndVariants) {
  auto model = readConfigText(llama());
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->ffn().activation(), frontend::proto::Ffn::SILU);
  EXPECT_FALSE(model->head().tied());
  EXPECT_FALSE(frontend::qkvHasBias(*model));
  EXPECT_EQ(model->norm().epsilon(), 1e-6);
  EXPECT_EQ(frontend::Dimensions(*model).kvHeads, 5);
  EXPECT_EQ(frontend::Dimensions(*model).headDim, 4);
  auto biased = readConfigText(llama(R"(, "attention_bias": true, "mlp_bias": true, "head_dim": 24,
    "num_key_value_heads": 1, "pretraining_tp": 2, "hidden_act": "gelu_pytorch_tanh",
    "tie_word_embeddings": true, "dtype": "bfloat16", "attention_dropout": 0.25)"));
  ASSERT_THAT(biased, IsOk());
  EXPECT_TRUE(frontend::qkvHasBias(*biased));
  EXPECT_TRUE(frontend::attentionOutputHasBias(*biased));
  EXPECT_TRUE(frontend::ffnHasBias(*biased));
  EXPECT_EQ(frontend::Dimensions(*biased).headDim, 24);
  EXPECT_EQ(frontend::largestDropout(*biased), 0.25);
}

TEST(ConfigErrors, ModelType) {
  EXPECT_THAT(
      readConfigText(R"({"model_type": "mamba"})"),
      IsBadInput("config.json: key \"model_type\": \"mamba\" is not supported; supported: "));
  EXPECT_THAT(readConfigText("{}"), IsBadInput("model_type"));
  EXPECT_THAT(readConfigText("[]"), IsBadInput("config.json"));
  EXPECT_THAT(readConfigText(gpt2(R"(, "architectures": ["GPT2ForSequenceClassification"])")),
              IsBadInput("key \"architectures\": \"GPT2ForSequenceClassification\" is not "
                         "supported; supported: GPT2LMHeadModel, GPT2Model"));
}

TEST(ConfigErrors, MissingKey) {
  EXPECT_THAT(readConfigText(R"({"model_type": "gpt2", "vocab_size": 11})"),
              IsBadInput("config.json: key \"n_positions\" is missing"));
  EXPECT_THAT(readConfigText(gpt2(R"(, "n_embd_": 3)")), IsBadInput("key \"n_embd_\": unknown"));
  EXPECT_THAT(readConfigText(llama(R"(, "rope_scaling": {"type": "linear"})")),
              IsBadInput("key \"rope_scaling.factor\" is missing"));
}

TEST(ConfigErrors, UnknownKey) {
  EXPECT_THAT(
      readConfigText(gpt2(R"(, "alibi": true)")),
      IsBadInput("config.json: key \"alibi\": unknown to the family gpt2, so its value true "
                 "may change what the model computes"));
  EXPECT_THAT(readConfigText(gpt2(R"(, "alibi": null)")), IsOk()); // says nothing
  EXPECT_THAT(readConfigText(llama(R"(, "rope_scaling": {"type": "default", "beta_fast": 32})")),
              IsBadInput("key \"rope_scaling.beta_fast\": unknown"));
  EXPECT_THAT(readConfigText(gpt2(R"(, "quantization_config": {"bits": 4})")),
              IsBadInput("key \"quantization_config\""));
}

TEST(ConfigErrors, UnsupportedValue) {
  EXPECT_THAT(readConfigText(gpt2(R"(, "activation_function": "laplace")")),
              IsBadInput("config.json: key \"activation_function\": \"laplace\" is not supported; "
                         "supported: relu, gelu, "));
  EXPECT_THAT(readConfigText(llama(R"(, "rope_scaling": {"rope_type": "yarn", "factor": 2})")),
              IsBadInput("key \"rope_scaling.rope_type\": \"yarn\" is not supported; supported: "
                         "default, linear, llama3, dynamic"));
  EXPECT_THAT(readConfigText(gpt2(R"(, "add_cross_attention": true)")),
              IsBadInput("key \"add_cross_attention\": true is not supported; supported: false"));
  EXPECT_THAT(
      readConfigText(llama(R"(, "rope_scaling": {"rope_type": "default", "factor": 2})")),
      IsBadInput("key \"rope_scaling.factor\": has no meaning where \"rope_scaling.rope_type\""
                 " is \"default\""));
  EXPECT_THAT(readConfigText(llama(R"(, "rope_parameters": {"rope_type": "default",
    "partial_rotary_factor": 0.5})")),
              IsBadInput("key \"rope_parameters.partial_rotary_factor\": 0.5 is not supported"));
}

TEST(ConfigErrors, WrongType) {
  EXPECT_THAT(readConfigText(gpt2(R"(, "layer_norm_epsilon": "small")")),
              IsBadInput("key \"layer_norm_epsilon\": expected a number, found \"small\""));
  EXPECT_THAT(readConfigText(gpt2(R"(, "n_inner": 3.5)")),
              IsBadInput("key \"n_inner\": expected an integer"));
  EXPECT_THAT(readConfigText(gpt2(R"(, "tie_word_embeddings": 1)")),
              IsBadInput("key \"tie_word_embeddings\""));
  EXPECT_THAT(readConfigText(llama(R"(, "rope_scaling": "llama3")")),
              IsBadInput("key \"rope_scaling\""));
}

/// What a head would read is of its kind where the model has another head.
TEST(ConfigErrors, WrongTypeOfWhatIsNotRead) {
  const std::string sizes = R"("vocab_size": 31, "max_position_embeddings": 16, )";
  const std::string bert = sizes + R"("hidden_size": 20, "num_hidden_layers": 1,
      "num_attention_heads": 5, "intermediate_size": 24)";
  const std::string distil = sizes + R"("dim": 20, "n_layers": 1, "n_heads": 5, "hidden_dim": 24)";
  const std::string xlnet = R"("vocab_size": 31, "d_model": 20, "n_layer": 1, "n_head": 5,
      "d_inner": 24)";
  const std::pair<std::string, std::string> rows[] = {
      {R"("bert", )" + bert, "classifier_dropout"},
      {R"("roberta", )" + bert, "classifier_dropout"},
      {R"("electra", )" + bert, "classifier_dropout"},
      {R"("deberta-v2", )" + bert, "pooler_dropout"},
      {R"("deberta-v2", )" + bert, "cls_dropout"},
      {R"("distilbert", )" + distil, "seq_classif_dropout"},
      {R"("distilbert", )" + distil, "qa_dropout"},
      {R"("xlnet", )" + xlnet, "summary_last_dropout"},
      {R"("vit", "image_size": 8, "patch_size": 4)", "pooler_output_size"}};
  for (const auto &[config, key] : rows) {
    const std::string text = R"({"model_type": )" + config + R"(, ")" + key + R"(": )";
    EXPECT_THAT(readConfigText(text + "3}"), IsOk()) << config;
    EXPECT_THAT(readConfigText(text + "null}"), IsOk()) << config;
    EXPECT_THAT(readConfigText(text + R"("x"})"), IsBadInput("key \"" + key + "\": expected"))
        << config;
  }
}

TEST(ConfigErrors, InconsistentSizesNameTheKey) {
  EXPECT_THAT(
      readConfigText(R"({"model_type": "gpt2", "vocab_size": 11, "n_positions": 16, "n_embd": 21,
                       "n_layer": 2, "n_head": 5})"),
      IsBadInput("config.json: key \"n_head\": 5 heads do not divide the width, 21"));
  EXPECT_THAT(readConfigText(llama(R"(, "num_key_value_heads": 2)")),
              IsBadInput("config.json: key \"num_key_value_heads\": 2 do not divide the 5"));
  EXPECT_THAT(readConfigText(llama(R"(, "head_dim": 7)")),
              IsBadInput("config.json: key \"head_dim\""));
  EXPECT_THAT(readConfigText(gpt2(R"(, "attn_pdrop": 1.5)")),
              IsBadInput("key \"attn_pdrop\": expected a number from 0 to less than 1, found 1.5"));
}

TEST(Patterns, StarStandsForAnyText) {
  EXPECT_TRUE(matchesPattern("h.*.attn.bias", "h.11.attn.bias"));
  EXPECT_FALSE(matchesPattern("h.*.attn.bias", "h.11.attn.bias2"));
  EXPECT_TRUE(matchesPattern("*", ""));
  EXPECT_TRUE(matchesPattern("a*b*c", "abbc"));
  EXPECT_FALSE(matchesPattern("a*b*c", "acb"));
}

} // namespace
} // namespace heddle::test
