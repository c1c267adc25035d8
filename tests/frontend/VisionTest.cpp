// SPDX-License-Identifier: Apache-2.0
// Models that read images: what config.json and definitions may say, what is wrong with others in
// the user's words, and what the builder makes of patches and conditions.
#include <algorithm>

#include "frontend/Dimensions.h"
#include "frontend/HuggingFace.h"
#include "frontend/PatchGrid.h"
#include "frontend/Stacks.h"
#include "frontend/Validate.h"
#include "tests/frontend/ConfigText.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::Families;
using frontend::proto::Head;

StatusOr<frontend::proto::ModelDef> read(const std::string &architecture,
                                         const std::string &more = "") {
  const std::string json = R"({"model_type": "vit", "hidden_size": 20, "num_hidden_layers": 2,
                               "num_attention_heads": 5, "intermediate_size": 24,
                               "architectures": [")" +
                           architecture + "\"]" + more + "}";
  return readConfigText(json);
}

const frontend::ParameterSpec *parameter(const std::vector<frontend::ParameterSpec> &all,
                                         const std::string &name) {
  auto found = std::find_if(all.begin(), all.end(),
                            [&](const frontend::ParameterSpec &spec) { return spec.name == name; });
  return found == all.end() ? nullptr : &*found;
}

TEST(VitFamily, DefaultsAreThoseOfViTBase) {
  auto model = read("ViTModel");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->patches().height(), 224);
  EXPECT_EQ(model->patches().patch_width(), 16);
  EXPECT_EQ(frontend::fixedSequence(*model), 197);
  EXPECT_EQ(model->norm().epsilon(), 1e-12);
  EXPECT_EQ(model->dropout().residual(), 0);
  EXPECT_TRUE(model->has_pooler());
  EXPECT_EQ(frontend::pooledWidth(*model), 20);
}

TEST(VitFamily, SizesAreNumbersOrPairs) {
  auto model = read("ViTForImageClassification",
                    R"(, "image_size": [12, 20], "patch_size": [4, 5], "num_channels": 1)");
  ASSERT_THAT(model, IsOk());
  const std::vector<frontend::ParameterSpec> all = frontend::parametersOf(*model).all();
  const frontend::ParameterSpec *weight =
      parameter(all, "vit.embeddings.patch_embeddings.projection.weight");
  const frontend::ParameterSpec *table = parameter(all, "vit.embeddings.position_embeddings");
  ASSERT_TRUE(weight && table);
  EXPECT_EQ(weight->shape, (std::vector<int64_t>{20, 1, 4, 5}));
  EXPECT_EQ(table->shape, (std::vector<int64_t>{1, 13, 20}));
  EXPECT_THAT(read("ViTModel", R"(, "image_size": [12, 20, 3])"),
              IsBadInput("key \"image_size\": expected 2 elements, found 3"));
  EXPECT_THAT(read("ViTModel", R"(, "image_size": [12, "20"])"),
              IsBadInput("key \"image_size[1]\""));
}

TEST(VitFamily, Mistakes) {
  EXPECT_THAT(read("ViTModel", R"(, "patch_size": 225)"),
              IsBadInput("key \"patch_size\": 225 is more than the image's 224"));
  EXPECT_THAT(read("ViTModel", R"(, "num_channels": 0)"), IsBadInput("key \"num_channels\""));
  EXPECT_THAT(read("ViTModel", R"(, "vocab_size": 31)"),
              IsBadInput("key \"vocab_size\": unknown to the family vit"));
  EXPECT_THAT(read("ViTModel", R"(, "pooler_act": "sine")"), IsBadInput("key \"pooler_act\""));
  EXPECT_THAT(read("ViTForMaskedImageModeling"), IsBadInput("is not supported; supported: ViTM"));
}

TEST(VitFamily, APoolerIsThereWhereItsWeightsAre) {
  auto model = read("ViTModel");
  ASSERT_THAT(model, IsOk());
  frontend::proto::ModelDef with = *model, without = *model;
  const std::vector<std::pair<std::string, std::string>> parts = {
      {"pooler.dense.weight", "pooler"}};
  frontend::dropAbsentParts({"vit.pooler.dense.weight", "x"}, parts, with);
  frontend::dropAbsentParts({"layernorm.weight"}, parts, without);
  EXPECT_TRUE(with.has_pooler());
  EXPECT_FALSE(without.has_pooler());
}

