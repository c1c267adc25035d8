// SPDX-License-Identifier: Apache-2.0
// What MODEL may be, and what comes with it.
#include "frontend/Model.h"

#include <cmath>

#include "frontend/HuggingFace.h"

#include "runtime/io/SafetensorsWriter.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::loadModel;
using frontend::Model;
using frontend::ModelOverrides;

runtime::FileLayer &files() { return runtime::FileLayer::system(); }

constexpr char kSmallText[] =
    "name: 'small' max_positions: 16 width: 20 layers: 2 attention { heads: 5 } bias: false";
constexpr char kConfig[] = R"({"model_type": "gpt2", "vocab_size": 11, "n_positions": 16,
                               "n_embd": 20, "n_layer": 1, "n_head": 5})";

const frontend::ParameterSpec *find(const Model &model, const std::string &name) {
  for (const frontend::ParameterSpec &spec : model.parameters)
    if (spec.name == name)
      return &spec;
  return nullptr;
}

int64_t count(const Model &model) {
  int64_t total = 0;
  for (const frontend::ParameterSpec &spec : model.parameters)
    total += spec.elements();
  return total;
}

TEST(LoadModel, VocabularyMayComeFromTheTokenizer) {
  TempFolder folder;
  spill(folder / "m.textproto", kSmallText);
  auto model = loadModel(files(), folder / "m.textproto", {.dropout = 0.5});
  ASSERT_THAT(model, IsOk());
  EXPECT_TRUE(model->parameters.empty());
  EXPECT_TRUE(model->family.empty());
  EXPECT_TRUE(model->weightsPath.empty());
  EXPECT_EQ(model->definition.dropout().residual(), 0.5);
  ASSERT_THAT(frontend::bindVocabulary(*model, 65), IsOk());
  EXPECT_EQ(model->definition.vocab_size(), 65);
  ASSERT_NE(find(*model, "decoder.layers.1.ffn.out.weight"), nullptr);
  EXPECT_EQ(find(*model, "decoder.embeddings.token.weight")->shape, (std::vector<int64_t>{65, 20}));

  // The file that goes along says the vocabulary, and nothing of this run's dropout.
  ASSERT_NE(model->file("model.textproto"), nullptr);
  auto stored = parseModel(model->file("model.textproto")->content);
  EXPECT_EQ(stored.vocab_size(), 65);
  EXPECT_FALSE(stored.has_dropout());

  EXPECT_THAT(frontend::bindVocabulary(*model, 60), IsOk());
  EXPECT_THAT(frontend::bindVocabulary(*model, 66),
              IsBadInput("vocabulary of 65 is smaller than the tokenizer's, 66"));
}

TEST(LoadModel, Initializers) {
  TempFolder folder;
  spill(folder / "m.textproto", std::string(kSmallText) + " vocab_size: 9");
  auto model = loadModel(files(), folder / "m.textproto");
  ASSERT_THAT(model, IsOk());
  using Kind = frontend::Initializer::Kind;
  EXPECT_EQ(find(*model, "decoder.embeddings.token.weight")->initializer,
            (frontend::Initializer{Kind::normal, 0.02}));
  EXPECT_EQ(find(*model, "decoder.layers.0.attention.output.weight")->initializer,
            (frontend::Initializer{Kind::normal, 0.02 / 2}));
  EXPECT_EQ(find(*model, "decoder.final_norm.weight")->initializer.kind, Kind::ones);
  spill(folder / "m.textproto", std::string(kSmallText) +
                                    " vocab_size: 9 initializer { kind: XAVIER_UNIFORM "
                                    "scale_residual: false }");
  model = loadModel(files(), folder / "m.textproto");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(find(*model, "decoder.layers.0.ffn.in.weight")->initializer.kind, Kind::uniform);
  EXPECT_NEAR(find(*model, "decoder.layers.0.ffn.in.weight")->initializer.scale,
              std::sqrt(6.0 / 100), 1e-15);
  // 20 inputs, 80 outputs.
  for (auto [kind, expected, scale] :
       {std::tuple("XAVIER_NORMAL", Kind::normal, std::sqrt(2.0 / 100)),
        std::tuple("KAIMING_UNIFORM", Kind::uniform, std::sqrt(6.0 / 20)),
        std::tuple("KAIMING_NORMAL", Kind::normal, std::sqrt(2.0 / 20))}) {
    spill(folder / "m.textproto", std::string(kSmallText) + " vocab_size: 9 initializer { kind: " +
                                      kind + " scale_residual: false }");
    model = loadModel(files(), folder / "m.textproto");
    ASSERT_THAT(model, IsOk());
    const auto &found = find(*model, "decoder.layers.0.ffn.in.weight")->initializer;
    EXPECT_EQ(found.kind, expected) << kind;
    EXPECT_NEAR(found.scale, scale, 1e-15) << kind;
    EXPECT_EQ(find(*model, "decoder.embeddings.token.weight")->initializer.kind, Kind::normal);
  }
}

