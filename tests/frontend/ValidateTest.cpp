// SPDX-License-Identifier: Apache-2.0
// What a definition may not say, each with the name of its field.
#include "frontend/Validate.h"

#include "frontend/LayerNames.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::validateModel;

constexpr char kSmallModel[] =
    "vocab_size: 11 max_positions: 16 width: 20 layers: 2 attention { heads: 5 }";

Status check(const std::string &more, const std::string &base = kSmallModel) {
  frontend::proto::ModelDef definition = parseModel(base), addition = parseModel(more);
  definition.MergeFrom(addition);
  return validateModel(definition, "m.textproto");
}

TEST(Validate, SmallModelIsFine) {
  EXPECT_THAT(check(""), IsOk());
  EXPECT_THAT(check("positions { none {} } max_positions: 0"), IsOk());
  EXPECT_THAT(check("attention { window: 3 soft_cap: 30 kv_heads: 1 head_dim: 7 }"), IsOk());
}

TEST(Validate, Sizes) {
  EXPECT_THAT(check("", "width: 20"), IsBadInput("m.textproto: field \"layers\": is missing"));
  EXPECT_THAT(check("", "layers: 20"), IsBadInput("field \"width\": is missing"));
  EXPECT_THAT(check("layers: 0"), IsBadInput("field \"layers\": expected a size from 1 to 16384"));
  EXPECT_THAT(check("layers: 16384"), IsOk());
  EXPECT_THAT(check("layers: 16385"), IsBadInput("found 16385"));
  EXPECT_THAT(check("vocab_size: 0"), IsBadInput("field \"vocab_size\""));
  EXPECT_THAT(check("vocab_size: 2147483648"), IsBadInput("field \"vocab_size\""));
  EXPECT_THAT(check("max_positions: 0"), IsBadInput("field \"max_positions\": is missing"));
  EXPECT_THAT(check("max_positions: -1"), IsBadInput("field \"max_positions\""));
  EXPECT_THAT(check("ffn { hidden: 0 }"), IsBadInput("field \"ffn.hidden\""));
  EXPECT_THAT(check("width: 2000000000 attention { heads: 1 }"),
              IsBadInput("field \"width\": 4 width"));
  EXPECT_THAT(
      check("width: 100000000 ffn { hidden: 100000000 } attention { heads: 1 head_dim: 1 }"),
      IsBadInput("field \"width\": the model has more than"));
}

TEST(Validate, SizesAtTheirLimits) {
  EXPECT_THAT(check("vocab_size: 2147483647"), IsOk());
  EXPECT_THAT(check("vocab_size: 2147483648"),
              IsBadInput("field \"vocab_size\": expected a size from 1 to 2147483647"));
  EXPECT_THAT(check("attention { heads: 65536 head_dim: 2 }"), IsOk());
  EXPECT_THAT(check("attention { heads: 65537 head_dim: 2 }"),
              IsBadInput("field \"attention.heads\": expected a size from 1 to 65536"));
  // Counted in rows of `width` weights, 2^28 of which are 2^48: four matrices of the layer, two
  // columns each for query and key, and the vocabulary twice.
  const std::string kWide = "width: 1048576 layers: 1 ffn { hidden: 1048576 } positions { none {} }"
                            "attention { heads: 1 head_dim: 1 } vocab_size: ";
  EXPECT_THAT(check("", kWide + "132120574"), IsOk());
  EXPECT_THAT(check("", kWide + "132120575"),
              IsBadInput("field \"width\": the model has more than 281474976710656 weights"));
  EXPECT_THAT(check("vocab_size: 2147483647 embedding_width: 72556854"),
              IsBadInput("field \"width\": the model has more than 281474976710656 weights"));
}

