// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "runtime/cli/Prompts.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/SafetensorsWriter.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

StatusOr<std::optional<std::string>> noFile(const std::string &) { return std::nullopt; }

GenerateFlags flagsFor(std::vector<std::string> promptIds, int64_t maxNewTokens) {
  GenerateFlags flags;
  flags.promptIds = std::move(promptIds);
  flags.maxNewTokens = maxNewTokens;
  return flags;
}

StatusOr<BatchShape> shapeOf(const GenerateFlags &flags, const PromptLimits &limits = {}) {
  return promptShape(FileLayer::system(), flags, noFile, limits);
}

TEST(Prompts, RoomForTheLongestWithItsAnswer) {
  auto shape = shapeOf(flagsFor({"1,2,3", "4,5,6,7"}, 60));
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->batch, 2);
  EXPECT_EQ(shape->seq, 64); // 4 + 60, and no more than that
  EXPECT_EQ(shape->sourceSeq, 0);
  EXPECT_EQ(shapeOf(flagsFor({"1,2,3,4,5"}, 60))->seq, 128);
  EXPECT_EQ(shapeOf(flagsFor({"1"}, 600))->seq, 640); // steps grow with the length
  EXPECT_EQ(shapeOf(flagsFor({"1"}, 0))->seq, 64);
}

TEST(Prompts, AtMostWhatTheModelTakes) {
  PromptLimits limits;
  limits.seq = 50;
  EXPECT_EQ(shapeOf(flagsFor({"1"}, 600), limits)->seq, 50);
  limits.seq = 1'000'000; // room for very long answers must be asked for
  EXPECT_LT(shapeOf(flagsFor({"1"}, INT64_MAX), limits)->seq, 10'000);
}

TEST(Prompts, AnEncoderReadsThePrompt) {
  PromptLimits limits;
  limits.encoderDecoder = true;
  limits.sourceSeq = 100;
  std::string longPrompt = "1";
  for (int i = 0; i < 79; ++i)
    longPrompt += ",1";
  auto shape = shapeOf(flagsFor({longPrompt}, 63), limits);
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->sourceSeq, 100); // 80, rounded up, but for the encoder's bound
  EXPECT_EQ(shape->seq, 64);        // an answer starts from one token
}

/// A file of input_features of this shape, 0, 1, ...
std::string featuresFile(const TempFolder &folder, const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0f);
  std::string path = folder / "in.safetensors";
  EXPECT_THAT(
      writeSafetensorsFile(FileLayer::system(), path,
                           {tensorFromMemory("input_features", DType::F32, shape, values.data())}),
      IsOk());
  return path;
}

TEST(Prompts, FeaturesGetWhatTheEncoderReads) {
  TempFolder folder;
  GenerateFlags flags = flagsFor({}, 50);
  flags.inputs = featuresFile(folder, {20, 3, 9});
  PromptLimits limits;
  limits.encoderDecoder = true;
  limits.bins = 3;
  limits.sourceSeq = 100;
  auto shape = shapeOf(flags, limits);
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->sourceSeq, 100);
  EXPECT_EQ(shape->seq, 64); // a start of a few tokens and the answer
  EXPECT_EQ(shape->batch, 16);
  limits.sourceSeq = 0;
  EXPECT_EQ(shapeOf(flags, limits)->sourceSeq, 5); // two frames a vector
  limits.sourceSeq = 4;
  EXPECT_THAT(shapeOf(flags, limits), IsBadInput("in.safetensors: input_features: has shape [20, "
                                                 "3, 9], 9 frames; the encoder reads at most 8"));
  limits.bins = 4;
  EXPECT_THAT(shapeOf(flags, limits), IsBadInput("3 bins; the model's encoder reads 4"));
}

TEST(Prompts, FeaturesAreNumbersInThreeAxes) {
  TempFolder folder;
  auto features = readFeatures(FileLayer::system(), featuresFile(folder, {2, 3, 4}));
  ASSERT_THAT(features, IsOk());
  EXPECT_EQ(features->as<float>()[23], 23);
  EXPECT_THAT(readFeatures(FileLayer::system(), featuresFile(folder, {6, 4})),
              IsBadInput("has shape [6, 4], expected [N, bins, frames]"));
  EXPECT_THAT(readFeatures(FileLayer::system(), featuresFile(folder, {2, 0, 4})),
              IsBadInput("expected [N, bins, frames]"));
}

TEST(Prompts, RowsForEachBeam) {
  GenerateFlags flags = flagsFor(std::vector<std::string>(10, "1"), 5);
  EXPECT_EQ(shapeOf(flags)->batch, 10);
  flags.beams = 4; // four prompts at a time
  EXPECT_EQ(shapeOf(flags)->batch, 16);
  flags.beams = 40;
  EXPECT_EQ(shapeOf(flags)->batch, 40);
}

TEST(Prompts, TextIsCountedInTokens) {
  GenerateFlags flags = flagsFor({}, 0);
  flags.prompts = {std::string(65, 'a')}; // without a tokenizer, in bytes
  EXPECT_EQ(shapeOf(flags)->seq, 128);
  flags.tokenizer = "/nowhere";
  EXPECT_THAT(shapeOf(flags), IsBadInput("/nowhere"));
}

TEST(Prompts, IdsAreNumbers) {
  EXPECT_THAT(shapeOf(flagsFor({"1,x"}, 5)), IsBadInput("--prompt-ids 1,x"));
  auto outside = readPrompts(flagsFor({"1,7"}, 5), nullptr, 7);
  EXPECT_THAT(outside, IsBadInput("token 7 is outside the vocabulary of 7"));
}

} // namespace
} // namespace heddle::runtime