TEST(LoadModel, FolderWithoutWeightsTakesTheNamesThatTransformersWrites) {
  TempFolder folder;
  spill(folder / "config.json", kConfig);
  spill(folder / "tokenizer.json", "{}");
  auto model = loadModel(files(), folder.path() + "/");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->family, "gpt2");
  EXPECT_TRUE(model->shiftLabels);
  EXPECT_TRUE(model->weightsPath.empty());
  const auto *weight = find(*model, "transformer.h.0.attn.c_attn.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->shape, (std::vector<int64_t>{20, 60}));
  EXPECT_EQ(weight->aliases, std::vector<std::string>{"h.0.attn.c_attn.weight"});
  EXPECT_EQ(weight->layerPath, "decoder.layers.0.attention");
  EXPECT_EQ(find(*model, "transformer.wte.weight")->aliases,
            (std::vector<std::string>{"wte.weight", "lm_head.weight"}));
  EXPECT_THAT(model->ignoredTensors, testing::Contains("transformer.h.*.attn.bias"));
  EXPECT_THAT(model->ignoredTensors, testing::Contains("h.*.attn.bias"));
  ASSERT_NE(model->file("config.json"), nullptr);
  EXPECT_EQ(model->file("config.json")->content, kConfig);
  EXPECT_NE(model->file("tokenizer.json"), nullptr);
  EXPECT_EQ(model->file("merges.txt"), nullptr);
}

