// SPDX-License-Identifier: Apache-2.0
// What the builder writes: signatures, primitive mathematics, layer paths; and the notions that the
// goldens do not reach, against plain loops or against each other.
#include "frontend/builder/RotaryFrequencies.h"
#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "ir/LayerPath.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::Element;

constexpr char kSmall[] =
    "vocab_size: 11 max_positions: 16 width: 20 layers: 2 attention { heads: 5 } "
    "initializer { scale: 0.3 } ";

/// The small model with more said.
frontend::proto::ModelDef small(const std::string &more) {
  frontend::proto::ModelDef definition = parseModel(kSmall);
  definition.MergeFrom(parseModel(more));
  return definition;
}

/// "param wte.weight" for each argument, then "-> output logits" for each result.
std::vector<std::string> signature(mlir::func::FuncOp function, bool parameters = false) {
  std::vector<std::string> list;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (parameters || ir::argumentKind(function, i) != ir::kKindParam)
      list.push_back((ir::argumentKind(function, i) + " " + ir::argumentName(function, i)).str());
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    list.push_back(("-> " + ir::resultKind(function, i) + " " + ir::resultName(function, i)).str());
  return list;
}

/// Tokens that differ everywhere, no padding.
Feed inputs(int64_t batch, int64_t seq, int64_t vocab) {
  std::vector<int64_t> tokens, targets, ones, positions;
  for (int64_t i = 0; i < batch * seq; ++i) {
    tokens.push_back((7 * i + 3) % vocab);
    targets.push_back(i % 5 == 4 ? -100 : (3 * i + 1) % vocab);
    ones.push_back(1);
    positions.push_back(i % seq);
  }
  return {{"input_ids", ints({batch, seq}, tokens)},
          {"targets", ints({batch, seq}, targets)},
          {"attention_mask", ints({batch, seq}, ones)},
          {"position_ids", ints({batch, seq}, positions)}};
}

TEST(Builder, Signatures) {
  BuiltModel built(small("dropout { attention: 0.1 }"), 3, 7);
  using Names = std::vector<std::string>;
  EXPECT_EQ(signature(built.entry("forward")), (Names{"input input_ids", "input attention_mask",
                                                      "input position_ids", "-> output logits"}));
  EXPECT_EQ(signature(built.entry("loss")),
            (Names{"input input_ids", "input attention_mask", "input position_ids", "input targets",
                   "-> output loss"}));
  EXPECT_EQ(signature(built.entry("eval")),
            (Names{"input input_ids", "input targets", "-> output loss"}));
  EXPECT_EQ(signature(built.entry("train_loss")),
            (Names{"input input_ids", "input targets", "rng rng", "-> output loss"}));
  EXPECT_EQ(
      signature(built.entry("prefill")),
      (Names{"input input_ids", "input last_index", "-> state cache.k.0", "-> state cache.v.0",
             "-> state cache.k.1", "-> state cache.v.1", "-> output logits"}));
  EXPECT_EQ(signature(built.entry("decode")),
            (Names{"state cache.k.0", "state cache.v.0", "state cache.k.1", "state cache.v.1",
                   "input input_ids", "input positions", "-> state cache.k.0", "-> state cache.v.0",
                   "-> state cache.k.1", "-> state cache.v.1", "-> output logits"}));
  auto forward = signature(built.entry("forward"), true);
  EXPECT_EQ(forward[0], "param decoder.embeddings.token.weight");
  EXPECT_EQ(forward[4], "param decoder.layers.0.attention.qkv.weight");
}

TEST(Builder, AttentionInPrimitiveOps) {
  BuiltModel built(small("attention { kv_heads: 1 } dropout { attention: 0.1 }"), 3, 7,
                   Element::f32);
  expectInOrder(built.text("train_loss"),
                {"heddle.embedding", "heddle.slice", "heddle.layer_norm",
                 "(tensor<3x7x20xf32>, tensor<20x28xf32>)", "heddle.transpose",
                 "(tensor<3x1x5x7x4xf32>, tensor<3x1x1x7x4xf32>) -> tensor<3x1x5x7x7xf32>",
                 "heddle.mul", "heddle.causal_mask", "heddle.select", "heddle.softmax",
                 "heddle.dropout", "heddle.matmul", "heddle.transpose", "heddle.matmul",
                 "heddle.gelu", "heddle.cross_entropy", "heddle.count_targets", "heddle.sum",
                 "heddle.div"});
  EXPECT_EQ(built.text("eval").find("heddle.dropout"), std::string::npos);
  EXPECT_EQ(built.text("forward").find("heddle.attention"), std::string::npos);
}