StatusOr<frontend::proto::ModelDef> readClip(const std::string &text = "",
                                             const std::string &vision = "",
                                             const std::string &more = "") {
  return readConfigText(R"({"model_type": "clip", "architectures": ["CLIPModel"],
                      "text_config": {"vocab_size": 67, "hidden_size": 20)" +
                        text +
                        R"(, "num_attention_heads": 5}, "vision_config": {"hidden_size": 24)" +
                        vision + R"(, "num_attention_heads": 3})" + more + "}");
}

TEST(ClipFamily, TwoTowers) {
  auto model = readClip();
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->layers(), 12);
  EXPECT_EQ(model->ffn().activation(), frontend::proto::Ffn::QUICK_GELU);
  EXPECT_EQ(model->pooler().token(), frontend::proto::Pooler::FIRST_OF_ID);
  EXPECT_EQ(model->pooler().token_id(), 49'407);
  const frontend::proto::ModelDef image = frontend::imageOf(*model);
  EXPECT_EQ(frontend::fixedSequence(image), 50);
  EXPECT_FALSE(image.attention().causal());
  const std::vector<frontend::ParameterSpec> all = frontend::parametersOf(*model).all();
  for (const char *name : {"logit_scale", "text_projection.weight", "visual_projection.weight",
                           "text_model.final_layer_norm.bias", "vision_model.pre_layrnorm.weight",
                           "vision_model.embeddings.class_embedding"})
    EXPECT_TRUE(parameter(all, name)) << name;
  EXPECT_FALSE(parameter(all, "vision_model.final_layer_norm.bias"));
  EXPECT_EQ(parameter(all, "logit_scale")->initializer.scale, 2.6592);
}

TEST(ClipFamily, TextsEndAtTheirHighestIdWhereTheEndIsSaidToBeTwo) {
  auto model = readClip(R"(, "eos_token_id": 2)");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->pooler().token(), frontend::proto::Pooler::HIGHEST_ID);
}

TEST(ClipFamily, OldFoldersSayMore) {
  const std::string old = R"(, "add_cross_attention": false, "bad_words_ids": null, "dropout": 0.0,
      "chunk_size_feed_forward": 0, "finetuning_task": null, "is_encoder_decoder": false,
      "id2label": {"0": "LABEL_0"}, "torch_dtype": null, "model_type": "clip_model", "top_k": 50)";
  EXPECT_THAT(readClip(old, old, R"(, "text_config_dict": null, "initializer_factor": 1.0)"),
              IsOk());
  EXPECT_THAT(readClip("", "", R"(, "vision_config_dict": {"hidden_size": 24, "dropout": 0.0})"),
              IsOk());
  EXPECT_THAT(readClip("", "", R"(, "vision_config_dict": {"hidden_size": 25})"),
              IsBadInput("key \"vision_config_dict.hidden_size\": found 25, but key "
                         "\"vision_config.hidden_size\" says 24"));
}

TEST(ClipFamily, Mistakes) {
  EXPECT_THAT(readClip(R"(, "hidden_acts": "relu")"),
              IsBadInput("key \"text_config.hidden_acts\": unknown to the family clip"));
  EXPECT_THAT(readClip(R"(, "add_cross_attention": true)"),
              IsBadInput("key \"text_config.add_cross_attention\": true is not supported"));
  EXPECT_THAT(readClip("", R"(, "patch_size": 225)"),
              IsBadInput("key \"vision_config.patch_size\": 225 is more than the image's 224"));
  EXPECT_THAT(readClip(R"(, "eos_token_id": [2, 3])"), IsBadInput("\"text_config.eos_token_id\""));
  EXPECT_THAT(readClip("", "", R"(, "projection_dim": 0)"), IsBadInput("key \"projection_dim\""));
}

