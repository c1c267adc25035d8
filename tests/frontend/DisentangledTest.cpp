// SPDX-License-Identifier: Apache-2.0
// Disentangled attention: which row of the table a distance has, what config.json says of it, and
// what does not go together.
#include <algorithm>

#include "frontend/Dimensions.h"
#include "frontend/Validate.h"
#include "tests/frontend/ConfigText.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::proto::DisentangledAttention;
using frontend::proto::ModelDef;

ModelDef withDistances(const std::string &fields) {
  return parseModel("vocab_size: 31 width: 20 layers: 2 max_positions: 19 attention { heads: 5 "
                    "causal: false fused_qkv: false disentangled { " +
                    fields + " } }");
}

TEST(DistanceRows, BucketsAreThoseOfTheTrainedModels) {
  // What transformers computes for distances 0 to largest - 1: the sum of their buckets, and that
  // of each times its distance.
  const struct {
    int64_t buckets, largest, sum, weighted;
  } rows[] = {{256, 512, 87'297, 27'457'213},
              {7, 11, 39, 250},
              {32, 128, 3'074, 226'327},
              {2, 9, 8, 36},
              {6, 40, 179, 3'835},
              {50, 2'048, 89'976, 97'983'965}};
  for (const auto &row : rows) {
    ModelDef model = withDistances(absl::StrCat("terms: CONTENT_TO_POSITION buckets: ", row.buckets,
                                                " max_distance: ", row.largest));
    ASSERT_EQ(frontend::distanceRows(model), 2 * row.buckets);
    int64_t sum = 0, weighted = 0;
    for (int64_t distance = 0; distance < row.largest; ++distance) {
      const int64_t bucket = frontend::distanceRow(model, distance) - row.buckets;
      EXPECT_EQ(frontend::distanceRow(model, -distance), row.buckets - bucket) << distance;
      sum += bucket;
      weighted += distance * bucket;
    }
    EXPECT_EQ(sum, row.sum) << row.buckets;
    EXPECT_EQ(weighted, row.weighted) << row.buckets;
    EXPECT_EQ(frontend::distanceRow(model, 100 * row.largest), 2 * row.buckets - 1);
  }
}

TEST(DistanceRows, WithoutBucketsFarDistancesCountAsTheLargest) {
  ModelDef model = withDistances("terms: POSITION_TO_CONTENT max_distance: 5");
  EXPECT_EQ(frontend::distanceRows(model), 10);
  EXPECT_EQ(frontend::distanceRow(model, 0), 5);
  EXPECT_EQ(frontend::distanceRow(model, 4), 9);
  EXPECT_EQ(frontend::distanceRow(model, 5), 9);
  EXPECT_EQ(frontend::distanceRow(model, -5), 0);
  EXPECT_EQ(frontend::distanceRow(model, -18), 0);
  EXPECT_EQ(frontend::distanceRows(withDistances("terms: POSITION_TO_CONTENT max_distance: -1")),
            38);
}

TEST(DisentangledDefinition, Mistakes) {
  auto check = [](ModelDef model, const std::string &more) {
    model.MergeFrom(parseModel(more));
    return frontend::validateModel(model, "m.textproto");
  };
  const ModelDef good = withDistances("terms: CONTENT_TO_POSITION buckets: 4");
  EXPECT_THAT(check(good, ""), IsOk());
  const std::pair<const char *, const char *> rows[] = {
      {"attention { causal: true }", "\"attention.disentangled\": needs attention.causal: false"},
      {"attention { kv_heads: 1 }", "\"attention.disentangled\": needs a key head for each"},
      {"attention { fused_qkv: true disentangled { shared_projections: true } }",
       "\"attention.disentangled.shared_projections\": needs attention.fused_qkv: false"},
      {"attention { scale: 2 }", "\"attention.scale\": attention.disentangled says the scale"},
      {"attention { scale_dim: 2 }", "\"attention.scale_dim\""},
      {"attention { disentangled { buckets: 1 } }", "\"attention.disentangled.buckets\""},
      {"attention { disentangled { buckets: 6 max_distance: 4 } }",
       "\"attention.disentangled.buckets\": 6 buckets leave none for distances from 3 to 3"},
      {"attention { disentangled { max_distance: 16777217 } }",
       "\"attention.disentangled.max_distance\""},
      {"layers: 8193", "\"layers\": attention.disentangled allows at most 8192"},
      {"dropout { distance: 1 }", "\"dropout.distance\""},
      {"project_before_norm: true", "\"project_before_norm\": needs embedding_norm"},
      {"attention { mean_if_blind: true }", "\"attention.mean_if_blind\": needs attention.causal "
                                            "or attention.mask_queries"},
      {"names { distance_key: \"d\" }", "\"names.distance_key\": \"d\" has no {layer}"}};
  for (const auto &[text, message] : rows)
    EXPECT_THAT(check(good, text), IsBadInput(std::string("field ") + message)) << text;
  EXPECT_THAT(check(good, "attention { mean_if_blind: true mask_queries: true } layers: 8192"),
              IsOk());
  EXPECT_THAT(check(good, "attention { disentangled { buckets: 6 max_distance: 5 } }"), IsOk());
}

StatusOr<ModelDef> readDisentangled(const std::string &more,
                                    const std::string &architecture = "DebertaV2ForMaskedLM") {
  const std::string json =
      R"({"model_type": "deberta-v2", "vocab_size": 31, "hidden_size": 20, "num_hidden_layers": 2,
          "num_attention_heads": 5, "intermediate_size": 24, "architectures": [")" +
      architecture + "\"]" + more + "}";
  return readConfigText(json);
}

std::vector<std::string> namesOf(const ModelDef &model) {
  std::vector<std::string> names;
  for (const frontend::ParameterSpec &spec : frontend::parametersOf(model).all())
    names.push_back(spec.name);
  return names;
}
bool has(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr char kRelative[] = R"(, "relative_attention": true, "pos_att_type": )";

TEST(DisentangledConfig, TermsAsListOrText) {
  for (const char *terms : {R"(["p2c", "c2p"])", R"("p2c|c2p")", R"("c2p | p2c")"}) {
    auto model = readDisentangled(kRelative + std::string(terms));
    ASSERT_THAT(model, IsOk()) << terms;
    EXPECT_TRUE(frontend::hasTerm(*model, DisentangledAttention::CONTENT_TO_POSITION)) << terms;
    EXPECT_TRUE(frontend::hasTerm(*model, DisentangledAttention::POSITION_TO_CONTENT)) << terms;
    EXPECT_EQ(frontend::scoreScale(*model, 0), 1 / static_cast<double>(std::sqrt(12.0F)));
  }
  EXPECT_THAT(readDisentangled(kRelative + std::string(R"("p2c|p2p")")),
              IsBadInput("key \"pos_att_type\": \"p2p\" is not supported; supported: c2p, p2c"));
  EXPECT_THAT(readDisentangled(kRelative + std::string(R"(["c2p", "p2p"])")),
              IsBadInput("key \"pos_att_type[1]\": \"p2p\" is not supported; supported: c2p, p2c"));
  EXPECT_THAT(readDisentangled(kRelative + std::string("[1]")),
              IsBadInput("key \"pos_att_type[0]\": 1 is not "));
  EXPECT_THAT(readDisentangled(kRelative + std::string("null")),
              IsBadInput("key \"pos_att_type\" is missing"));
  EXPECT_THAT(readDisentangled(R"(, "pos_att_type": ["c2p"])"),
              IsBadInput("key \"pos_att_type\": has no meaning where \"relative_attention\" is"));
}

TEST(DisentangledConfig, WhatTheTableReads) {
  auto shared = readDisentangled(kRelative + std::string(R"("c2p", "share_att_key": true,
      "norm_rel_ebd": "layer_norm", "position_buckets": 4, "position_biased_input": false)"));
  ASSERT_THAT(shared, IsOk());
  std::vector<std::string> names = namesOf(*shared);
  EXPECT_TRUE(has(names, "deberta.encoder.rel_embeddings.weight"));
  EXPECT_TRUE(has(names, "deberta.encoder.LayerNorm.weight"));
  EXPECT_FALSE(has(names, "deberta.encoder.layer.0.attention.self.pos_key_proj.weight"));
  EXPECT_FALSE(has(names, "deberta.embeddings.position_embeddings.weight"));
  EXPECT_FALSE(has(names, "deberta.embeddings.token_type_embeddings.weight"));
  EXPECT_EQ(frontend::distanceRows(*shared), 8);
  auto own = readDisentangled(kRelative + std::string(R"("c2p", "type_vocab_size": 2)"));
  ASSERT_THAT(own, IsOk());
  names = namesOf(*own);
  EXPECT_TRUE(has(names, "deberta.encoder.layer.1.attention.self.pos_key_proj.bias"));
  EXPECT_FALSE(has(names, "deberta.encoder.layer.1.attention.self.pos_query_proj.weight"));
  EXPECT_TRUE(has(names, "deberta.embeddings.token_type_embeddings.weight"));
  EXPECT_TRUE(has(names, "deberta.embeddings.position_embeddings.weight"));
  EXPECT_EQ(frontend::distanceRows(*own), 1024); // max_position_embeddings by default
}

TEST(DisentangledConfig, HeadsOldAndNew) {
  auto old = readDisentangled("");
  ASSERT_THAT(old, IsOk());
  EXPECT_TRUE(has(namesOf(*old), "cls.predictions.transform.dense.weight"));
  EXPECT_TRUE(has(namesOf(*old), "cls.predictions.bias"));
  auto untied = readDisentangled(R"(, "tie_word_embeddings": false)");
  ASSERT_THAT(untied, IsOk());
  EXPECT_TRUE(has(namesOf(*untied), "cls.predictions.decoder.weight"));
  // The newer one multiplies by the embeddings whatever the key says.
  auto recent = readDisentangled(R"(, "legacy": false, "tie_word_embeddings": false)");
  ASSERT_THAT(recent, IsOk());
  EXPECT_TRUE(recent->head().tied());
  EXPECT_TRUE(has(namesOf(*recent), "lm_predictions.lm_head.dense.weight"));
  EXPECT_TRUE(has(namesOf(*recent), "lm_predictions.lm_head.bias"));
  auto classes = readDisentangled(R"(, "num_labels": 4, "cls_dropout": 0.3, "pooler_dropout": 0.2)",
                                  "DebertaV2ForSequenceClassification");
  ASSERT_THAT(classes, IsOk());
  EXPECT_TRUE(has(namesOf(*classes), "pooler.dense.weight"));
  EXPECT_EQ(classes->dropout().classifier(), 0.3);
  EXPECT_EQ(classes->dropout().pooled(), 0.2);
}

TEST(DisentangledConfig, OtherMathematics) {
  EXPECT_THAT(readDisentangled(R"(, "conv_kernel_size": 3, "conv_act": "gelu")"),
              IsBadInput("key \"conv_kernel_size\": 3 is not supported; supported: 0"));
  EXPECT_THAT(readDisentangled(R"(, "norm_rel_ebd": "batch_norm")"),
              IsBadInput("key \"norm_rel_ebd\""));
  EXPECT_THAT(readDisentangled(kRelative + std::string(R"("c2p", "position_buckets": 1)")),
              IsBadInput("key \"position_buckets\": expected a number from 2"));
  EXPECT_THAT(readDisentangled("", "DebertaV2ForMultipleChoice"),
              IsBadInput("DebertaV2ForMultipleChoice"));
}

} // namespace
} // namespace heddle::test
