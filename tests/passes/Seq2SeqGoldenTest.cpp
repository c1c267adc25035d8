// SPDX-License-Identifier: Apache-2.0
// Encoder-decoders of transformers, read from their folders, built, fused, differentiated and
// evaluated in float64: outputs, loss and every gradient as PyTorch computed them.
#include <algorithm>

#include "frontend/Dimensions.h"
#include "frontend/Stacks.h"
#include "ir/Conventions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines.h"
#include "tests/frontend/ModelHarness.h"

namespace heddle::test {
namespace {

constexpr double kTolerance = 1e-11;
/// T5 computes its norms' mean squares in f32, and our factor for scaled embeddings is rounded so.
constexpr double kRoundedTolerance = 1e-6;

class Seq2SeqGolden : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    auto model = frontend::loadModel(runtime::FileLayer::system(), goldenFolder(GetParam()));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    golden_ = readTensors(goldenFolder(GetParam()) + "/golden.safetensors");
    feed_ = weights_ = readTensors(goldenFolder(GetParam()) + "/model.safetensors");
    for (const auto &[name, tensor] : golden_)
      if (name.starts_with("in."))
        feed_[name == "in.labels" ? "targets" : name.substr(3)] = tensor;
    hasLoss_ = golden_.count("out.loss") > 0;
    const bool rounds = model_.definition.norm().kind() == frontend::proto::Norm::RMS_NORM ||
                        model_.definition.scale_embeddings();
    tolerance_ = rounds ? kRoundedTolerance : kTolerance;
  }

  /// What the decoder reads.
  const ir::Tensor &read() const {
    return *feed_.at(feed_.count("decoder_input_ids") ? "decoder_input_ids" : "input_ids");
  }
  int64_t batch() const { return read().shape[0]; }
  int64_t source() const {
    auto frames = feed_.find("input_features");
    return frames == feed_.end() ? feed_.at("input_ids")->shape[1] : frames->second->shape[2] / 2;
  }
  int64_t target() const { return read().shape[1]; }

  Feed run(mlir::func::FuncOp function, const Feed &feed) const {
    std::vector<ir::TensorRef> arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto found = feed.find(ir::argumentName(function, i).str());
      if (found == feed.end())
        ADD_FAILURE() << "no argument " << ir::argumentName(function, i).str();
      else
        arguments.push_back(found->second);
    }
    Feed named;
    auto results = ir::evaluate(function, arguments);
    EXPECT_TRUE(results.ok()) << results.status();
    for (size_t i = 0; results.ok() && i < results->size(); ++i)
      named[ir::resultName(function, i).str()] = (*results)[i];
    return named;
  }

  /// Zeros where nothing is read: what a query that sees no key gives is up to the implementation.
  ir::TensorRef seen(const ir::TensorRef &tensor, const char *maskName) const {
    if (tensor->shape.size() != 3 || !feed_.count(maskName))
      return tensor;
    const ir::Tensor &mask = *feed_.at(maskName);
    ir::Tensor result = *tensor;
    const int64_t width = tensor->shape[2];
    for (int64_t i = 0; i < mask.elements(); ++i)
      for (int64_t j = 0; mask.ints[i] == 0 && j < width; ++j)
        result.floats[i * width + j] = 0;
    return std::make_shared<ir::Tensor>(std::move(result));
  }

  frontend::Model model_;
  Feed golden_, weights_, feed_;
  bool hasLoss_ = false;
  double tolerance_ = 0;
};

TEST_P(Seq2SeqGolden, ParametersAreTheCheckpointsTensors) {
  for (const frontend::ParameterSpec &spec : model_.parameters) {
    ASSERT_TRUE(weights_.count(spec.name)) << spec.name;
    EXPECT_EQ(weights_[spec.name]->shape, spec.shape) << spec.name;
    if (hasLoss_)
      EXPECT_TRUE(spec.frozen || golden_.count("grad." + spec.name)) << spec.name;
  }
}

TEST_P(Seq2SeqGolden, Outputs) {
  BuiltModel built(model_.definition, batch(), target(), frontend::Element::f64, source());
  Feed outputs = run(built.entry("forward"), feed_);
  if (hasLoss_)
    outputs.merge(run(built.entry("loss"), feed_));
  size_t expected = 0;
  for (const auto &[name, tensor] : golden_) {
    if (!name.starts_with("out."))
      continue;
    ++expected;
    ASSERT_TRUE(outputs.count(name.substr(4))) << name;
    const char *mask =
        name.starts_with("out.encoder") ? "attention_mask" : "decoder_attention_mask";
    EXPECT_LT(largestDifference(seen(outputs[name.substr(4)], mask), seen(tensor, mask)),
              tolerance_)
        << name;
  }
  EXPECT_EQ(outputs.size(), expected);
}

