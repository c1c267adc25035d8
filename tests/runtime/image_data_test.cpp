// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numeric>

#include "runtime/io/SafetensorsWriter.h"
#include "runtime/train/ImageData.h"
#include "tests/runtime/ObjectiveCase.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

constexpr int64_t kImages = 6, kSize = 2 * 3 * 4;

/// Image i is all i; its class is i % 3.
void writeImages(const std::string &path, std::vector<int64_t> shape = {kImages, 2, 3, 4},
                 int32_t last = 2) {
  static std::vector<float> pixels;
  static std::vector<int32_t> labels;
  pixels.clear();
  for (int64_t i = 0; i < kImages * kSize; ++i)
    pixels.push_back(static_cast<float>(i / kSize));
  labels = {0, 1, 2, 0, 1, last};
  ASSERT_THAT(
      writeSafetensorsFile(FileLayer::system(), path,
                           {tensorFromMemory("images", DType::F32, shape, pixels.data()),
                            tensorFromMemory("labels", DType::I32, {kImages}, labels.data())}),
      IsOk());
}

DataOptions imageOptions(Objective objective) {
  DataOptions options = objectiveOptions(objective, 2, 1);
  options.task.classes = 3;
  options.task.timesteps = 1000;
  options.task.inputs = {{"pixel_values", {2, 2, 3, 4}}};
  if (objective == Objective::Denoising)
    options.task.inputs["class_labels"] = {2};
  return options;
}

TEST(Images, ComeWithTheirClasses) {
  TempFolder folder;
  writeImages(folder / "i.safetensors");
  DataOptions options = imageOptions(Objective::Images);
  options.valSplit = 0.34;
  auto data = openTrainingData(FileLayer::system(), folder / "i.safetensors", nullptr, options);
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ((*data)->describe(), "6 images, the last 2 for validation");
  std::multiset<float> seen;
  for (uint64_t index = 0; index < 2; ++index) {
    Batch batch;
    (*data)->trainingBatch(index, batch);
    EXPECT_TRUE(batch.inputIds.empty());
    ASSERT_EQ(batch.numbers["pixel_values"].size(), 2u * kSize);
    for (int row : {0, 1}) {
      const float image = batch.numbers["pixel_values"][row * kSize];
      EXPECT_EQ(batch.numbers["pixel_values"][row * kSize + kSize - 1], image);
      EXPECT_EQ(batch.targets[row], static_cast<int>(image) % 3);
      seen.insert(image);
    }
  }
  EXPECT_EQ(seen, (std::multiset<float>{0, 1, 2, 3}));
}

TEST(Images, WrongOnesAreNamed) {
  TempFolder folder;
  auto open = [&](Objective objective) {
    return openTrainingData(FileLayer::system(), folder / "i.safetensors", nullptr,
                            imageOptions(objective));
  };
  writeImages(folder / "i.safetensors", {kImages, 2, 4, 3});
  EXPECT_THAT(open(Objective::Images), IsBadInput("expected [N, 2, 3, 4]"));
  writeImages(folder / "i.safetensors", {kImages, 2, 3, 4}, 3);
  EXPECT_THAT(open(Objective::Images), IsBadInput("\"labels\": 3 at 5 is none of the 3 classes"));
  EXPECT_THAT(open(Objective::MaskedLm), IsBadInput("holds images"));
}

TEST(Denoising, ImagesAreMixedWithTheNoiseToFind) {
  TempFolder folder;
  writeImages(folder / "i.safetensors");
  auto data = openTrainingData(FileLayer::system(), folder / "i.safetensors", nullptr,
                               imageOptions(Objective::Denoising));
  ASSERT_THAT(data, IsOk());
  const std::vector<double> schedule = noiseSchedule(1000, false);
  std::vector<int> steps(10);
  double sum = 0, squares = 0;
  int64_t count = 0;
  std::vector<float> first;
  for (uint64_t index = 0; index < 300; ++index) {
    Batch batch, again;
    (*data)->trainingBatch(index, batch);
    (*data)->trainingBatch(index, again);
    EXPECT_EQ(batch.numbers, again.numbers);
    for (int row : {0, 1}) {
      const int t = batch.others["timesteps"][row];
      ++steps[t / 100];
      const double image = std::sqrt(schedule[t]), noise = std::sqrt(1 - schedule[t]);
      double original = 0;
      for (int64_t i = row * kSize; i < (row + 1) * kSize; ++i) {
        const double e = batch.numbers["targets"][i];
        const double x = (batch.numbers["pixel_values"][i] - noise * e) / image;
        original = std::round(x);
        EXPECT_NEAR(x, original, 1e-3);
        sum += e;
        squares += e * e;
        ++count;
      }
      EXPECT_EQ(batch.others["class_labels"][row], static_cast<int>(original) % 3);
    }
    if (index == 0)
      first = batch.numbers["targets"];
    else
      EXPECT_NE(batch.numbers["targets"], first);
  }
  EXPECT_NEAR(sum / static_cast<double>(count), 0, 0.025); // three deviations
  EXPECT_NEAR(squares / static_cast<double>(count), 1, 0.036);
  for (int times : steps)
    EXPECT_NEAR(times, 60, 22);
}

TEST(Denoising, Schedules) {
  // Of 1000 steps: the products of 1 - beta as PyTorch gives them in float64.
  const std::vector<double> linear = noiseSchedule(1000, false), cosine = noiseSchedule(1000, true);
  EXPECT_NEAR(linear[0], 0.9999, 1e-12);
  EXPECT_NEAR(linear[499], 0.07858724, 1e-7);
  EXPECT_NEAR(linear[999], 4.0358298e-05, 1e-11);
  EXPECT_NEAR(cosine[0], 0.99995872, 1e-7);
  EXPECT_NEAR(cosine[499], 0.49384359, 1e-7);
  EXPECT_LT(cosine[999], 1e-8);
  for (const auto &schedule : {linear, cosine})
    for (size_t t = 1; t < schedule.size(); ++t)
      EXPECT_LT(schedule[t], schedule[t - 1]);
}

} // namespace
} // namespace heddle::runtime
