// SPDX-License-Identifier: Apache-2.0
// Definitions of two stacks: what the encoder has from the model, its names, the entries, and who
// sees whom.
#include "frontend/Dimensions.h"
#include "frontend/Stacks.h"
#include "frontend/Validate.h"
#include "frontend/builder/RelativeBuckets.h"
#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "ir/LayerPath.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

constexpr char kSmallPair[] = "vocab_size: 11 max_positions: 16 width: 20 layers: 2 "
                              "attention { heads: 5 } initializer { scale: 0.3 } ";
constexpr int64_t kBatch = 2, kSource = 5, kTarget = 7;

frontend::proto::ModelDef smallPair(const std::string &more) {
  frontend::proto::ModelDef definition = parseModel(kSmallPair);
  definition.MergeFrom(parseModel(more));
  return definition;
}

Status checkPair(const std::string &more) {
  return frontend::validateModel(smallPair(more), "m.textproto");
}

std::vector<std::string> parameterNames(const frontend::proto::ModelDef &definition) {
  std::vector<std::string> names;
  for (const frontend::ParameterSpec &spec : frontend::parametersOf(definition).all())
    names.push_back(spec.name);
  return names;
}

/// Of both stacks, at lengths that differ; `step` 0 gives ones.
ir::TensorRef sequence(int64_t length, int64_t step) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < kBatch * length; ++i)
    values.push_back(step == 0 ? 1 : (step * i + 1) % 11);
  return ints({kBatch, length}, values);
}

Feed feedOf(const frontend::proto::ModelDef &definition) {
  Feed feed = randomParameters(definition, 7);
  feed["input_ids"] = sequence(kSource, 3);
  feed["decoder_input_ids"] = sequence(kTarget, 5);
  feed["targets"] = sequence(kTarget, 2);
  feed["attention_mask"] = sequence(kSource, 0);
  feed["decoder_attention_mask"] = sequence(kTarget, 0);
  return feed;
}

/// The tensor with one integer changed.
ir::TensorRef changed(const ir::TensorRef &tensor, int64_t at, int64_t value) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < tensor->elements(); ++i)
    values.push_back(i == at ? value : static_cast<int64_t>(tensor->number(i)));
  return ints(tensor->shape, values);
}

/// The places [b, t] of logits that differ, as b T + t.
std::vector<int64_t> places(const ir::TensorRef &a, const ir::TensorRef &b) {
  const int64_t vocab = a->shape.back();
  std::vector<int64_t> found;
  for (int64_t place = 0; place < a->elements() / vocab; ++place)
    for (int64_t i = 0; i < vocab; ++i)
      if (a->number(place * vocab + i) != b->number(place * vocab + i)) {
        found.push_back(place);
        break;
      }
  return found;
}

BuiltModel build(const frontend::proto::ModelDef &definition) {
  return BuiltModel(definition, kBatch, kTarget, frontend::Element::f64, kSource);
}

TEST(EncoderDecoder, EncoderHasWhatItLeavesOut) {
  frontend::proto::ModelDef encoder = frontend::encoderOf(smallPair(
      "attention { window: 3 window_layers: true mean_if_blind: true } ffn { hidden: 24 } "
      "dropout { attention: 0.1 residual: 0.2 } names { token_embedding: \"shared\" prefix: "
      "\"model.\" } encoder { layers: 3 attention { heads: 4 } dropout { residual: 0.3 } }"));
  EXPECT_EQ(encoder.width(), 20);
  EXPECT_EQ(encoder.layers(), 3);
  EXPECT_EQ(encoder.attention().heads(), 4);
  EXPECT_EQ(encoder.ffn().hidden(), 24);
  EXPECT_FALSE(encoder.attention().causal());
  EXPECT_EQ(encoder.attention().window(), 0);
  EXPECT_FALSE(frontend::hasWindows(encoder));
  EXPECT_FALSE(encoder.attention().mean_if_blind());
  EXPECT_EQ(encoder.dropout().attention(), 0.1);
  EXPECT_EQ(encoder.dropout().residual(), 0.3);
  EXPECT_EQ(encoder.head().kind(), frontend::proto::Head::NONE);
  EXPECT_FALSE(encoder.has_encoder());
  EXPECT_EQ(encoder.names().token_embedding(), "shared");
  EXPECT_EQ(encoder.names().prefix(), "model.");
  EXPECT_EQ(encoder.names().query(), "encoder.layers.{layer}.attention.query");
}

