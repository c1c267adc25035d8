// SPDX-License-Identifier: Apache-2.0
// Encoders of texts and images, read from their folders, built, fused, differentiated and evaluated
// in float64: outputs, loss and every gradient as PyTorch computed them.
#include <algorithm>

#include "frontend/Dimensions.h"
#include "frontend/Frozen.h"
#include "frontend/PatchGrid.h"
#include "ir/Conventions.h"
#include "ir/InputFacts.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines.h"
#include "runtime/plan/EntryInputs.h"
#include "tests/frontend/ModelHarness.h"

namespace heddle::test {
namespace {

/// Sines are f32 on both sides, and one may differ in its last bit.
double toleranceOf(const frontend::proto::ModelDef &definition) {
  return definition.attention().has_distance_encoding() ? 1e-6 : 1e-11;
}

class EncoderGolden : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    auto model = frontend::loadModel(runtime::FileLayer::system(), goldenFolder(GetParam()));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    golden_ = readTensors(goldenFolder(GetParam()) + "/golden.safetensors");
    weights_ = readTensors(goldenFolder(GetParam()) + "/model.safetensors");
    for (const std::string &folder : model_.weightFolders)
      for (const auto &[name, tensor] : readTensors(goldenFolder(GetParam()) + "/" + folder))
        weights_[folder + "/" + name] = tensor;
    feed_ = weights_;
    for (const auto &[name, tensor] : golden_)
      if (name.starts_with("in."))
        feed_[name == "in.labels" ? "targets" : name.substr(3)] = tensor;
    for (const char *name : runtime::kSpanInputs)
      if (feed_.count(name))
        feed_[name] = clamped(*feed_[name]);
    hasLoss_ = golden_.count("out.loss") > 0;
  }

  int64_t batch() const {
    return feed_.at(feed_.count("input_ids") ? "input_ids" : "pixel_values")->shape[0];
  }
  int64_t seq() const {
    const int64_t fixed = frontend::fixedSequence(model_.definition);
    return fixed > 0 ? fixed : feed_.at("input_ids")->shape[1];
  }

  ir::TensorRef clamped(const ir::Tensor &places) const {
    std::vector<int32_t> values(places.ints.begin(), places.ints.end());
    runtime::clampSpans(values.data(), static_cast<int64_t>(values.size()), seq());
    return std::make_shared<ir::Tensor>(
        ir::Tensor::ofInts(places.shape, {values.begin(), values.end()}));
  }

  /// What the runtime makes of position_ids that are not given.
  ir::TensorRef defaultPositions(std::optional<int64_t> padding) const {
    const ir::Tensor &ids = *feed_.at("input_ids");
    std::vector<int64_t> positions(ids.elements());
    for (int64_t i = 0; i < ids.elements(); ++i)
      positions[i] = i % seq();
    if (padding) {
      std::vector<int32_t> tokens(ids.ints.begin(), ids.ints.end());
      std::vector<int32_t> counted = runtime::tokenPositions(tokens.data(), ids.elements(), seq(),
                                                             static_cast<int32_t>(*padding));
      positions.assign(counted.begin(), counted.end());
    }
    return std::make_shared<ir::Tensor>(ir::Tensor::ofInts(ids.shape, positions));
  }

  static ir::TensorRef zerosLike(const ir::Tensor &tensor) {
    return std::make_shared<ir::Tensor>(ir::Tensor::zeros(tensor.kind, tensor.shape));
  }

  /// PyTorch gives no gradient where nothing is learned: of the pooler by an embedding's loss, and
  /// of the types of tokens that attention compares where none are given. There ours are zeros.
  bool isIdle(const std::string &parameter) const {
    const frontend::proto::ModelDef &model = model_.definition;
    const bool untyped = model.token_types().compared() && !golden_.count("in.token_type_ids");
    return (frontend::learnsFromPairs(model) && parameter.starts_with("pooler.")) ||
           (untyped && (parameter.ends_with(".seg_embed") || parameter.ends_with(".r_s_bias")));
  }

  Feed run(mlir::func::FuncOp function) const {
    std::vector<ir::TensorRef> arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      const std::string name = ir::argumentName(function, i).str();
      auto found = feed_.find(name);
      if (found != feed_.end())
        arguments.push_back(found->second);
      else if (name == "position_ids")
        arguments.push_back(defaultPositions(ir::inputFact(function, i, ir::kPaddingAttr)));
      else if (name == "token_type_ids")
        arguments.push_back(zerosLike(*feed_.at("input_ids")));
      else
        ADD_FAILURE() << "no argument " << name;
    }
    Feed named;
    auto results = ir::evaluate(function, arguments);
    EXPECT_TRUE(results.ok()) << results.status();
    for (size_t i = 0; results.ok() && i < results->size(); ++i)
      named[ir::resultName(function, i).str()] = (*results)[i];
    return named;
  }

  frontend::Model model_;
  Feed golden_, weights_, feed_;
  bool hasLoss_ = false;
};

