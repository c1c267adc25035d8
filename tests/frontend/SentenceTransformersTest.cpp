// SPDX-License-Identifier: Apache-2.0
// Folders of sentence-transformers: what they make of a model, and what is wrong with others.
#include <algorithm>
#include <filesystem>

#include "frontend/Builder.h"
#include "frontend/SentenceTransformers.h"
#include "frontend/Validate.h"
#include "runtime/io/Textproto.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::proto::Head;

constexpr char kTransformer[] =
    R"({"type": "sentence_transformers.models.Transformer", "path": ""})";
constexpr char kPooling[] =
    R"({"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"})";
constexpr char kNormalize[] =
    R"({"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"})";
constexpr char kMean[] = R"({"word_embedding_dimension": 20, "pooling_mode_mean_tokens": true})";

StatusOr<frontend::Model> open(const std::string &modules, const std::string &pooling = kMean,
                               const std::string &architecture = "BertModel") {
  TempFolder folder;
  std::filesystem::create_directories(folder / "1_Pooling");
  spill(folder / "config.json",
        R"({"model_type": "bert", "vocab_size": 31, "max_position_embeddings": 16,
            "hidden_size": 20, "num_hidden_layers": 1, "num_attention_heads": 5,
            "intermediate_size": 24, "architectures": [")" +
            architecture + R"("]})");
  spill(folder / "modules.json", "[" + modules + "]");
  spill(folder / "1_Pooling/config.json", pooling);
  return frontend::loadModel(runtime::FileLayer::system(), folder.path());
}

std::string list(std::initializer_list<const char *> modules) {
  std::string text;
  for (const char *module : modules)
    text += (text.empty() ? "" : ", ") + std::string(module);
  return text;
}

TEST(SentenceTransformers, PoolingAndNormalisation) {
  const struct {
    const char *pooling;
    Head::Pooling expected;
  } rows[] = {
      {kMean, Head::MEAN},
      {R"({"word_embedding_dimension": 20, "pooling_mode_cls_token": true,
           "pooling_mode_mean_tokens": false})",
       Head::FIRST},
      {R"({"pooling_mode_max_tokens": true, "include_prompt": true})", Head::MAX},
      {R"({"pooling_mode_mean_sqrt_len_tokens": true})", Head::MEAN_SQRT},
      {R"({"embedding_dimension": 20, "pooling_mode": "cls"})", Head::FIRST},
      {R"({"pooling_mode": "mean_sqrt_len_tokens"})", Head::MEAN_SQRT},
  };
  for (const auto &row : rows)
    for (bool normalized : {false, true}) {
      auto model = open(normalized ? list({kTransformer, kPooling, kNormalize})
                                   : list({kTransformer, kPooling}),
                        row.pooling);
      ASSERT_THAT(model, IsOk()) << row.pooling;
      EXPECT_EQ(model->definition.head().kind(), Head::EMBEDDING);
      EXPECT_EQ(model->definition.head().pooling(), row.expected) << row.pooling;
      EXPECT_EQ(model->definition.head().normalize(), normalized);
      EXPECT_TRUE(model->file("modules.json") && model->file("1_Pooling/config.json"));
    }
}

TEST(SentenceTransformers, TakeThePlaceOfAHead) {
  auto model = open(list({kTransformer, kPooling}), kMean, "BertForMaskedLM");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->definition.head().kind(), Head::EMBEDDING);
  const std::vector<std::string> &ignored = model->ignoredTensors;
  EXPECT_TRUE(std::count(ignored.begin(), ignored.end(), "cls.predictions.transform.dense.weight"));
  for (const frontend::ParameterSpec &spec : model->parameters)
    EXPECT_FALSE(spec.name.starts_with("cls.")) << spec.name;
}