TEST(Validate, ShapesAtTheirLimits) {
  frontend::proto::ModelDef model = parseModel(
      "width: 8 layers: 1 attention { heads: 1 } positions { none {} } vocab_size: 1048576");
  EXPECT_THAT(frontend::validateShape(model, 1, 1 << 24), IsOk());
  EXPECT_THAT(frontend::validateShape(model, 1, (1 << 24) + 1),
              IsBadInput("seq: expected a size from 1 to 16777216, found 16777217"));
  EXPECT_THAT(frontend::validateShape(model, 1 << 24, 16), IsOk()); // 2^48 logits
  EXPECT_THAT(frontend::validateShape(model, (1 << 24) + 1, 16),
              IsBadInput("is more than 281474976710656 elements"));
  model.set_vocab_size(1);
  EXPECT_THAT(frontend::validateShape(model, frontend::kMaxDimension, 1), IsOk());
  EXPECT_THAT(frontend::validateShape(model, frontend::kMaxDimension + 1, 1),
              IsBadInput("batch: expected a size from 1 to 2147483647, found 2147483648"));
}

TEST(Validate, Attention) {
  EXPECT_THAT(check("attention { heads: 3 }"),
              IsBadInput("field \"attention.heads\": 3 heads do not divide the width, 20"));
  EXPECT_THAT(check("attention { heads: 0 }"), IsBadInput("field \"attention.heads\""));
  EXPECT_THAT(check("", "vocab_size: 1 max_positions: 1 width: 4 layers: 1"),
              IsBadInput("field \"attention.heads\": is missing"));
  EXPECT_THAT(check("attention { kv_heads: 2 }"),
              IsBadInput("field \"attention.kv_heads\": 2 do not divide the 5 query heads"));
  EXPECT_THAT(check("attention { kv_heads: 10 }"), IsBadInput("field \"attention.kv_heads\""));
  EXPECT_THAT(check("attention { head_dim: -1 }"), IsBadInput("field \"attention.head_dim\""));
  EXPECT_THAT(check("attention { head_dim: 2000000000 }"), IsBadInput("columns"));
  EXPECT_THAT(check("attention { scale: inf }"), IsBadInput("field \"attention.scale\""));
  EXPECT_THAT(check("attention { window: -1 }"), IsBadInput("field \"attention.window\""));
  EXPECT_THAT(check("attention { window: 2 causal: false }"), IsBadInput("attention.window"));
  EXPECT_THAT(check("attention { soft_cap: nan }"), IsBadInput("field \"attention.soft_cap\""));
}

TEST(Validate, Rotary) {
  EXPECT_THAT(check("positions { rotary {} }"), IsOk());
  EXPECT_THAT(check("positions { rotary {} } attention { head_dim: 5 }"),
              IsBadInput("field \"attention.head_dim\": rotary positions turn pairs"));
  EXPECT_THAT(check("positions { rotary { fraction: 0.5 } }"), IsOk());
  EXPECT_THAT(check("positions { rotary { fraction: 0.25 } }"), IsBadInput("1 of the head's 4"));
  EXPECT_THAT(check("positions { rotary { fraction: 1.5 } }"),
              IsBadInput("field \"positions.rotary.fraction\""));
  EXPECT_THAT(check("positions { rotary { theta: 0 } }"),
              IsBadInput("field \"positions.rotary.theta\""));
  EXPECT_THAT(check("positions { rotary { linear {} } }"),
              IsBadInput("field \"positions.rotary.linear.factor\": is missing"));
  EXPECT_THAT(check("positions { rotary { llama3 { factor: 8 } } }"),
              IsBadInput("field \"positions.rotary.llama3.original_max_positions\": is missing"));
  EXPECT_THAT(check("positions { rotary { llama3 { factor: 8 low_frequency_factor: 4 "
                    "original_max_positions: 9 } } }"),
              IsBadInput("field \"positions.rotary.llama3.high_frequency_factor\""));
}

TEST(Validate, Numbers) {
  EXPECT_THAT(check("norm { epsilon: 0 }"), IsBadInput("field \"norm.epsilon\""));
  EXPECT_THAT(check("norm { kind: RMS_NORM bias: true }"), IsBadInput("field \"norm.bias\""));
  EXPECT_THAT(check("dropout { residual: 1 }"), IsBadInput("field \"dropout.residual\""));
  EXPECT_THAT(check("dropout { attention: -0.1 }"), IsBadInput("field \"dropout.attention\""));
  EXPECT_THAT(check("loss { label_smoothing: nan }"), IsBadInput("field \"loss.label_smoothing\""));
  EXPECT_THAT(check("initializer { scale: -1 }"), IsBadInput("field \"initializer.scale\""));
}

