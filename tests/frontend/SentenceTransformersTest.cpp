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

constexpr char kDense[] = R"({"type": "sentence_transformers.models.Dense", "path": "2_Dense"})";
constexpr char kTanh[] = R"({"in_features": 20, "out_features": 12, "bias": false,
    "activation_function": "torch.nn.modules.activation.Tanh"})";

StatusOr<frontend::Model> open(const std::string &modules, const std::string &pooling = kMean,
                               const std::string &architecture = "BertModel",
                               const std::string &dense = kTanh) {
  TempFolder folder;
  std::filesystem::create_directories(folder / "1_Pooling");
  spill(folder / "config.json",
        R"({"model_type": "bert", "vocab_size": 31, "max_position_embeddings": 16,
            "hidden_size": 20, "num_hidden_layers": 1, "num_attention_heads": 5,
            "intermediate_size": 24, "architectures": [")" +
            architecture + R"("]})");
  spill(folder / "modules.json", "[" + modules + "]");
  spill(folder / "1_Pooling/config.json", pooling);
  for (const char *name : {"2_Dense", "3_Dense"}) {
    std::filesystem::create_directories(folder / name);
    spill(folder / (std::string(name) + "/config.json"), dense);
  }
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
             R"({"type": "sentence_transformers.models.LayerNorm", "path": "2_LayerNorm"})"}),
       "key \"[2].type\": \"sentence_transformers.models.LayerNorm\" is not supported as module 2"},
      {list({kTransformer, kDense, kPooling}), "is not supported as module 1"},
      {list({kTransformer, kPooling, kNormalize, kDense}), "is not supported as module 3"},
      {list({kTransformer, kPooling, kNormalize, kNormalize}), "is not supported as module 3"},
      {list({kTransformer, kPooling, R"({"type": "x.Dense", "path": ""})"}),
       "key \"[2].path\": \"\" is no folder beside it"},
      {list({kTransformer, kPooling, R"({"type": "x.Dense", "path": "1_Pooling"})"}),
       "key \"[2].path\": \"1_Pooling\" is the folder of another module"},
      {list({kTransformer, kPooling, kDense,
             R"({"type": "sentence_transformers.models.Dense", "path": "3_Dense"})"}),
       "3_Dense/config.json: key \"in_features\": 20, but the vector before it has 12"},
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

TEST(SentenceTransformers, DenseModules) {
  auto model = open(list({kTransformer, kPooling, kDense, kNormalize}));
  ASSERT_THAT(model, IsOk());
  const Head &head = model->definition.head();
  ASSERT_EQ(head.dense_size(), 1);
  EXPECT_EQ(head.dense(0).width(), 12);
  EXPECT_FALSE(head.dense(0).bias());
  EXPECT_EQ(head.dense(0).activation(), frontend::proto::Ffn::TANH);
  EXPECT_TRUE(head.normalize());
  EXPECT_EQ(model->weightFolders, std::vector<std::string>{"2_Dense"});
  EXPECT_TRUE(model->file("2_Dense/config.json"));
  auto weight = std::find_if(model->parameters.begin(), model->parameters.end(),
                             [](const auto &spec) { return spec.name == "2_Dense/linear.weight"; });
  ASSERT_NE(weight, model->parameters.end());
  EXPECT_EQ(weight->shape, (std::vector<int64_t>{12, 20}));

  using Ffn = frontend::proto::Ffn;
  const std::pair<const char *, Ffn::Activation> activations[] = {
      {R"(, "activation_function": "torch.nn.modules.linear.Identity")", Ffn::IDENTITY},
      {R"(, "activation_function": "torch.nn.modules.activation.ReLU")", Ffn::RELU},
      {R"(, "activation_function": "torch.nn.modules.activation.GELU")", Ffn::GELU},
      {R"(, "activation_function": "torch.nn.modules.activation.SiLU")", Ffn::SILU},
      {"", Ffn::TANH}, // what the package takes, as a bias
      {R"(, "module_input_name": "sentence_embedding", "module_output_name": null)", Ffn::TANH},
  };
  for (const auto &[more, activation] : activations) {
    auto other = open(list({kTransformer, kPooling, kDense}), kMean, "BertModel",
                      R"({"in_features": 20, "out_features": 24)" + std::string(more) + "}");
    ASSERT_THAT(other, IsOk()) << more;
    EXPECT_EQ(other->definition.head().dense(0).activation(), activation) << more;
    EXPECT_TRUE(other->definition.head().dense(0).bias());
  }
}