TEST(EncoderDecoder, Parameters) {
  const std::vector<std::string> shared =
      parameterNames(smallPair("layers: 1 bias: false encoder {}"));
  EXPECT_EQ(shared, (std::vector<std::string>{"encoder.embeddings.position.weight",
                                              "encoder.layers.0.attention_norm.weight",
                                              "encoder.layers.0.attention.qkv.weight",
                                              "encoder.layers.0.attention.output.weight",
                                              "encoder.layers.0.ffn_norm.weight",
                                              "encoder.layers.0.ffn.in.weight",
                                              "encoder.layers.0.ffn.out.weight",
                                              "encoder.final_norm.weight",
                                              "decoder.embeddings.token.weight",
                                              "decoder.embeddings.position.weight",
                                              "decoder.layers.0.attention_norm.weight",
                                              "decoder.layers.0.attention.qkv.weight",
                                              "decoder.layers.0.attention.output.weight",
                                              "decoder.layers.0.cross_attention_norm.weight",
                                              "decoder.layers.0.cross_attention.query.weight",
                                              "decoder.layers.0.cross_attention.key.weight",
                                              "decoder.layers.0.cross_attention.value.weight",
                                              "decoder.layers.0.cross_attention.output.weight",
                                              "decoder.layers.0.ffn_norm.weight",
                                              "decoder.layers.0.ffn.in.weight",
                                              "decoder.layers.0.ffn.out.weight",
                                              "decoder.final_norm.weight"}));
  const std::vector<std::string> apart =
      parameterNames(smallPair("layers: 1 bias: false share_token_embedding: false encoder {}"));
  EXPECT_EQ(apart.size(), shared.size() + 1);
  EXPECT_EQ(apart[0], "encoder.embeddings.token.weight");
}

TEST(EncoderDecoder, WidthsMayDiffer) {
  const frontend::proto::ModelDef definition =
      smallPair("share_token_embedding: false encoder { width: 12 attention { heads: 3 } }");
  EXPECT_THAT(frontend::validateModel(definition, "m"), IsOk());
  for (const frontend::ParameterSpec &spec : frontend::parametersOf(definition).all())
    if (spec.name == "decoder.layers.1.cross_attention.key.weight")
      EXPECT_EQ(spec.shape, (std::vector<int64_t>{12, 20}));
  BuiltModel built = build(definition);
  const ir::TensorRef vectors =
      built.run("forward", feedOf(definition))["encoder_last_hidden_state"];
  EXPECT_EQ(vectors->shape, (std::vector<int64_t>{kBatch, kSource, 12}));
}

TEST(EncoderDecoder, Signatures) {
  BuiltModel built = build(smallPair("dropout { residual: 0.1 } encoder {}"));
  auto inputs = [&](const char *entry) {
    std::string list;
    mlir::func::FuncOp function = built.entry(entry);
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (ir::argumentKind(function, i) != ir::kKindParam)
        list += ir::argumentName(function, i).str() + " ";
    return list;
  };
  const std::string read = "input_ids attention_mask decoder_input_ids decoder_attention_mask ";
  EXPECT_EQ(inputs("forward"), read);
  EXPECT_EQ(inputs("loss"), read + "targets ");
  EXPECT_EQ(inputs("eval"), read + "targets ");
  EXPECT_EQ(inputs("train_loss"), read + "targets rng ");
}