TEST(Builder, EveryOpKnowsItsLayer) {
  BuiltModel built(parseModel(kSmall), 1, 7);
  std::vector<std::string> order;
  built.entry("loss").walk([&](mlir::Operation *op) {
    if (op->getName().getStringRef().starts_with("heddle.")) {
      std::string path = ir::layerPath(op->getLoc());
      if (order.empty() || order.back() != path)
        order.push_back(path);
    }
  });
  EXPECT_EQ(order,
            (std::vector<std::string>{"decoder.embeddings", "decoder.layers.0.attention",
                                      "decoder.layers.0.ffn", "decoder.layers.1.attention",
                                      "decoder.layers.1.ffn", "decoder.final_norm", "lm_head"}));
}

TEST(Builder, EveryEntryReadsEveryParameter) {
  for (const char *more :
       {"", "head { tied: false bias: true }", "bias: false head { bias: true }",
        "attention { fused_qkv: false qkv_bias: true output_bias: true }",
        "ffn { gated: true bias: true }", "positions { rotary {} } attention { head_dim: 4 }",
        "norm { kind: RMS_NORM }", "norm { bias: true }"}) {
    SCOPED_TRACE(more);
    BuiltModel built(small(more), 1, 7);
    for (const char *entry : {"forward", "train_loss", "eval", "prefill", "decode"}) {
      mlir::func::FuncOp function = built.entry(entry);
      for (mlir::BlockArgument argument : function.getArguments())
        if (ir::argumentKind(function, argument.getArgNumber()) == ir::kKindParam)
          EXPECT_FALSE(argument.use_empty())
              << entry << ": " << ir::argumentName(function, argument.getArgNumber()).str();
    }
  }
}

