// SPDX-License-Identifier: Apache-2.0
// What Hugging Face's tensors mean to our entries.
#include <gmock/gmock.h>

#include "runtime/plan/EntryInputs.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;

std::vector<int32_t> valuesOf(const Tensor &tensor) {
  return {tensor.as<int32_t>(), tensor.as<int32_t>() + tensor.elements()};
}

TEST(EntryInputs, LabelsBecomeTargets) {
  const std::vector<int64_t> labels = {1, 2, -100, 4, 5, 6};
  for (bool shift : {true, false}) {
    TensorMap inputs;
    inputs["labels"] = Tensor::of(DType::I64, {2, 3}, labels);
    EXPECT_FALSE(hasTargets(inputs));
    ASSERT_THAT(makeEntryInputs(inputs, {.shiftLabels = shift}), IsOk());
    EXPECT_FALSE(inputs.count("labels"));
    EXPECT_TRUE(hasTargets(inputs));
    if (shift)
      EXPECT_THAT(valuesOf(inputs["targets"]), ElementsAre(2, -100, -100, 5, 6, -100));
    else
      EXPECT_THAT(valuesOf(inputs["targets"]), ElementsAre(1, 2, -100, 4, 5, 6));
  }
}

TEST(EntryInputs, ADecoderReadsItsLabelsOnePlaceLater) {
  const InputRules rules{false, true, 7, 9};
  TensorMap inputs;
  inputs["labels"] = Tensor::of<int64_t>(DType::I64, {2, 3}, {1, -100, 3, 4, 5, 6});
  TensorMap given = inputs;
  ASSERT_THAT(makeEntryInputs(inputs, rules), IsOk());
  EXPECT_THAT(valuesOf(inputs["targets"]), ElementsAre(1, -100, 3, 4, 5, 6));
  EXPECT_THAT(valuesOf(inputs["decoder_input_ids"]), ElementsAre(7, 1, 9, 7, 4, 5));
  // What is given stays.
  given["decoder_input_ids"] = Tensor::of<int64_t>(DType::I64, {2, 3}, {0, 0, 0, 1, 1, 1});
  ASSERT_THAT(makeEntryInputs(given, rules), IsOk());
  EXPECT_EQ(given["decoder_input_ids"].dtype, DType::I64);
  for (const auto &[start, padding, message] :
       {std::tuple{std::optional<int64_t>(), std::optional<int64_t>(9), "decoder_start_token_id"},
        std::tuple{std::optional<int64_t>(7), std::optional<int64_t>(), "pad_token_id"}}) {
    TensorMap other;
    other["labels"] = Tensor::of<int64_t>(DType::I64, {1, 3}, {1, -100, 3});
    EXPECT_THAT(makeEntryInputs(other, {false, true, start, padding}), IsBadInput(message));
  }
}

TEST(EntryInputs, LabelsOfRowsAreNotShifted) {
  TensorMap inputs;
  inputs["labels"] = Tensor::of<int64_t>(DType::I64, {3}, {1, 2, 0});
  ASSERT_THAT(makeEntryInputs(inputs, {.shiftLabels = true}), IsOk());
  EXPECT_THAT(valuesOf(inputs["targets"]), ElementsAre(1, 2, 0));
}

TEST(EntryInputs, NumbersStayNumbers) {
  TensorMap inputs;
  inputs["labels"] = Tensor::of<double>(DType::F64, {2}, {0.5, -2});
  ASSERT_THAT(makeEntryInputs(inputs, {}), IsOk());
  ASSERT_EQ(inputs["targets"].dtype, DType::F32);
  EXPECT_EQ(inputs["targets"].as<float>()[1], -2);
}

TEST(EntryInputs, PlacesOutsideOfTheSequence) {
  TensorMap inputs;
  inputs["input_ids"] = Tensor::of<int32_t>(DType::I32, {3, 4}, std::vector<int32_t>(12));
  inputs["start_positions"] = Tensor::of<int64_t>(DType::I64, {3}, {0, 3, 4});
  inputs["end_positions"] = Tensor::of<int64_t>(DType::I64, {3}, {-1, 2, 400});
  ASSERT_THAT(makeEntryInputs(inputs, {}), IsOk());
  EXPECT_THAT(valuesOf(inputs["start_positions"]), ElementsAre(0, 3, kIgnoredTarget));
  EXPECT_THAT(valuesOf(inputs["end_positions"]), ElementsAre(0, 2, kIgnoredTarget));
}

TEST(EntryInputs, ATokenThatEveryTextHolds) {
  const InputRules rules{.neededToken = 2};
  TensorMap inputs;
  inputs["input_ids"] = Tensor::of<int64_t>(DType::I64, {2, 3}, {2, 5, 1, 5, 5, 2});
  EXPECT_THAT(makeEntryInputs(inputs, rules), IsOk());
  inputs["input_ids"] = Tensor::of<int64_t>(DType::I64, {2, 3}, {2, 5, 1, 5, 5, 1});
  EXPECT_THAT(makeEntryInputs(inputs, rules), IsBadInput("input_ids: row 1 has no token 2"));
  EXPECT_THAT(makeEntryInputs(inputs, {}), IsOk());
}

TEST(EntryInputs, PositionsCountTokensThatAreNoPadding) {
  const std::vector<int32_t> ids = {9, 1, 7, 1, /**/ 1, 1, 1, 1, /**/ 2, 3, 4, 5};
  EXPECT_THAT(tokenPositions(ids.data(), 12, 4, 1),
              ElementsAre(2, 1, 3, 1, 1, 1, 1, 1, 2, 3, 4, 5));
}

TEST(EntryInputs, TargetsByName) {
  for (const char *name : {"targets", "start_positions", "end_positions", "next_sentence_label"})
    EXPECT_TRUE(isTarget(name)) << name;
  for (const char *name : {"input_ids", "attention_mask", "position_ids", "positions"})
    EXPECT_FALSE(isTarget(name)) << name;
}

} // namespace
} // namespace heddle::runtime