TEST(VisionFamilies, DefaultsHaveAsManyWeightsAsInTransformers) {
  const struct {
    const char *type, *architecture;
    int64_t count;
  } rows[] = {{"clip", "CLIPModel", 151'277'313},
              {"clip_text_model", "CLIPTextModel", 63'165'952},
              {"clip_text_model", "CLIPTextModelWithProjection", 63'428'096},
              {"clip_vision_model", "CLIPVisionModel", 87'456'000},
              {"clip_vision_model", "CLIPVisionModelWithProjection", 87'849'216},
              {"vit", "ViTModel", 86'389'248}};
  for (const auto &row : rows) {
    auto model = readConfigText(std::string(R"({"model_type": ")") + row.type +
                                R"(", "architectures": [")" + row.architecture + R"("]})");
    ASSERT_THAT(model, IsOk()) << row.architecture;
    int64_t count = 0;
    for (const frontend::ParameterSpec &spec : frontend::parametersOf(*model).all())
      count += spec.elements();
    EXPECT_EQ(count, row.count) << row.architecture;
  }
}

constexpr char kImages[] =
    "width: 20 layers: 1 patches { height: 12 width: 20 patch_height: 4 patch_width: 5 } "
    "attention { heads: 5 causal: false } ";
constexpr char kAdaptive[] = "norm { weight: false bias: false adaln_zero: true } ";

/// A definition with more said after it.
Status checkImages(const std::string &text, const std::string &more = "",
                   const std::string &last = "") {
  frontend::proto::ModelDef model = parseModel(text);
  model.MergeFrom(parseModel(more));
  model.MergeFrom(parseModel(last));
  return frontend::validateModel(model, "m.textproto");
}

TEST(ImageDefinition, Mistakes) {
  const std::string none = "head { kind: NONE } ", noise = "head { kind: NOISE } ";
  EXPECT_THAT(checkImages(kImages, none), IsOk());
  const struct {
    std::string text;
    const char *message;
    std::string last = "";
  } rows[] = {
      {"", "field \"head.kind\": LANGUAGE_MODEL does not go with patches"},
      {none + "vocab_size: 31", "field \"vocab_size\": does not go with patches"},
      {none + "max_positions: 31", "field \"max_positions\": does not go with patches"},
      {none + "positions { rotary {} }", "field \"positions.rotary\": does not go with patches"},
      {none + "padding_id: 0", "field \"padding_id\": does not go with patches"},
      {none + "attention { causal: true }", "field \"attention.causal\": expected false"},
      {none + "patches { channels: 0 }", "field \"patches.channels\": expected a size from 1"},
      {none + "patches { patch_height: 13 }", "13 is more than the image's 12"},
      {noise + "patches { patch_width: 6 }",
       "field \"patches.patch_width\": a head of noise needs"},
      {none + "condition { }", "field \"condition\": has no part"},
      {none + "condition { timestep {} }", "field \"condition\": nothing reads it"},
      {none + "norm { weight: false }", "field \"norm.bias\": expected false"},
      {none + kAdaptive, "field \"norm.adaln_zero\": needs a condition"},
      {none + kAdaptive + "condition { timestep {} }",
       "field \"norm.adaln_zero\": needs norm.placement PRE", "norm { placement: POST }"},
      {none + kAdaptive + "condition { timestep { frequencies: 7 } }",
       "field \"condition.timestep.frequencies\": expected an even number"},
      {none + kAdaptive + "condition { timestep { steps: 0 } }",
       "field \"condition.timestep.steps\""},
      {none + kAdaptive + "condition { classes { } }",
       "field \"condition.classes.count\": is missing"},
      {none + kAdaptive + "condition { classes { count: 3 none: false dropout: 0.1 } }",
       "field \"condition.classes.dropout\": needs a row for no class"},
      {"head { kind: NONE learned_variance: true }",
       "field \"head.learned_variance\": needs a head"},
      {none + "names { class_token: \"\" }", "field \"names.class_token\": is empty"},
      {none + "names { position_table: \"t\" class_token: \"t\" }",
       "\"t\" is names.class_token too"},
      {none + "names { class_token: \"decoder.final_norm.bias\" }",
       "\"decoder.final_norm.bias\" is a name of names.final_norm too"},
      {none + "pooler { width: 0 }", "field \"pooler.width\": expected a number from 1"},
  };
  for (const auto &row : rows)
    EXPECT_THAT(checkImages(kImages, row.text, row.last), IsBadInput(row.message)) << row.text;
  EXPECT_THAT(
      checkImages("width: 22 layers: 1 patches { height: 4 width: 4 patch_height: 2 "
                  "patch_width: 2 } attention { heads: 2 causal: false } head { kind: NONE } "
                  "positions { sinusoidal_2d {} }"),
      IsBadInput("field \"width\": positions in two directions need a multiple of 4"));
  const std::string words =
      "width: 20 layers: 1 max_positions: 8 attention { heads: 5 causal: false } ";
  EXPECT_THAT(checkImages(words, "positions { sinusoidal_2d {} }"),
              IsBadInput("field \"positions.sinusoidal_2d\": needs patches"));
  EXPECT_THAT(checkImages(words, "head { kind: NOISE }"),
              IsBadInput("field \"head.kind\": NOISE needs"));
  EXPECT_THAT(checkImages(words, "condition { timestep {} }"),
              IsBadInput("field \"condition\": needs patches"));
}