TEST(Builder, RandomStreamsAreDistinct) {
  BuiltModel built(small("dropout { embedding: 0.1 attention: 0.2 residual: 0.3 }"), 1, 7);
  std::vector<int64_t> ids;
  built.entry("train_loss").walk([&](ir::DropoutOp op) { ids.push_back(op.getRngId()); });
  EXPECT_EQ(ids, (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Builder, Errors) {
  mlir::MLIRContext context;
  auto build = [&](const std::string &model, frontend::BuildOptions options) {
    return frontend::buildModule(context, parseModel(model), options).status();
  };
  EXPECT_THAT(build(kSmall, {1, 17, {"forward"}}), IsBadInput("seq: 17"));
  EXPECT_THAT(build(kSmall, {1, 4, {"backward"}}), IsBadInput("the model has no entry backward"));
  EXPECT_THAT(build("width: 4 layers: 1 max_positions: 4 attention { heads: 1 }", {1, 4, {}}),
              IsBadInput("vocab_size"));
}

TEST(Builder, FusedAndSeparateProjectionsAgree) {
  frontend::proto::ModelDef fused = small("attention { kv_heads: 1 }");
  frontend::proto::ModelDef separate = fused;
  separate.mutable_attention()->set_fused_qkv(false);
  Feed feed = inputs(2, 5, 11), parts = feed;
  Feed parameters = randomParameters(fused, 1);
  for (auto &[name, value] : parameters) {
    size_t at = name.find(".qkv.");
    feed[name] = value;
    if (at == std::string::npos) {
      parts[name] = value;
      continue;
    }
    // Columns 0-19 are the queries', 20-23 the keys', 24-27 the values'.
    const int64_t columns = value->shape.back(), rows = value->elements() / columns;
    const std::pair<const char *, std::pair<int64_t, int64_t>> pieces[] = {
        {".query.", {0, 20}}, {".key.", {20, 24}}, {".value.", {24, 28}}};
    for (auto &[piece, range] : pieces) {
      std::vector<double> numbers;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = range.first; c < range.second; ++c)
          numbers.push_back(value->floats[r * columns + c]);
      std::vector<int64_t> shape = value->shape;
      shape.back() = range.second - range.first;
      std::string partName = name;
      parts[partName.replace(at, 5, piece)] =
          std::make_shared<ir::Tensor>(ir::Tensor::ofFloats(shape, numbers, ir::ElementKind::f64));
    }
  }
  EXPECT_LT(largestDifference(BuiltModel(fused, 2, 5).run("loss", feed)["loss"],
                              BuiltModel(separate, 2, 5).run("loss", parts)["loss"]),
            1e-12);
}

/// Logits of the last position depend on what the first token is.
double influenceOfFirstToken(const frontend::proto::ModelDef &definition, int64_t seq) {
  BuiltModel built(definition, 1, seq);
  Feed feed = inputs(1, seq, 11);
  feed.merge(randomParameters(definition, 2));
  auto lastRow = [&] {
    ir::TensorRef logits = built.run("forward", feed)["logits"];
    return std::make_shared<ir::Tensor>(ir::Tensor::ofFloats(
        {11}, {logits->floats.end() - 11, logits->floats.end()}, ir::ElementKind::f64));
  };
  auto before = lastRow();
  std::vector<int64_t> changed = feed["input_ids"]->ints;
  changed[0] = (changed[0] + 1) % 11;
  feed["input_ids"] = ints({1, seq}, changed);
  return largestDifference(before, lastRow());
}

TEST(Builder, WindowLimitsWhatAQuerySees) {
  // Two layers of window 3 reach 4 positions back.
  auto model = small("attention { window: 3 }");
  EXPECT_GT(influenceOfFirstToken(model, 5), 1e-6);
  EXPECT_EQ(influenceOfFirstToken(model, 6), 0);
}

TEST(Builder, WindowHoldsWhileDecodingToo) {
  auto model = small("attention { window: 3 soft_cap: 2 } positions { rotary {} }");
  const int64_t seq = 9;
  BuiltModel built(model, 1, seq);
  Feed feed = inputs(1, seq, 11);
  feed.merge(randomParameters(model, 3));
  ir::TensorRef logits = built.run("forward", feed)["logits"];
  ir::TensorRef tokens = feed["input_ids"];
  feed["last_index"] = ints({1}, {4});
  Feed state = built.run("prefill", feed);
  for (int64_t position = 5; position < seq; ++position) {
    for (auto &[name, value] : state)
      feed[name] = value;
    feed["input_ids"] = ints({1, 1}, {tokens->ints[position]});
    feed["positions"] = ints({1}, {position});
    state = built.run("decode", feed);
    auto begin = logits->floats.begin() + position * 11;
    auto expected = std::make_shared<ir::Tensor>(
        ir::Tensor::ofFloats({1, 11}, {begin, begin + 11}, ir::ElementKind::f64));
    EXPECT_LT(largestDifference(state["logits"], expected), 1e-12) << position;
  }
}

TEST(Builder, WithoutCausalMaskAllSeeAll) {
  auto model = small("attention { causal: false }");
  EXPECT_EQ(frontend::entriesOf(model, true),
            (std::vector<std::string>{"forward", "loss", "train_loss", "eval"}));
  BuiltModel built(model, 1, 4);
  Feed feed = inputs(1, 4, 11);
  feed.merge(randomParameters(model, 4));
  ir::TensorRef before = built.run("forward", feed)["logits"];
  std::vector<int64_t> tokens = feed["input_ids"]->ints;
  tokens[3] = (tokens[3] + 1) % 11;
  feed["input_ids"] = ints({1, 4}, tokens);
  ir::TensorRef after = built.run("forward", feed)["logits"];
  EXPECT_GT(std::abs(before->floats[0] - after->floats[0]), 1e-9);
}

TEST(Builder, SlopesAreRoundedWhereTheyWereTrainedSo) {
  // The tenth of 12 heads has 2^-1.5, which no power of two makes exact in bf16.
  const std::string kTwelve = "width: 24 attention { heads: 12 } positions { alibi ";
  const std::string exact = BuiltModel(small(kTwelve + "{} }"), 1, 3).text("forward");
  const std::string rounded = BuiltModel(small(kTwelve + "{ bf16: true } }"), 1, 3).text("forward");
  EXPECT_THAT(exact, testing::HasSubstr("0.353553"));
  EXPECT_THAT(rounded, testing::Not(testing::HasSubstr("0.353553")));
  EXPECT_THAT(rounded, testing::HasSubstr("0.353515625"));
}

TEST(Builder, WithoutAHeadThereIsNoLoss) {
  auto model = small("attention { causal: false } head { kind: NONE } pooler {}");
  EXPECT_EQ(frontend::entriesOf(model, true), (std::vector<std::string>{"forward", "encode"}));
  mlir::MLIRContext context;
  auto built = frontend::buildModule(context, model, {.entries = {"loss"}});
  EXPECT_EQ(built.status().message(),
            "the model has no entry loss: it has no head (head.kind: NONE, in config.json an "
            "architecture such as BertModel), so there is no loss and no training");
  model.clear_head();
  built = frontend::buildModule(context, model, {.entries = {"decode"}});
  EXPECT_EQ(built.status().message(), "the model has no entry decode: it looks ahead "
                                      "(attention.causal: false), so it does not generate");
}

TEST(Builder, PostNormEndsEachLayerNormed) {
  auto model = small("norm { placement: POST } head { bias: true }");
  BuiltModel built(model, 2, 5);
  Feed feed = inputs(2, 5, 11);
  feed.merge(randomParameters(model, 5));
  EXPECT_FALSE(frontend::parametersOf(model).finalNorm.has_value());
  EXPECT_TRUE(built.run("loss", feed)["loss"]->isFinite());
  std::vector<std::string> last;
  built.entry("forward").walk([&](mlir::Operation *op) {
    if (ir::layerPath(op->getLoc()) == "decoder.layers.1.ffn")
      last.push_back(op->getName().getStringRef().str());
  });
  EXPECT_EQ(last.back(), "heddle.layer_norm");
}

TEST(Builder, DroppingNothingEqualsEval) {
  // A dropout of a tiny share drops nothing here, and scales by almost one.
  auto model = small("dropout { residual: 1e-12 attention: 1e-12 }");
  BuiltModel built(model, 2, 5);
  Feed feed = inputs(2, 5, 11);
  feed.merge(randomParameters(model, 6));
  feed["rng"] =
      std::make_shared<ir::Tensor>(ir::Tensor::ofInts({3}, {1, 2, 0}, ir::ElementKind::i64));
  EXPECT_LT(
      largestDifference(built.run("train_loss", feed)["loss"], built.run("eval", feed)["loss"]),
      1e-9);
}

TEST(Builder, OddestShapes) {
  auto model =
      parseModel("vocab_size: 1 max_positions: 1 width: 3 layers: 1 attention { heads: 1 } "
                 "ffn { hidden: 1 gated: true activation: RELU }");
  BuiltModel built(model, 1, 1);
  Feed feed = inputs(1, 1, 1);
  feed.merge(randomParameters(model, 7));
  EXPECT_NEAR(built.run("loss", feed)["loss"]->floats[0], 0, 1e-12);
}

TEST(RotaryFrequencies, PartialAndScaled) {
  frontend::proto::Rotary rotary;
  rotary.set_theta(100);
  EXPECT_EQ(frontend::rotaryFrequencies(rotary, 4),
            (std::vector<double>{1, static_cast<double>(1.0f / 10.0f)}));
  rotary.set_fraction(0.5);
  EXPECT_EQ(frontend::rotaryFrequencies(rotary, 4), std::vector<double>{1});
  // Half of the head turns: exponents count the turning components only.
  EXPECT_EQ(frontend::rotaryFrequencies(rotary, 8),
            (std::vector<double>{1, static_cast<double>(1.0f / 10.0f)}));
  rotary.mutable_linear()->set_factor(4);
  EXPECT_EQ(frontend::rotaryFrequencies(rotary, 4), std::vector<double>{0.25});
  auto *llama3 = rotary.mutable_llama3();
  llama3->set_factor(8);
  llama3->set_original_max_positions(16);
  rotary.set_fraction(1);
  rotary.set_theta(1e6);
  std::vector<double> frequencies = frontend::rotaryFrequencies(rotary, 4);
  // Waves of 2 pi stay between 16/4 and 16/1 positions: part of the way; 6283 is long.
  EXPECT_NEAR(frequencies[0], (1 - (16 / 6.283185307 - 1) / 3) / 8 + (16 / 6.283185307 - 1) / 3,
              1e-6);
  EXPECT_NEAR(frequencies[1], 1e-3 / 8, 1e-9);
}

} // namespace
} // namespace heddle::test