TEST(SentenceTransformers, WrongDenseModulesAreNamed) {
  const std::pair<const char *, const char *> rows[] = {
      {R"({"out_features": 12})", "2_Dense/config.json: key \"in_features\" is missing"},
      {R"({"in_features": 20})", "2_Dense/config.json: key \"out_features\" is missing"},
      {R"({"in_features": 21, "out_features": 12})",
       "key \"in_features\": 21, but the vector before it has 20"},
      {R"({"in_features": 20, "out_features": 0})", "key \"out_features\""},
      {R"({"in_features": 20, "out_features": 2147483648})", "key \"out_features\""},
      {R"({"in_features": 20, "out_features": "12"})", "key \"out_features\""},
      {R"({"in_features": 20, "out_features": 12, "bias": 1})", "key \"bias\""},
      {R"({"in_features": 20, "out_features": 12,
           "activation_function": "torch.nn.modules.activation.Sigmoid"})",
       "key \"activation_function\": \"torch.nn.modules.activation.Sigmoid\" is not supported; "
       "supported: torch.nn.modules.activation.Tanh, "},
      {R"({"in_features": 20, "out_features": 12, "module_input_name": "token_embeddings"})",
       "key \"module_input_name\": \"token_embeddings\" is not supported"},
      {R"({"in_features": 20, "out_features": 12, "dropout": 0.1})",
       "2_Dense/config.json: key \"dropout\": is not known"},
  };
  for (const auto &[dense, message] : rows)
    EXPECT_THAT(open(list({kTransformer, kPooling, kDense}), kMean, "BertModel", dense),
                IsBadInput(message))
        << dense;
}

TEST(SentenceTransformers, DenseLayersAtTheirLimit) {
  auto model = [](int layers) {
    frontend::proto::ModelDef definition;
    EXPECT_THAT(runtime::parseTextproto("vocab_size: 11 width: 4 layers: 1 max_positions: 8 "
                                        "attention { heads: 2 causal: false } "
                                        "head { kind: EMBEDDING }",
                                        "m", definition),
                IsOk());
    for (int i = 0; i < layers; ++i)
      definition.mutable_head()->add_dense()->set_width(3);
    return definition;
  };
  EXPECT_THAT(frontend::validateModel(model(64), "m"), IsOk());
  EXPECT_THAT(frontend::validateModel(model(65), "m"),
              IsBadInput("field \"head.dense\": expected at most 64 layers, found 65"));
  frontend::proto::ModelDef wide = model(2);
  wide.mutable_head()->mutable_dense(0)->set_width(frontend::kMaxDimension);
  EXPECT_THAT(frontend::validateModel(wide, "m"), IsOk());
  EXPECT_THAT(frontend::validateShape(wide, 131072, 1), IsOk());
  EXPECT_THAT(frontend::validateShape(wide, 131073, 1),
              IsBadInput("batch 131073: a tensor of 131073 x 2147483647 is more than"));
  wide.mutable_head()->mutable_dense(1)->set_width(frontend::kMaxDimension);
  EXPECT_THAT(frontend::validateModel(wide, "m"), IsBadInput("the model has more than"));
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
  EXPECT_THAT(wrong("head { kind: EMBEDDING dense { width: 3 } dense { width: 5 bias: false } }"),
              IsOk());
  EXPECT_THAT(wrong("head { dense { width: 3 } }"), IsBadInput("field \"head.dense\""));
  EXPECT_THAT(wrong("head { kind: EMBEDDING dense {} }"),
              IsBadInput("field \"head.dense.width\": is missing"));
  EXPECT_THAT(wrong("head { kind: EMBEDDING dense { width: 0 } }"),
              IsBadInput("field \"head.dense.width\""));
  EXPECT_THAT(wrong("head { kind: EMBEDDING dense { width: 3 name: \"\" } }"),
              IsBadInput("field \"head.dense.name\""));
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