TEST(ImageDefinition, FrequenciesAtTheirLimit) {
  const std::string model =
      std::string(kAdaptive) + "head { kind: NONE } condition { timestep { frequencies: ";
  EXPECT_THAT(checkImages(kImages, model + "65536 } }"), IsOk());
  EXPECT_THAT(checkImages(kImages, model + "65538 } }"),
              IsBadInput("field \"condition.timestep.frequencies\": expected an even number from 2 "
                         "to 65536, found 65538"));
}

TEST(ImageDefinition, TheSequenceIsTheImages) {
  const frontend::proto::ModelDef model = parseModel(std::string(kImages) + "head { kind: NONE }");
  EXPECT_THAT(frontend::validateShape(model, 2, 12), IsOk());
  EXPECT_THAT(frontend::validateShape(model, 2, 13),
              IsBadInput("seq: 13, but an image of 12 x 20 is a sequence of 12"));
}

TEST(TowerDefinition, Mistakes) {
  const std::string texts = "vocab_size: 31 width: 20 layers: 1 max_positions: 16 "
                            "attention { heads: 5 } ";
  const std::string two =
      "head { kind: CONTRASTIVE width: 8 } image { patches { height: 8 width: 8 "
      "patch_height: 4 patch_width: 4 } } ";
  EXPECT_THAT(checkImages(texts, two), IsOk());
  const std::pair<std::string, const char *> rows[] = {
      {"head { kind: CONTRASTIVE width: 8 }", "field \"image\": is missing"},
      {"image { patches { height: 8 width: 8 patch_height: 4 patch_width: 4 } }",
       "field \"image\": needs a head of kind CONTRASTIVE"},
      {"head { kind: PROJECTION }", "field \"head.width\": is missing"},
      {"head { kind: PROJECTION width: 0 }", "field \"head.width\": expected a size from 1"},
      {"head { width: 8 }", "field \"head.width\": needs a head of kind PROJECTION"},
      {"head { kind: NONE } pooler { token: FIRST_OF_ID }",
       "field \"pooler.token_id\": is missing"},
      {"head { kind: NONE } pooler { dense: false width: 8 }",
       "field \"pooler.width\": needs pooler.dense"},
      {"head { kind: CONTRASTIVE width: 8 logit_scale: -1 } image { }",
       "field \"head.logit_scale\": expected a positive number"},
      {"head { kind: CONTRASTIVE width: 8 } image { width: 20 }",
       "field \"image.patches\": is missing"},
  };
  for (const auto &[text, message] : rows)
    EXPECT_THAT(checkImages(texts, text), IsBadInput(message)) << text;
  const std::pair<std::string, const char *> inTower[] = {
      {"image { patches { channels: 0 } }", "field \"image.patches.channels\""},
      {"image { head { width: 9 } }", "field \"image.head.width\": expected the texts' 8"},
      {"image { attention { causal: true } }", "field \"image.attention.causal\": expected false"},
      {"image { loss { } }", "field \"image.loss\": does not go with an image tower"},
      {"image { frozen: \"*\" }", "field \"image.frozen\": does not go with an image tower"},
      {"image { adapters { targets: \"query\" } }", "field \"image.adapters\""},
      {"image { pooler { token: HIGHEST_ID } }", "field \"image.pooler.token\": expected FIRST"},
      {"image { names { head: \"lm_head\" } }", "\"lm_head\" is a name of"},
      {"image { names { final_norm: \"decoder.final_norm\" } }", "is a name of"},
  };
  for (const auto &[text, message] : inTower)
    EXPECT_THAT(checkImages(texts, two, text), IsBadInput(message)) << text;
}