TEST(EncoderDecoder, EveryOpKnowsItsLayer) {
  BuiltModel built = build(smallPair("layers: 1 encoder {}"));
  std::vector<std::string> order;
  built.entry("loss").walk([&](mlir::Operation *op) {
    if (op->getName().getStringRef().starts_with("heddle.")) {
      std::string path = ir::layerPath(op->getLoc());
      if (order.empty() || order.back() != path)
        order.push_back(path);
    }
  });
  EXPECT_EQ(order, (std::vector<std::string>{
                       "encoder.embeddings", "encoder.layers.0.attention", "encoder.layers.0.ffn",
                       "encoder.final_norm", "decoder.embeddings", "decoder.layers.0.attention",
                       "decoder.layers.0.cross_attention", "decoder.layers.0.ffn",
                       "decoder.final_norm", "lm_head"}));
}

TEST(EncoderDecoder, RandomStreamsAreDistinct) {
  BuiltModel built = build(
      smallPair("dropout { embedding: 0.1 attention: 0.2 residual: 0.3 } encoder { layers: 1 }"));
  std::vector<int64_t> ids;
  built.entry("train_loss").walk([&](ir::DropoutOp op) { ids.push_back(op.getRngId()); });
  EXPECT_EQ(ids, (std::vector<int64_t>{14, 15, 16, 17, 0, 1, 2, 7, 8, 3, 4, 5, 9, 10, 6}));
}

