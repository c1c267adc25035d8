// SPDX-License-Identifier: Apache-2.0
// Caches of windows against the forward pass, in float64.
#include "ir/Dialect.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using Numbers = std::vector<int64_t>;

constexpr int64_t kRingBatch = 3, kRingSeq = 11, kRingSource = 5, kRingVocab = 13;

frontend::proto::ModelDef windowed(const std::string &more) {
  frontend::proto::ModelDef definition =
      parseModel("vocab_size: 13 max_positions: 16 width: 20 layers: 2 attention { heads: 5 } "
                 "initializer { scale: 0.3 } ");
  definition.MergeFrom(parseModel(more));
  return definition;
}

ir::TensorRef ints(Numbers shape, Numbers values) {
  return std::make_shared<ir::Tensor>(ir::Tensor::ofInts(shape, values));
}

int64_t token(int64_t row, int64_t position) {
  return (5 * position + 7 * row + position * position * (row + 1)) % kRingVocab;
}

/// Prefill of rows of these lengths, then decoding up to T: the largest difference of any row's
/// logits from the forward pass.
double differenceFromForward(const frontend::proto::ModelDef &model, Numbers lengths) {
  BuiltModel built(model, kRingBatch, kRingSeq, frontend::Element::f64, kRingSource);
  Feed feed = randomParameters(model, 3);
  Numbers tokens, ones(kRingBatch * kRingSeq, 1), positions;
  for (int64_t i = 0; i < kRingBatch * kRingSeq; ++i) {
    tokens.push_back(token(i / kRingSeq, i % kRingSeq));
    positions.push_back(i % kRingSeq);
  }
  const std::string read = model.has_encoder() ? "decoder_input_ids" : "input_ids";
  if (model.has_encoder()) {
    feed["input_ids"] = ints({kRingBatch, kRingSource},
                             {tokens.begin(), tokens.begin() + kRingBatch * kRingSource});
    feed["attention_mask"] = ints({kRingBatch, kRingSource}, Numbers(kRingBatch * kRingSource, 1));
    feed["decoder_attention_mask"] = ints({kRingBatch, kRingSeq}, ones);
  } else {
    feed["attention_mask"] = ints({kRingBatch, kRingSeq}, ones);
    feed["position_ids"] = ints({kRingBatch, kRingSeq}, positions);
  }
  feed[read] = ints({kRingBatch, kRingSeq}, tokens);
  const ir::TensorRef forward = built.run("forward", feed)["logits"];

  double largest = 0;
  Feed state;
  auto compare = [&](const Numbers &at) {
    for (int64_t row = 0; row < kRingBatch; ++row)
      for (int64_t id = 0; id < kRingVocab; ++id)
        largest = std::max(largest,
                           std::abs(state["logits"]->floats[row * kRingVocab + id] -
                                    forward->floats[(row * kRingSeq + at[row]) * kRingVocab + id]));
  };
  Numbers at, padded = tokens;
  for (int64_t row = 0; row < kRingBatch; ++row) {
    at.push_back(lengths[row] - 1);
    // What stands behind a prompt means nothing.
    for (int64_t i = lengths[row]; i < kRingSeq; ++i)
      padded[row * kRingSeq + i] = 1;
  }
  feed[read] = ints({kRingBatch, kRingSeq}, padded);
  feed["last_index"] = ints({kRingBatch}, at);
  state = built.run("prefill", feed);
  compare(at);
  for (int64_t step = 1; step < kRingSeq; ++step) {
    for (auto &[name, value] : state)
      feed[name] = value;
    Numbers ids;
    for (int64_t row = 0; row < kRingBatch; ++row) {
      at[row] =
          std::min(at[row] + 1, kRingSeq - 1); // a row at its end computes its last token again
      ids.push_back(token(row, at[row]));
    }
    feed[read] = ints({kRingBatch, 1}, ids);
    feed["positions"] = ints({kRingBatch}, at);
    state = built.run("decode", feed);
    compare(at);
  }
  return largest;
}

TEST(RingCache, EqualsTheForwardPass) {
  for (const char *more :
       {"attention { window: 3 }", "attention { window: 1 }", "attention { window: 10 }",
        "attention { window: 4 kv_heads: 1 soft_cap: 2 } positions { rotary {} }",
        "attention { window: 4 window_layers: [true, false] } positions { rotary {} }",
        "attention { window: 4 window_layers: [false, true] } positions { alibi {} }",
        "attention { window: 3 } positions { alibi { bf16: true scaled: true } }",
        "attention { window: 5 window_layers: [true, false] } "
        "positions { relative_bias { buckets: 8 max_distance: 9 } }",
        "attention { window: 3 first_window_layer: 1 fused_qkv: false } norm { kind: RMS_NORM }",
        "attention { window: 3 window_layers: [false, true] } encoder {}"}) {
    SCOPED_TRACE(more);
    for (const Numbers &lengths : {Numbers{1, 4, 9}, Numbers{2, 3, 11}, Numbers{5, 8, 1}})
      EXPECT_LT(differenceFromForward(windowed(more), lengths), 1e-11);
  }
}

/// Of the cache of a layer's keys after prefill.
Numbers cacheShape(const std::string &more, int layer) {
  BuiltModel built(windowed(more), kRingBatch, kRingSeq);
  mlir::func::FuncOp prefill = built.entry("prefill");
  // Two caches a layer, then logits.
  auto type = mlir::cast<mlir::RankedTensorType>(prefill.getResultTypes()[2 * layer]);
  EXPECT_EQ(prefill.getResultTypes()[2 * layer + 1], type);
  return {type.getShape().begin(), type.getShape().end()};
}

TEST(RingCache, HasTheWindowsRows) {
  const std::string alternating = "attention { window: 4 window_layers: [true, false] }";
  EXPECT_EQ(cacheShape(alternating, 0), Numbers({kRingBatch, 5, 4, 4}));
  EXPECT_EQ(cacheShape(alternating, 1), Numbers({kRingBatch, 5, kRingSeq, 4}));
  EXPECT_EQ(cacheShape("attention { window: 11 }", 0), Numbers({kRingBatch, 5, kRingSeq, 4}));
  EXPECT_EQ(cacheShape("attention { window: 400 }", 0), Numbers({kRingBatch, 5, kRingSeq, 4}));
}

TEST(RingCache, HasAnEnd) {
  mlir::MLIRContext context;
  auto problem = [&](int64_t batch, int64_t seq, const std::string &entry) {
    auto model = windowed("attention { window: 4 } positions { rotary {} }");
    model.clear_max_positions();
    auto built =
        frontend::buildModule(context, model, {.batch = batch, .seq = seq, .entries = {entry}});
    return std::string(built.status().message());
  };
  EXPECT_EQ(problem(1 << 12, 1 << 12, "prefill"), "");
  EXPECT_EQ(problem((1 << 12) + 1, 1 << 12, "prefill"),
            "batch 4097 and seq 4096: generation with a window of 4 has at most 16777216 tokens in "
            "a batch, and 4194304 in a sequence");
  EXPECT_EQ(problem(1, 1 << 22, "decode"), "");
  EXPECT_THAT(problem(1, (1 << 22) + 1, "decode"), testing::HasSubstr("seq 4194305"));
  EXPECT_EQ(problem((1 << 12) + 1, 1 << 12, "forward"), "");
}

} // namespace
} // namespace heddle::test
