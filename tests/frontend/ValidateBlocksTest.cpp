// SPDX-License-Identifier: Apache-2.0
// Parts of a layer that do not go together, each with the name of its field.
#include "frontend/Dimensions.h"
#include "frontend/Validate.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

constexpr char kSmallBlocks[] =
    "vocab_size: 11 max_positions: 16 width: 20 layers: 2 attention { heads: 5 }";

Status checkBlocks(const std::string &more) {
  frontend::proto::ModelDef definition = parseModel(kSmallBlocks), addition = parseModel(more);
  definition.MergeFrom(addition);
  return frontend::validateModel(definition, "m.textproto");
}

TEST(ValidateBlocks, Residual) {
  EXPECT_THAT(checkBlocks("residual: PARALLEL"), IsOk());
  EXPECT_THAT(checkBlocks("residual: PARALLEL norm { placement: POST }"),
              IsBadInput("field \"residual\": parallel parts need norm.placement PRE"));
  EXPECT_THAT(checkBlocks("residual: PARALLEL_SHARED_NORM norm { placement: SANDWICH }"),
              IsBadInput("field \"residual\""));
  EXPECT_THAT(checkBlocks("norm { residual_from_norm: true }"), IsOk());
  EXPECT_THAT(checkBlocks("norm { residual_from_norm: true } residual: PARALLEL"),
              IsBadInput("field \"norm.residual_from_norm\""));
  EXPECT_THAT(checkBlocks("norm { residual_from_norm: true placement: POST }"),
              IsBadInput("field \"norm.residual_from_norm\""));
}

TEST(ValidateBlocks, Embeddings) {
  EXPECT_THAT(checkBlocks("embedding_width: 7"), IsOk());
  EXPECT_THAT(checkBlocks("embedding_width: 0"),
              IsBadInput("field \"embedding_width\": expected a size"));
  EXPECT_THAT(checkBlocks("padding_id: 10"), IsOk());
  EXPECT_THAT(checkBlocks("padding_id: -11"), IsOk());
  EXPECT_THAT(checkBlocks("padding_id: 11"),
              IsBadInput("field \"padding_id\": expected one of the 11 tokens, found 11"));
  EXPECT_THAT(checkBlocks("padding_id: -12"), IsBadInput("field \"padding_id\""));
  EXPECT_THAT(checkBlocks("positions { learned { offset: 2 from_mask: true } }"), IsOk());
  EXPECT_THAT(checkBlocks("positions { learned { offset: -1 } }"),
              IsBadInput("field \"positions.learned.offset\""));
  EXPECT_THAT(checkBlocks("positions { learned { offset: 2147483631 } }"), IsOk());
  EXPECT_THAT(checkBlocks("positions { learned { offset: 2147483632 } }"),
              IsBadInput("field \"positions.learned.offset\""));
  EXPECT_THAT(checkBlocks("positions { learned { from_mask: true } }"),
              IsBadInput("field \"positions.learned.from_mask\""));
  EXPECT_THAT(checkBlocks("positions { alibi {} } attention { causal: false }"),
              IsBadInput("field \"positions.alibi\": needs attention.causal"));
}

TEST(ValidateBlocks, Windows) {
  EXPECT_THAT(checkBlocks("attention { window: 3 window_layers: [true, false] }"), IsOk());
  EXPECT_THAT(checkBlocks("attention { window_layers: [false, false] }"), IsOk());
  EXPECT_THAT(checkBlocks("attention { window_layers: [false, true] }"),
              IsBadInput("field \"attention.window_layers\": layer 1 has a window"));
  EXPECT_THAT(checkBlocks("attention { first_window_layer: -1 }"),
              IsBadInput("field \"attention.first_window_layer\""));
}

TEST(ValidateBlocks, Scores) {
  EXPECT_THAT(checkBlocks("attention { scale_dim: 24 }"), IsOk());
  EXPECT_THAT(checkBlocks("attention { scale_dim: 0 }"),
              IsBadInput("field \"attention.scale_dim\""));
  EXPECT_THAT(checkBlocks("attention { scale_dim: 24 scale: 1 }"),
              IsBadInput("field \"attention.scale_dim\": attention.scale is given too"));
  EXPECT_THAT(checkBlocks("attention { fused_qkv: false qkv_layout: BY_KEY_HEAD }"),
              IsBadInput("field \"attention.qkv_layout\": needs attention.fused_qkv"));
  EXPECT_THAT(checkBlocks("attention { mean_if_blind: true causal: false }"),
              IsBadInput("field \"attention.mean_if_blind\""));
  EXPECT_THAT(checkBlocks("head { soft_cap: 30 }"), IsOk());
  EXPECT_THAT(checkBlocks("head { soft_cap: -1 }"), IsBadInput("field \"head.soft_cap\""));
  EXPECT_THAT(checkBlocks("head { soft_cap: inf }"), IsBadInput("field \"head.soft_cap\""));
}

TEST(ValidateBlocks, RelativeBucketsAtTheirLimit) {
  EXPECT_THAT(checkBlocks("positions { relative_bias { buckets: 65536 max_distance: 32769 } }"),
              IsOk());
  EXPECT_THAT(checkBlocks("positions { relative_bias { buckets: 65537 max_distance: 32769 } }"),
              IsBadInput("field \"positions.relative_bias.buckets\": expected a number from 2 to "
                         "65536, found 65537"));
}

TEST(ValidateBlocks, RandomStreamsAtTheirLimit) {
  EXPECT_THAT(checkBlocks("layers: 10922 dropout { hidden: 0.1 }"), IsOk());
  EXPECT_THAT(checkBlocks("layers: 10923 dropout { hidden: 0.1 }"),
              IsBadInput("field \"layers\": with dropout.hidden or dropout.output, 10923 layers "
                         "have more random streams than the limit of 65534"));
  const std::string encoder = "layers: 921 attention { fused_qkv: false } encoder { layers: ";
  EXPECT_THAT(checkBlocks(encoder + "10000 }"), IsOk());
  EXPECT_THAT(checkBlocks(encoder + "10001 }"),
              IsBadInput("the 921 layers and the encoder's 10001 have 65536 random streams, more "
                         "than the limit of 65534"));
}

TEST(Dimensions, WindowsByLayer) {
  auto model = parseModel("layers: 5 attention { window: 3 window_layers: [true, false] "
                          "first_window_layer: 1 }");
  std::vector<int64_t> windows;
  for (int64_t layer = 0; layer < 5; ++layer)
    windows.push_back(frontend::windowOf(model, layer));
  EXPECT_EQ(windows, (std::vector<int64_t>{0, 0, 3, 0, 3}));
  EXPECT_TRUE(frontend::hasWindows(model));
}

} // namespace
} // namespace heddle::test