TEST(LoadModel, NamesAreTheCheckpointsOwn) {
  auto model = loadModel(files(), goldenFolder("gpt2-default"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->weightsPath, goldenFolder("gpt2-default"));
  EXPECT_NE(find(*model, "transformer.wte.weight"), nullptr);
  frontend::takePrefixOf({"wte.weight", "h.0.ln_1.weight"}, model->definition);
  EXPECT_EQ(model->definition.names().prefix(), "");
  EXPECT_EQ(frontend::parametersOf(model->definition).tokenEmbedding->name, "wte.weight");
  EXPECT_EQ(frontend::parametersOf(model->definition).tokenEmbedding->aliases[0],
            "transformer.wte.weight");
}

TEST(LoadModel, ExamplesAreValidAndCountAsTheirCommentsSay) {
  auto load = [&](const std::string &name) {
    auto model = loadModel(files(), sourceDir() + "/examples/" + name);
    EXPECT_THAT(model, IsOk());
    return model;
  };
  auto nano = load("nanogpt.textproto");
  ASSERT_THAT(frontend::bindVocabulary(*nano, 65), IsOk());
  EXPECT_EQ(count(*nano), 65 * 128 + 64 * 128 + 4 * (12 * 128 * 128 + 2 * 128) + 128);
  EXPECT_EQ(count(*load("gpt2-124m.textproto")), 124'439'808);
  EXPECT_EQ(count(*load("llama-1b.textproto")), 1'235'814'400);
  EXPECT_EQ(count(*load("bert-base.textproto")), 109'514'298);
  EXPECT_EQ(count(*load("transformer-base.textproto")), 63'082'496);
  EXPECT_EQ(count(*load("t5-base.textproto")), 222'903'552);
  EXPECT_EQ(count(*load("whisper-tiny.textproto")), 37'184'640);
}

TEST(LoadModel, HugeModelsAreCountedWithoutWeights) {
  TempFolder folder;
  spill(folder / "gpt3.textproto",
        "vocab_size: 50257 max_positions: 2048 width: 12288 layers: 96 attention { heads: 96 }");
  auto model = loadModel(files(), folder / "gpt3.textproto");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(count(*model), 174'604'259'328);
}

TEST(LoadModelErrors, Paths) {
  TempFolder folder;
  EXPECT_THAT(loadModel(files(), folder / "none"), IsBadInput("none: no such file or folder"));
  EXPECT_THAT(loadModel(files(), folder.path()), IsBadInput("config.json"));
  spill(folder / "m.onnx", "");
  EXPECT_THAT(loadModel(files(), folder / "m.onnx"), IsBadInput("not supported yet"));
  spill(folder / "m.txt", "");
  EXPECT_THAT(loadModel(files(), folder / "m.txt"), IsBadInput("m.txt: expected a model"));
  spill(folder / "config.json", "{");
  EXPECT_THAT(loadModel(files(), folder.path()), IsBadInput("config.json"));
  spill(folder / "m.textproto", kSmallText);
  EXPECT_THAT(loadModel(files(), folder / "m.textproto", {.dropout = 1.0}),
              IsBadInput("--dropout"));
  EXPECT_THAT(loadModel(files(), folder / "m.textproto", {.weightsPath = folder / "w"}),
              IsBadInput("w"));
}

TEST(LoadModelErrors, OnlyPickles) {
  TempFolder folder;
  spill(folder / "config.json", kConfig);
  spill(folder / "pytorch_model.bin", "x");
  EXPECT_THAT(loadModel(files(), folder.path()), IsBadInput("pickles are never read"));
}

TEST(Families, AFileAddsOneWithoutABuild) {
  TempFolder folder;
  spill(folder / "mine.textproto", R"(
    model_type: "mine" shift_labels: true
    definition { norm { kind: RMS_NORM } names { prefix: "net." other_prefixes: "" } }
    keys { key: "vocab" field: "vocab_size" required: true }
    keys { key: "dim" field: "width" required: true }
    keys { key: "depth" field: "layers" required: true }
    keys { key: "heads" field: "attention.heads" default_value: "2" }
    keys { key: "context" field: "max_positions" default_value: "32" }
    keys { key: "act" field: "ffn.activation" table: "activation" default_value: "relu" })");
  spill(folder / "config.json",
        R"({"model_type": "mine", "vocab": 7, "dim": 4, "depth": 1, "dtype": "float32"})");
  EXPECT_THAT(loadModel(files(), folder.path()), IsBadInput("\"mine\" is not supported"));
  auto model = loadModel(files(), folder.path(), {.familyFile = folder / "mine.textproto"});
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->family, "mine");
  EXPECT_NE(find(*model, "net.decoder.layers.0.ffn.in.weight"), nullptr);
}

TEST(Families, FilesAreChecked) {
  TempFolder folder;
  spill(folder / "config.json", kConfig);
  auto with = [&](const std::string &text) {
    spill(folder / "f.textproto", text);
    return loadModel(files(), folder.path(), {.familyFile = folder / "f.textproto"});
  };
  EXPECT_THAT(with("keys { key: 'a' }"), IsBadInput("field \"model_type\": is missing"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'widht' }"),
              IsBadInput("f.textproto: key \"k\": \"widht\" is no single field of a ModelDef"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'attention' }"),
              IsBadInput("is a message, not a field"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'width' table: 't' }"),
              IsBadInput("there is no table \"t\""));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'width' default_value: 'x' }"),
              IsBadInput("\"x\" is no value"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' when { key: 'z' equals: '1' } }"),
              IsBadInput("\"z\", which is no key"));
  EXPECT_THAT(with("model_type: 'a' includes: 'gpt2.textproto'"),
              IsBadInput("f.textproto: includes \"gpt2.textproto\", which is no part of families"));
  EXPECT_THAT(with("model_type: 'a' includes: ['rotary.part.textproto', 'rotary.part.textproto'] "),
              IsBadInput("includes \"rotary.part.textproto\" twice"));
  EXPECT_THAT(with("model_type: 'a' includes: 'rotary.part.textproto'"),
              IsBadInput("\"max_position_embeddings\", which is no key"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'width' list: true }"),
              IsBadInput("\"width\" is no repeated field of a ModelDef"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'names.other_heads' list: true }"),
              IsBadInput("is no list of true and false"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'attention.window_layers' list: true "
                   "values { from: 'x' to: '1' } }"),
              IsBadInput("\"1\" is no element of the field"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'attention.window_layers' list: true "
                   "length_key: 'n' }"),
              IsBadInput("its length reads \"n\", which is no key"));
  EXPECT_THAT(with("model_type: 'a' keys { key: 'k' field: 'width' null_value: 'x' }"),
              IsBadInput("\"x\" is no value"));
}

TEST(Families, LimitsOfAFile) {
  TempFolder folder;
  spill(folder / "config.json", kConfig);
  auto with = [&](int keys, int values, const std::string &key) {
    std::string text = "model_type: 'a' tables { name: 't' ";
    for (int i = 0; i < values; ++i)
      text += "values { from: '" + std::to_string(i) + "' } ";
    text += "} ";
    for (int i = 0; i < keys; ++i)
      text += "keys { key: 'k" + std::to_string(i) + "' " + key + " } ";
    spill(folder / "f.textproto", text);
    return loadModel(files(), folder.path(), {.familyFile = folder / "f.textproto"});
  };
  EXPECT_THAT(with(frontend::kMaxFamilyKeys, 0, ""), IsOk());
  EXPECT_THAT(with(frontend::kMaxFamilyKeys + 1, 0, ""),
              IsBadInput("f.textproto: 1001 keys, more than the limit of 1000"));
  // A table counts for every key that names it; all families have some values in common.
  EXPECT_THAT(with(9, 1000, "table: 't'"), IsOk());
  EXPECT_THAT(with(10, 1000, "table: 't'"), IsBadInput("more than the limit of 10000"));
}

} // namespace
} // namespace heddle::test