TEST(Validate, Names) {
  EXPECT_THAT(check("names { qkv: \"qkv\" }"),
              IsBadInput("field \"names.qkv\": \"qkv\" has no {layer}"));
  EXPECT_THAT(check("names { head: \"h.{layer}\" }"), IsBadInput("field \"names.head\""));
  EXPECT_THAT(check("names { ffn_in: \"l.{layer}\" ffn_out: \"l.{layer}\" }"),
              IsBadInput("\"l.{layer}\" is names.ffn_in too"));
  EXPECT_THAT(check("names { head: \"\" }"), IsBadInput("field \"names.head\": is empty"));
  EXPECT_THAT(check("names { prefix: \"a\\001\" }"), IsBadInput("field \"names.prefix\""));
  EXPECT_THAT(check("names { prefix: \"m.\" other_prefixes: [\"\", \"a.\"] }"), IsOk());
  EXPECT_THAT(check("names { other_prefixes: [\"a.\", \"a.\"] }"),
              IsBadInput("field \"names.other_prefixes\": \"a.\" is there twice"));
  std::string longest(256, 'n');
  EXPECT_THAT(check("names { head: \"" + longest + "\" }"), IsOk());
  EXPECT_THAT(check("names { head: \"" + longest + "n\" }"),
              IsBadInput("field \"names.head\": expected plain text of at most 256 bytes"));
  EXPECT_EQ(frontend::withLayer("a.{layer}.b.{layer}", 12), "a.12.b.12");
}

TEST(Validate, NamesThatMeetInSomeLayer) {
  constexpr char kMeeting[] = "names { ffn_in: \"l{layer}\" ffn_out: \"l1{layer}\" }";
  EXPECT_THAT(check(std::string("layers: 10 ") + kMeeting), IsOk());
  EXPECT_THAT(check(std::string("layers: 11 ") + kMeeting), IsBadInput("\"l10\" is a name of"));
}

TEST(Validate, NamesThatMeetByTheirPrefix) {
  EXPECT_THAT(check("names { prefix: \"lm_\" token_embedding: \"head\" }"),
              IsBadInput("field \"names.head\": with one of the prefixes \"lm_head\" is a name of "
                         "names.token_embedding too"));
  EXPECT_THAT(check("names { other_prefixes: \"m.\" token_embedding: \"e\" "
                    "position_embedding: \"m.e\" }"),
              IsBadInput("with one of the prefixes \"m.e\" is a name of"));
}

TEST(Validate, OtherPrefixesAtTheirLimit) {
  std::string prefixes;
  for (int i = 0; i < frontend::kMaxOtherPrefixes; ++i)
    prefixes += "other_prefixes: \"p" + std::to_string(i) + ".\" ";
  EXPECT_THAT(check("names { " + prefixes + "}"), IsOk());
  EXPECT_THAT(check("names { " + prefixes + "other_prefixes: \"q.\" }"),
              IsBadInput("field \"names.other_prefixes\": 9 prefixes, more than the limit of 8"));
}

TEST(Validate, Shapes) {
  frontend::proto::ModelDef model = parseModel(kSmallModel);
  EXPECT_THAT(frontend::validateShape(model, 3, 16), IsOk());
  EXPECT_THAT(frontend::validateShape(model, 3, 17),
              IsBadInput("seq: 17 is more than the 16 positions of the model"));
  EXPECT_THAT(frontend::validateShape(model, 0, 16), IsBadInput("batch"));
  EXPECT_THAT(frontend::validateShape(model, 1, 0), IsBadInput("seq"));
  model.set_max_positions(1 << 30);
  EXPECT_THAT(frontend::validateShape(model, 1, (1 << 24) + 1), IsBadInput("seq: expected"));
  EXPECT_THAT(frontend::validateShape(model, 1 << 20, 1 << 20), IsBadInput("elements"));
}

TEST(Textproto, UnknownFieldsAreErrors) {
  TempFolder folder;
  spill(folder / "m.textproto", std::string(kSmallModel) + " wdith: 3");
  EXPECT_THAT(frontend::loadModel(runtime::FileLayer::system(), folder / "m.textproto"),
              IsBadInput("wdith"));
}

} // namespace
} // namespace heddle::test