TEST_P(Seq2SeqGolden, TrainingEntriesAgreeWithLoss) {
  if (!hasLoss_)
    GTEST_SKIP() << "has no head, so no loss";
  frontend::proto::ModelDef definition = model_.definition;
  definition.clear_dropout();
  BuiltModel built(definition, batch(), target(), frontend::Element::f64, source());
  const ir::TensorRef loss = golden_["out.loss"];
  EXPECT_LT(largestDifference(run(built.entry("eval"), feed_)["loss"], loss), tolerance_);
  EXPECT_LT(largestDifference(run(built.entry("train_loss"), feed_)["loss"], loss), tolerance_);
}

TEST_P(Seq2SeqGolden, FusedGradients) {
  if (!hasLoss_)
    GTEST_SKIP() << "has no head, so no loss";
  mlir::MLIRContext context;
  frontend::BuildOptions options{batch(), target(), {"loss"}, frontend::Element::f64, source()};
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
  const int64_t encoder = frontend::encoderOf(model_.definition).layers();
  EXPECT_EQ(attentions, encoder + 2 * model_.definition.layers());
  EXPECT_EQ(ffns, encoder + model_.definition.layers());
  auto gradient = (*module)->lookupSymbol<mlir::func::FuncOp>("grad");
  ASSERT_TRUE(gradient);
  int64_t fusedGradients = 0;
  gradient.walk([&](ir::AttentionGradOp) { ++fusedGradients; });
  EXPECT_EQ(fusedGradients, attentions);
  for (const auto &[name, value] : run(gradient, feed_)) {
    const std::string known = name == "loss" ? "out.loss" : name;
    if (name == "grad.final_logits_bias")
      continue; // transformers keeps no gradient of what it does not train
    ASSERT_TRUE(golden_.count(known)) << name;
    EXPECT_LT(largestDifference(value, golden_[known]), tolerance_) << name;
  }
}

/// The decoder's logits token by token, the source read once, are those of the whole text.
TEST_P(Seq2SeqGolden, PrefillAndDecodeContinueAsForward) {
  if (!frontend::isLanguageModel(model_.definition))
    GTEST_SKIP() << "does not generate";
  BuiltModel built(model_.definition, batch(), target(), frontend::Element::f64, source());
  auto integers = [](std::vector<int64_t> shape, const std::vector<int64_t> &values) {
    return std::make_shared<ir::Tensor>(ir::Tensor::ofInts(std::move(shape), values));
  };
  Feed feed = feed_;
  feed["decoder_attention_mask"] =
      integers({batch(), target()}, std::vector<int64_t>(batch() * target(), 1));
  const ir::TensorRef logits = run(built.entry("forward"), feed)["logits"];
  const int64_t vocab = logits->shape.back();
  auto expectRowsAt = [&](const ir::TensorRef &rows, const std::vector<int64_t> &positions) {
    for (int64_t b = 0; b < batch(); ++b)
      for (int64_t v = 0; v < vocab; ++v)
        ASSERT_NEAR(rows->floats[b * vocab + v],
                    logits->floats[(b * target() + positions[b]) * vocab + v], 1e-9);
  };
  std::vector<int64_t> positions;
  for (int64_t b = 0; b < batch(); ++b)
    positions.push_back(2 * b); // of different lengths
  feed["last_index"] = integers({batch()}, positions);
  Feed state = run(built.entry("prefill"), feed);
  expectRowsAt(state["logits"], positions);
  for (int step = 0; step < 5; ++step) {
    std::vector<int64_t> tokens;
    for (int64_t b = 0; b < batch(); ++b)
      tokens.push_back(feed_.at("decoder_input_ids")->ints[b * target() + ++positions[b]]);
    Feed next = weights_;
    for (const auto &[name, tensor] : state)
      if (name.starts_with("cache."))
        next[name] = tensor;
    next["decoder_input_ids"] = integers({batch(), 1}, tokens);
    next["positions"] = integers({batch()}, positions);
    if (feed.count("attention_mask"))
      next["attention_mask"] = feed["attention_mask"];
    Feed after = run(built.entry("decode"), next);
    expectRowsAt(after["logits"], positions);
    for (const auto &[name, tensor] : after)
      state[name] = tensor;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Seq2SeqGolden,
                         testing::Values("t5-relu", "t5-gated", "t5-untied", "t5-model",
                                         "bart-default", "bart-scaled-untied", "bart-sequence",
                                         "bart-model", "marian-default", "marian-two-vocabularies",
                                         "marian-untied", "whisper-default", "whisper-untied"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
} // namespace heddle::test
