// SPDX-License-Identifier: Apache-2.0
// Models of transformers, read from their folders, built, and evaluated in float64: logits and loss
// as transformers computed them.
#include <cmath>

#include "frontend/Dimensions.h"
#include "tests/frontend/DecoderGoldens.h"

namespace heddle::test {
namespace {

using frontend::Element;

class Golden : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    auto model = frontend::loadModel(runtime::FileLayer::system(), goldenFolder(GetParam()));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    golden_ = readTensors(goldenFolder(GetParam()) + "/golden.safetensors");
    weights_ = readTensors(goldenFolder(GetParam()) + "/model.safetensors");
    feed_ = weights_;
    for (const char *name : {"input_ids", "attention_mask", "position_ids"})
      feed_[name] = golden_["in." + std::string(name)];
    feed_["targets"] = shiftedLabels(golden_["in.labels"]);
    batch_ = feed_["input_ids"]->shape[0];
    seq_ = feed_["input_ids"]->shape[1];
  }

  /// The golden's tokens without padding, at positions 0, 1, ...
  Feed wholeRows() const {
    Feed feed = feed_;
    std::vector<int64_t> ones(batch_ * seq_, 1), positions(batch_ * seq_);
    for (int64_t i = 0; i < batch_ * seq_; ++i)
      positions[i] = i % seq_;
    feed["attention_mask"] = std::make_shared<ir::Tensor>(ir::Tensor::ofInts({batch_, seq_}, ones));
    feed["position_ids"] =
        std::make_shared<ir::Tensor>(ir::Tensor::ofInts({batch_, seq_}, positions));
    return feed;
  }

  frontend::Model model_;
  Feed golden_, weights_, feed_;
  int64_t batch_ = 0, seq_ = 0;
};

TEST_P(Golden, ParametersAreTheCheckpointsTensors) {
  ASSERT_EQ(model_.parameters.size(), weights_.size());
  for (const frontend::ParameterSpec &spec : model_.parameters) {
    ASSERT_TRUE(weights_.count(spec.name)) << spec.name;
    EXPECT_EQ(weights_[spec.name]->shape, spec.shape) << spec.name;
    EXPECT_TRUE(goldenGradient(golden_, spec)) << spec.name;
  }
}

TEST_P(Golden, LogitsAndLoss) {
  BuiltModel built(model_.definition, batch_, seq_);
  Feed forward = built.run("forward", feed_), loss = built.run("loss", feed_);
  // Rotary frequencies and slopes are f32 on both sides, and one may differ in its last bit.
  // BLOOM's GELU knows sqrt(2 / pi) to eight digits.
  const double tolerance = frontend::hasLearnedPositions(model_.definition) ? 1e-11 : 1e-6;
  EXPECT_LT(largestDifference(forward["logits"], golden_["out.logits"]), tolerance);
  EXPECT_LT(largestDifference(loss["loss"], golden_["out.loss"]), tolerance);
}

TEST_P(Golden, PrefillAndDecodeContinueAsForward) {
  BuiltModel built(model_.definition, batch_, seq_);
  Feed feed = wholeRows();
  const ir::TensorRef logits = built.run("forward", feed)["logits"];
  ASSERT_TRUE(logits);
  const int64_t vocab = logits->shape.back();
  auto rowsAt = [&](const std::vector<int64_t> &positions) {
    std::vector<double> rows;
    for (int64_t b = 0; b < batch_; ++b)
      for (int64_t v = 0; v < vocab; ++v)
        rows.push_back(logits->floats[(b * seq_ + positions[b]) * vocab + v]);
    return std::make_shared<ir::Tensor>(
        ir::Tensor::ofFloats({batch_, vocab}, rows, ir::ElementKind::f64));
  };
  // Prompts of different lengths, whose padding is whatever follows.
  std::vector<int64_t> last(batch_);
  for (int64_t b = 0; b < batch_; ++b)
    last[b] = (3 * b + 2) % (seq_ - 3);
  feed["last_index"] = std::make_shared<ir::Tensor>(ir::Tensor::ofInts({batch_}, last));
  Feed state = built.run("prefill", feed);
  EXPECT_LT(largestDifference(state["logits"], rowsAt(last)), 1e-9);
  for (int step = 0; step < 3; ++step) {
    std::vector<int64_t> tokens;
    for (int64_t b = 0; b < batch_; ++b)
      tokens.push_back(feed_["input_ids"]->ints[b * seq_ + ++last[b]]);
    for (auto &[name, value] : state)
      feed[name] = value;
    feed["input_ids"] = std::make_shared<ir::Tensor>(ir::Tensor::ofInts({batch_, 1}, tokens));
    feed["positions"] = std::make_shared<ir::Tensor>(ir::Tensor::ofInts({batch_}, last));
    state = built.run("decode", feed);
    EXPECT_LT(largestDifference(state["logits"], rowsAt(last)), 1e-9) << "step " << step;
  }
}

TEST_P(Golden, TrainingEntriesAgreeWithLossOnWholeRows) {
  frontend::proto::ModelDef definition = model_.definition;
  definition.clear_dropout();
  BuiltModel built(definition, batch_, seq_);
  Feed feed = wholeRows();
  Feed loss = built.run("loss", feed);
  EXPECT_LT(largestDifference(built.run("eval", feed)["loss"], loss["loss"]), 1e-12);
  EXPECT_LT(largestDifference(built.run("train_loss", feed)["loss"], loss["loss"]), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(kDecoderGoldens), nameOfGolden);

} // namespace
} // namespace heddle::test