TEST(SentenceTransformers, WhatIsNotSupportedIsNamed) {
  const std::pair<std::string, std::string> modules[] = {
      {list({kTransformer}), "modules.json: has no Pooling module"},
      {list({kPooling, kTransformer}), "is not supported as module 0"},
      {list({kTransformer, kPooling,
             R"({"type": "sentence_transformers.models.Dense", "path": "2_Dense"})"}),
       "key \"[2].type\": \"sentence_transformers.models.Dense\" is not supported as module 2"},
      {list({kTransformer, R"({"type": "x.Pooling", "path": "../up"})"}),
       "key \"[1].path\": \"../up\" is no folder beside it"},
      {list({R"({"type": "x.Transformer", "path": "0_Transformer"})", kPooling}),
       "the transformer lies in a folder of its own"},
      {list({R"({"path": ""})"}), "key \"[0]\": key \"type\" is missing"},
  };
  for (const auto &[text, message] : modules)
    EXPECT_THAT(open(text), IsBadInput(message)) << text;
  const std::pair<const char *, const char *> poolings[] = {
      {R"({"word_embedding_dimension": 21, "pooling_mode_mean_tokens": true})",
       "1_Pooling/config.json: key \"word_embedding_dimension\": 21, but the transformer's vectors "
       "have 20"},
      {R"({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true})",
       "several ways to pool are not supported"},
      {R"({"pooling_mode_mean_tokens": true, "pooling_mode": "max"})", // in either order
       "pooling mean and max: several ways to pool are not supported"},
      {R"({"pooling_mode": "max", "pooling_mode_mean_tokens": true})",
       "pooling max and mean: several ways to pool are not supported"},
      {R"({"pooling_mode_mean_tokens": false})", "no pooling_mode is on"},
      {R"({"pooling_mode_lasttoken": true})", "pooling lasttoken is not supported"},
      {R"({"pooling_mode": "median"})", "key \"pooling_mode\": \"median\" is not supported"},
      {R"({"pooling_mode_mean_tokens": true, "include_prompt": false})",
       "key \"include_prompt\": false is not supported"},
      {R"({"pooling_mode_mean_tokens": true, "window": 3})", "key \"window\": is not known"},
  };
  for (const auto &[text, message] : poolings)
    EXPECT_THAT(open(list({kTransformer, kPooling}), text), IsBadInput(message)) << text;
}

TEST(SentenceTransformers, FieldsOfAnEmbeddingsHead) {
  auto wrong = [](const std::string &fields) {
    frontend::proto::ModelDef model;
    EXPECT_THAT(runtime::parseTextproto("vocab_size: 11 width: 4 layers: 1 max_positions: 8 "
                                        "attention { heads: 2 causal: false } " +
                                            fields,
                                        "m", model),
                IsOk());
    return frontend::validateModel(model, "m");
  };
  EXPECT_THAT(wrong("head { kind: EMBEDDING pooling: MAX normalize: true }"), IsOk());
  EXPECT_THAT(wrong("head { kind: EMBEDDING } loss { temperature: 0 }"),
              IsBadInput("field \"loss.temperature\": expected a number above 0, found 0"));
  EXPECT_THAT(wrong("loss { temperature: 1 }"), IsBadInput("needs a head of kind EMBEDDING"));
  EXPECT_THAT(wrong("head { normalize: true }"), IsBadInput("field \"head.normalize\""));
  EXPECT_THAT(wrong("head { kind: EMBEDDING bias: true }"),
              IsBadInput("EMBEDDING goes without transform, soft_cap and bias"));
}

TEST(SentenceTransformers, PairsTakeAnEvenBatch) {
  auto model = open(list({kTransformer, kPooling}));
  ASSERT_THAT(model, IsOk());
  mlir::MLIRContext context;
  EXPECT_THAT(frontend::buildModule(context, model->definition,
                                    {.batch = 3, .seq = 4, .entries = {"train_loss"}}),
              IsBadInput("entry train_loss compares the two halves of the batch; expected an even "
                         "number of texts, found 3"));
  EXPECT_THAT(frontend::buildModule(context, model->definition,
                                    {.batch = 3, .seq = 4, .entries = {"forward", "encode"}}),
              IsOk());
}

} // namespace
} // namespace heddle::test