TEST(EncoderDecoder, WhoSeesWhom) {
  const frontend::proto::ModelDef definition = smallPair("positions { rotary {} } encoder {}");
  BuiltModel built = build(definition);
  const Feed feed = feedOf(definition);
  const ir::TensorRef logits = built.run("forward", feed)["logits"];
  auto placesOf = [&](const char *input, int64_t at, int64_t value) {
    Feed other = feed;
    other[input] = changed(feed.at(input), at, value);
    return places(logits, built.run("forward", other)["logits"]);
  };
  using Places = std::vector<int64_t>;
  // Every token reads the whole source of its row, and of its own text what came before.
  EXPECT_EQ(placesOf("input_ids", kSource - 1, 9), (Places{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(placesOf("decoder_input_ids", kTarget + 4, 9), (Places{11, 12, 13}));
  EXPECT_EQ(placesOf("attention_mask", kSource + 2, 0), (Places{7, 8, 9, 10, 11, 12, 13}));
  EXPECT_EQ(placesOf("decoder_attention_mask", 2, 0), (Places{2, 3, 4, 5, 6}));
  // A source token that the mask hides is read by nobody.
  Feed masked = feed;
  masked["attention_mask"] = changed(feed.at("attention_mask"), 3, 0);
  const ir::TensorRef before = built.run("forward", masked)["logits"];
  masked["input_ids"] = changed(feed.at("input_ids"), 3, 9);
  EXPECT_EQ(places(before, built.run("forward", masked)["logits"]), Places{});
}

/// Where buckets begin, from -600 on.
std::vector<std::pair<int64_t, int64_t>> bucketBounds(bool ahead, int64_t buckets, int64_t most) {
  std::vector<std::pair<int64_t, int64_t>> bounds;
  for (int64_t distance = -600; distance <= 600; ++distance)
    if (int64_t bucket = frontend::relativeBucket(distance, ahead, buckets, most);
        bounds.empty() || bounds.back().second != bucket)
      bounds.emplace_back(distance, bucket);
  return bounds;
}

TEST(EncoderDecoder, RelativeBucketsAreThoseOfTransformers) {
  using Bounds = std::vector<std::pair<int64_t, int64_t>>;
  EXPECT_EQ(
      bucketBounds(true, 32, 128),
      (Bounds{{-600, 15}, {-90, 14}, {-63, 13}, {-45, 12}, {-31, 11}, {-22, 10}, {-15, 9}, {-11, 8},
              {-7, 7},    {-6, 6},   {-5, 5},   {-4, 4},   {-3, 3},   {-2, 2},   {-1, 1},  {0, 0},
              {1, 17},    {2, 18},   {3, 19},   {4, 20},   {5, 21},   {6, 22},   {7, 23},  {8, 24},
              {12, 25},   {16, 26},  {23, 27},  {32, 28},  {46, 29},  {64, 30},  {91, 31}}));
  EXPECT_EQ(bucketBounds(false, 32, 128),
            (Bounds{{-600, 31}, {-112, 30}, {-98, 29}, {-86, 28}, {-76, 27}, {-66, 26}, {-58, 25},
                    {-51, 24},  {-45, 23},  {-39, 22}, {-34, 21}, {-30, 20}, {-26, 19}, {-23, 18},
                    {-20, 17},  {-18, 16},  {-15, 15}, {-14, 14}, {-13, 13}, {-12, 12}, {-11, 11},
                    {-10, 10},  {-9, 9},    {-8, 8},   {-7, 7},   {-6, 6},   {-5, 5},   {-4, 4},
                    {-3, 3},    {-2, 2},    {-1, 1},   {0, 0}}));
  EXPECT_EQ(bucketBounds(false, 6, 20),
            (Bounds{{-600, 5}, {-10, 4}, {-5, 3}, {-2, 2}, {-1, 1}, {0, 0}}));
  EXPECT_EQ(bucketBounds(true, 6, 9), (Bounds{{-600, 2}, {-2, 1}, {0, 0}, {1, 4}, {3, 5}}));
}

/// Sinusoids stand in the graph as they are in the papers.
TEST(EncoderDecoder, Sinusoids) {
  auto differs = [&](const std::string &sinusoidal) {
    const frontend::proto::ModelDef definition =
        smallPair("head { kind: NONE } positions { sinusoidal { " + sinusoidal + " } } encoder {}");
    BuiltModel built = build(definition);
    const Feed feed = feedOf(definition);
    return built.run("forward", feed)["last_hidden_state"];
  };
  const ir::TensorRef interleaved = differs(""), halves = differs("halves: true");
  EXPECT_GT(largestDifference(interleaved, halves), 1e-3);
  EXPECT_GT(largestDifference(halves, differs("halves: true reach_theta: true")), 1e-3);
  EXPECT_LT(largestDifference(halves, differs("halves: true f32: true")), 1e-5);
}

TEST(EncoderDecoder, Errors) {
  EXPECT_THAT(checkPair("encoder {}"), IsOk());
  EXPECT_THAT(checkPair("encoder { head {} }"), IsBadInput("field \"encoder.head\""));
  EXPECT_THAT(checkPair("encoder { encoder {} }"), IsBadInput("field \"encoder.encoder\""));
  EXPECT_THAT(checkPair("encoder { loss {} }"), IsBadInput("field \"encoder.loss\""));
  EXPECT_THAT(checkPair("encoder { pooler {} }"), IsBadInput("field \"encoder.pooler\""));
  EXPECT_THAT(checkPair("encoder { frozen: \"*\" }"), IsBadInput("field \"encoder.frozen\""));
  EXPECT_THAT(checkPair("encoder { adapters { targets: \"query\" } }"),
              IsBadInput("field \"encoder.adapters\": belongs to the model"));
  EXPECT_THAT(checkPair("encoder { weight_layout: OUT_IN }"),
              IsBadInput("field \"encoder.weight_layout\""));
  EXPECT_THAT(checkPair("encoder { attention { causal: true } }"),
              IsBadInput("field \"encoder.attention.causal\""));
  EXPECT_THAT(checkPair("encoder { attention { heads: 3 } }"),
              IsBadInput("field \"encoder.attention.heads\": 3 heads do not divide the width, 20"));
  EXPECT_THAT(checkPair("encoder { width: 10 }"),
              IsBadInput("field \"encoder.width\": the encoder reads the decoder's token table"));
  EXPECT_THAT(checkPair("encoder { vocab_size: 12 }"), IsBadInput("field \"encoder.vocab_size\""));
  EXPECT_THAT(checkPair("encoder {} attention { causal: false }"),
              IsBadInput("field \"attention.causal\""));
  EXPECT_THAT(checkPair("encoder {} residual: PARALLEL"), IsBadInput("field \"residual\""));
  EXPECT_THAT(checkPair("encoder {} token_types {}"), IsBadInput("field \"token_types\""));
  EXPECT_THAT(checkPair("encoder {} head { kind: SPAN }"), IsBadInput("field \"head.kind\""));
  EXPECT_THAT(checkPair("encoder {} head { kind: NONE }"), IsOk());
  EXPECT_THAT(checkPair("encoder {} decoder_input { start_id: 10 padding_id: 0 }"), IsOk());
  EXPECT_THAT(checkPair("encoder {} decoder_input { start_id: 11 }"),
              IsBadInput("field \"decoder_input.start_id\": expected one of the 11 tokens"));
  EXPECT_THAT(checkPair("encoder {} decoder_input { padding_id: -1 }"),
              IsBadInput("field \"decoder_input.padding_id\""));
  EXPECT_THAT(checkPair("decoder_input { start_id: 1 }"), IsBadInput("field \"decoder_input\""));
  EXPECT_THAT(checkPair("share_token_embedding: false"),
              IsBadInput("field \"share_token_embedding\": needs an encoder"));
  EXPECT_THAT(checkPair("encoder {} positions { sinusoidal {} }"), IsOk());
  EXPECT_THAT(checkPair("positions { sinusoidal { theta: 0 } }"),
              IsBadInput("field \"positions.sinusoidal.theta\""));
  EXPECT_THAT(checkPair("positions { sinusoidal {} } width: 15"),
              IsBadInput("field \"positions.sinusoidal\": needs an even width, found 15"));
  EXPECT_THAT(checkPair("positions { relative_bias { buckets: 2 max_distance: 2 } }"), IsOk());
  EXPECT_THAT(checkPair("positions { relative_bias { buckets: 1 } }"),
              IsBadInput("field \"positions.relative_bias.buckets\": expected a number from 2"));
  EXPECT_THAT(checkPair("positions { relative_bias { buckets: 3 } } encoder {}"),
              IsBadInput("field \"encoder.positions.relative_bias.buckets\""));
  EXPECT_THAT(checkPair("positions { relative_bias { buckets: 8 max_distance: 4 } }"),
              IsBadInput("field \"positions.relative_bias.max_distance\""));
  EXPECT_THAT(checkPair("attention { key_bias: false }"),
              IsBadInput("field \"attention.key_bias\": needs attention.fused_qkv: false"));
  EXPECT_THAT(checkPair("attention { key_bias: false fused_qkv: false }"), IsOk());
  EXPECT_THAT(checkPair("frames { bins: 3 }"), IsBadInput("field \"frames\": needs an encoder"));
  EXPECT_THAT(checkPair("encoder { frames {} }"), IsBadInput("field \"encoder.frames.bins\""));
  EXPECT_THAT(checkPair("encoder { frames { bins: 3 } }"), IsOk());
  EXPECT_THAT(checkPair("dropout { hidden: 1 }"), IsBadInput("field \"dropout.hidden\""));
  EXPECT_THAT(checkPair("encoder { names { final_norm: \"decoder.final_norm\" } }"),
              IsBadInput("\"decoder.final_norm\" is a name of"));
  EXPECT_THAT(checkPair("layers: 5461 encoder {}"), IsBadInput("have 65536 random streams"));
  EXPECT_THAT(checkPair("layers: 5460 encoder {}"), IsOk());
}

} // namespace
} // namespace heddle::test