TEST_P(EncoderGolden, ParametersAreTheCheckpointsTensors) {
  size_t learned = 0, expected = 0;
  for (const frontend::ParameterSpec &spec : model_.parameters) {
    ASSERT_TRUE(weights_.count(spec.name)) << spec.name;
    EXPECT_EQ(weights_[spec.name]->shape, spec.shape) << spec.name;
    learned += golden_.count("grad." + spec.name);
    expected += !isIdle(spec.name) && !frontend::isFrozen(model_.definition, spec);
  }
  if (hasLoss_)
    EXPECT_EQ(learned, expected);
  else
    EXPECT_EQ(model_.parameters.size(), weights_.size());
}

TEST_P(EncoderGolden, Outputs) {
  BuiltModel built(model_.definition, batch(), seq());
  Feed outputs = run(built.entry("forward"));
  if (hasLoss_)
    outputs.merge(run(built.entry("loss")));
  size_t expected = 0;
  for (const auto &[name, tensor] : golden_) {
    if (!name.starts_with("out."))
      continue;
    ++expected;
    ASSERT_TRUE(outputs.count(name.substr(4))) << name;
    EXPECT_LT(largestDifference(outputs[name.substr(4)], tensor), toleranceOf(model_.definition))
        << name;
  }
  EXPECT_EQ(outputs.size(), expected);
}

TEST_P(EncoderGolden, TrainingEntriesAgreeWithLoss) {
  if (!hasLoss_)
    GTEST_SKIP() << "has no head, so no loss";
  frontend::proto::ModelDef definition = model_.definition;
  definition.clear_dropout();
  if (definition.condition().has_classes())
    definition.mutable_condition()->mutable_classes()->clear_dropout();
  BuiltModel built(definition, batch(), seq());
  const ir::TensorRef loss = golden_["out.loss"];
  EXPECT_LT(largestDifference(run(built.entry("eval"))["loss"], loss),
            toleranceOf(model_.definition));
  EXPECT_LT(largestDifference(run(built.entry("train_loss"))["loss"], loss),
            toleranceOf(model_.definition));
}

TEST_P(EncoderGolden, FusedGradients) {
  if (!hasLoss_)
    GTEST_SKIP() << "has no head, so no loss";
  mlir::MLIRContext context;
  frontend::BuildOptions options{batch(), seq(), {"loss"}, frontend::Element::f64};
  auto module = frontend::buildModule(context, model_.definition, options);
  ASSERT_TRUE(module.ok()) << module.status();
  passes::PipelineOptions pipeline;
  pipeline.gradient = true;
  passes::RunHooks hooks;
  hooks.stopAfter = "differentiated";
  int64_t attentions = 0, ffns = 0;
  hooks.afterStage = [&](const passes::Stage &stage, mlir::ModuleOp now) {
    if (stage.name != "fused")
      return;
    now.walk([&](mlir::Operation *op) {
      attentions += mlir::isa<ir::AttentionOp>(op);
      ffns += mlir::isa<ir::FfnOp>(op);
    });
  };
  ASSERT_TRUE(mlir::succeeded(passes::runStages(**module, passes::compileStages(pipeline), hooks)));
  const int64_t layers = model_.definition.layers() + model_.definition.image().layers();
  EXPECT_EQ(attentions, layers);
  EXPECT_EQ(ffns, layers);
  auto gradient = (*module)->lookupSymbol<mlir::func::FuncOp>("grad");
  ASSERT_TRUE(gradient);
  for (const auto &[name, value] : run(gradient)) {
    const std::string known = name == "loss" ? "out.loss" : name;
    if (name.starts_with("grad.") && isIdle(name.substr(5))) {
      EXPECT_FALSE(golden_.count(name)) << name;
      EXPECT_LT(largestDifference(value, zerosLike(*value)), 1e-15) << name;
      continue;
    }
    ASSERT_TRUE(golden_.count(known)) << name;
    EXPECT_LT(largestDifference(value, golden_[known]), toleranceOf(model_.definition)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, EncoderGolden,
    testing::Values(
        "bert-masked-lm", "bert-model", "bert-next-sentence", "bert-pretraining", "bert-regression",
        "bert-sequence", "bert-several-labels", "bert-span", "bert-tokens", "bert-untied",
        "clip-highest-id", "clip-model", "clip-text", "clip-text-projection", "clip-vision",
        "clip-vision-projection", "deberta_v2-masked-lm", "deberta_v2-model", "deberta_v2-new-head",
        "deberta_v2-sequence", "deberta_v2-span", "deberta_v2-tokens", "deberta_v2-untied",
        "distilbert-masked-lm", "distilbert-model", "distilbert-sequence", "distilbert-span",
        "distilbert-tokens", "dit-tiny", "electra-discriminator", "electra-masked-lm",
        "electra-model", "electra-sequence", "electra-span", "electra-tokens", "embedding-cls",
        "embedding-dense", "embedding-max", "embedding-mean", "embedding-sqrt", "embedding-t5",
        "embedding-two-dense", "roberta-masked-lm", "roberta-model", "roberta-sequence",
        "roberta-span", "roberta-tokens", "t5-encoder", "t5-encoder-gated", "vit-classes",
        "vit-model", "vit-several-labels", "vit-without-pooler", "xlnet-first", "xlnet-lm",
        "xlnet-model", "xlnet-sequence", "xlnet-span", "xlnet-tokens", "xlnet-untied",
        "xlnet-without-types"),
    [](const testing::TestParamInfo<const char *> &info) {
      std::string name = info.param;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

} // namespace
} // namespace heddle::test
