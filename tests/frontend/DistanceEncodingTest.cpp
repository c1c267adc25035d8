// SPDX-License-Identifier: Apache-2.0
// Scores that depend on distances through sines: parameters, what config.json says of them, and
// what does not go together.
#include <algorithm>

#include "frontend/Frozen.h"
#include "frontend/Validate.h"
#include "tests/frontend/ConfigText.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::ParameterSpec;
using frontend::proto::ModelDef;

StatusOr<ModelDef>
readDistances(const std::string &more,
              const std::string &architecture = "XLNetForSequenceClassification") {
  const std::string json =
      R"({"model_type": "xlnet", "vocab_size": 31, "d_model": 20, "n_layer": 2, "n_head": 5,
          "d_inner": 24, "architectures": [")" +
      architecture + "\"]" + more + "}";
  return readConfigText(json);
}

TEST(DistanceEncoding, ParametersAreByHead) {
  auto model = readDistances("");
  ASSERT_THAT(model, IsOk());
  const std::pair<const char *, std::vector<int64_t>> expected[] = {
      {"transformer.mask_emb", {1, 1, 20}},
      {"transformer.layer.1.rel_attn.q", {20, 5, 4}},
      {"transformer.layer.1.rel_attn.o", {20, 5, 4}},
      {"transformer.layer.1.rel_attn.r", {20, 5, 4}},
      {"transformer.layer.1.rel_attn.r_w_bias", {5, 4}},
      {"transformer.layer.1.rel_attn.seg_embed", {2, 5, 4}},
      {"transformer.layer.1.ff.layer_1.weight", {24, 20}},
      {"sequence_summary.summary.weight", {20, 20}},
      {"logits_proj.bias", {2}}};
  const std::vector<ParameterSpec> all = frontend::parametersOf(*model).all();
  for (const auto &[name, shape] : expected) {
    auto found = std::find_if(all.begin(), all.end(),
                              [&](const ParameterSpec &spec) { return spec.name == name; });
    ASSERT_NE(found, all.end()) << name;
    EXPECT_EQ(found->shape, shape) << name;
    EXPECT_EQ(frontend::isFrozen(*model, *found), found->name == "transformer.mask_emb") << name;
  }
  for (const ParameterSpec &spec : all)
    EXPECT_EQ(spec.name.find("token_type"), std::string::npos) << spec.name;
}

TEST(DistanceEncoding, WhatConfigSays) {
  auto first = readDistances(R"(, "summary_type": "first", "summary_activation": "", "clamp_len": 3,
                       "dropout": 0.2, "summary_last_dropout": 0.3)");
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->head().summary(), frontend::proto::Head::FIRST_TOKEN);
  EXPECT_EQ(first->head().transform().activation(), frontend::proto::Ffn::IDENTITY);
  EXPECT_EQ(first->attention().distance_encoding().max_distance(), 3);
  EXPECT_EQ(first->dropout().hidden(), 0.2);
  EXPECT_EQ(first->dropout().classifier(), 0.3);
  auto last = readDistances("");
  ASSERT_THAT(last, IsOk());
  EXPECT_EQ(last->head().summary(), frontend::proto::Head::LAST_TOKEN);
  const std::pair<const char *, const char *> wrong[] = {
      {R"(, "attn_type": "uni")", "key \"attn_type\": \"uni\" is not supported; supported: bi"},
      {R"(, "bi_data": true)", "key \"bi_data\": true is not supported; supported: false"},
      {R"(, "summary_use_proj": false)", "key \"summary_use_proj\": false is not supported"},
      {R"(, "summary_type": "mean")", "key \"summary_type\": \"mean\" is not supported"},
      {R"(, "summary_activation": "sine")", "key \"summary_activation\": \"sine\" is not"}};
  for (const auto &[more, message] : wrong)
    EXPECT_THAT(readDistances(more), IsBadInput(message)) << more;
}

TEST(DistanceEncoding, Mistakes) {
  const std::string good = "vocab_size: 31 width: 20 layers: 2 positions { none {} } "
                           "token_types { compared: true } attention { heads: 5 causal: false "
                           "fused_qkv: false distance_encoding { token_types: true } }";
  auto check = [&](const std::string &more) {
    ModelDef model = parseModel(good);
    model.MergeFrom(parseModel(more));
    return frontend::validateModel(model, "m.textproto");
  };
  EXPECT_THAT(check(""), IsOk());
  EXPECT_THAT(check("attention { see_self: true projections_by_head: true }"), IsOk());
  const std::pair<const char *, const char *> rows[] = {
      {"attention { causal: true }",
       "\"attention.distance_encoding\": needs attention.causal: false"},
      {"attention { causal: true see_self: true }",
       "\"attention.see_self\": needs attention.causal: false"},
      {"attention { kv_heads: 1 }", "\"attention.distance_encoding\": needs a key head for each"},
      {"attention { fused_qkv: true projections_by_head: true }",
       "\"attention.projections_by_head\": needs"},
      {"attention { disentangled { terms: CONTENT_TO_POSITION max_distance: 4 } }",
       "\"attention.distance_encoding\": does not go with attention.disentangled"},
      {"width: 15", "\"width\": attention.distance_encoding needs an even one, found 15"},
      {"token_types { compared: false }", "\"token_types.compared\": goes with"},
      {"dropout { hidden: 1 }", "\"dropout.hidden\""},
      {"dropout { output: -1 }", "\"dropout.output\""}};
  for (const auto &[more, message] : rows)
    EXPECT_THAT(check(more), IsBadInput(std::string("field ") + message)) << more;
}

} // namespace
} // namespace heddle::test