TEST(Dit, AllIsZeroBeforeTraining) {
  auto model = frontend::loadModel(runtime::FileLayer::system(),
                                   sourceDir() + "/examples/dit-xl-2.textproto");
  ASSERT_THAT(model, IsOk());
  int64_t elements = 0, zeros = 0;
  for (const frontend::ParameterSpec &spec : model->parameters) {
    elements += spec.elements();
    const bool weight = spec.name.ends_with("modulation.weight") || spec.name == "lm_head.weight";
    if (weight)
      EXPECT_EQ(spec.initializer.kind, frontend::Initializer::Kind::zeros) << spec.name;
    zeros += weight;
  }
  EXPECT_EQ(zeros, 28 + 2);
  // What the paper's authors publish, less their 256 fixed positions.
  EXPECT_EQ(elements, 675'129'632 - 256 * 1152);
}

/// dit-tiny with inputs; labels [B].
struct Tiny {
  Tiny() {
    auto loaded = frontend::loadModel(runtime::FileLayer::system(), goldenFolder("dit-tiny"));
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    definition = loaded->definition;
    feed = readTensors(goldenFolder("dit-tiny") + "/model.safetensors");
    for (const auto &[name, tensor] : readTensors(goldenFolder("dit-tiny") + "/golden.safetensors"))
      if (name.starts_with("in."))
        feed[name == "in.labels" ? "targets" : name.substr(3)] = tensor;
  }
  /// The loss of an entry where labels are left out at a share of `dropout`.
  double loss(const std::string &entry, double dropout, std::vector<int64_t> labels,
              int64_t step = 0) {
    frontend::proto::ModelDef model = definition;
    model.mutable_condition()->mutable_classes()->set_dropout(dropout);
    Feed all = feed;
    all["class_labels"] = std::make_shared<ir::Tensor>(ir::Tensor::ofInts({3}, labels));
    all["rng"] =
        std::make_shared<ir::Tensor>(ir::Tensor::ofInts({3}, {7, step, 0}, ir::ElementKind::i64));
    BuiltModel built(model, 3, 12);
    return built.run(entry, all)["loss"]->number(0);
  }

  frontend::proto::ModelDef definition;
  Feed feed;
};

TEST(Dit, TrainingLeavesLabelsOut) {
  Tiny tiny;
  const std::vector<int64_t> labels = {3, 1, 0}, none = {7, 7, 7};
  const double all = tiny.loss("loss", 0.5, labels), no = tiny.loss("loss", 0.5, none);
  EXPECT_GT(std::abs(all - no), 1e-3);
  // Almost surely all; elsewhere none.
  EXPECT_NEAR(tiny.loss("train_loss", 0.999999, labels), no, 1e-12);
  EXPECT_NEAR(tiny.loss("train_loss", 0, labels), all, 1e-12);
  EXPECT_NEAR(tiny.loss("eval", 0.999999, labels), all, 1e-12);
  // Some of the time some of them, as the step says.
  std::vector<double> losses;
  for (int64_t step = 0; step < 4; ++step)
    losses.push_back(tiny.loss("train_loss", 0.5, labels, step));
  EXPECT_EQ(losses[2], tiny.loss("train_loss", 0.5, labels, 2));
  EXPECT_GT(*std::max_element(losses.begin(), losses.end()) -
                *std::min_element(losses.begin(), losses.end()),
            1e-6);
}

} // namespace
} // namespace heddle::test
