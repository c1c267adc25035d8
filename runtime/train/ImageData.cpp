// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/ImageData.h"

#include <algorithm>
#include <cmath>

#include "runtime/plan/Tensor.h"
#include "runtime/train/RowData.h"
#include "runtime/train/RowSetup.h"

namespace heddle::runtime {
namespace {

class ImageData : public TrainingData {
public:
  ImageData(std::vector<float> pixels, std::vector<int32_t> labels, uint64_t count,
            uint64_t training, const DataOptions &options)
      : pixels_(std::move(pixels)), labels_(std::move(labels)), count_(count), training_(training),
        batch_(static_cast<uint64_t>(options.batch)), task_(options.task),
        order_(options.seed, "data.order"),
        noise_{{options.seed, "data.noise"}, {options.seed, "data.noise.val"}},
        steps_{{options.seed, "data.timesteps"}, {options.seed, "data.timesteps.val"}} {
    if (task_.objective == Objective::Denoising)
      schedule_ = noiseSchedule(task_.timesteps, task_.cosineSchedule);
  }

  void trainingBatch(uint64_t index, Batch &batch) const override {
    fill(Part::Training, index, batch);
  }
  bool hasValidation() const override { return training_ < count_; }
  void validationBatch(uint64_t index, Batch &batch) const override {
    fill(Part::Validation, index, batch);
  }
  std::string describe() const override {
    std::string text = absl::StrCat(count_, " images");
    if (hasValidation())
      absl::StrAppend(&text, ", the last ", count_ - training_, " for validation");
    return text;
  }
  std::string fingerprint() const override {
    std::string_view pixels(reinterpret_cast<const char *>(pixels_.data()), 4 * pixels_.size());
    std::string_view labels(reinterpret_cast<const char *>(labels_.data()), 4 * labels_.size());
    return absl::StrCat(count_, " images, hash ",
                        absl::Hex(streamHash(pixels) ^ streamHash(labels)));
  }

private:
  void fill(Part part, uint64_t index, Batch &batch) const {
    batch = {};
    const uint64_t size = pixels_.size() / count_;
    std::vector<float> &values = batch.numbers["pixel_values"];
    for (uint64_t b = 0; b < batch_; ++b) {
      const uint64_t at = place(part, index * batch_ + b);
      values.insert(values.end(), pixels_.begin() + at * size, pixels_.begin() + (at + 1) * size);
      if (task_.objective == Objective::Images)
        batch.targets.push_back(labels_[at]);
      else if (task_.takes("class_labels"))
        batch.others["class_labels"].push_back(labels_[at]);
    }
    if (task_.objective == Objective::Denoising)
      addNoise(part, index, size, batch);
  }

  uint64_t place(Part part, uint64_t number) const {
    if (part == Part::Validation)
      return training_ + number % (count_ - training_);
    PhiloxCounter words = order_.block(number / training_);
    return shuffledIndex({words[0], words[1]}, number % training_, training_);
  }

  void addNoise(Part part, uint64_t index, uint64_t size, Batch &batch) const {
    const auto stream = static_cast<size_t>(part);
    std::vector<float> &values = batch.numbers["pixel_values"];
    std::vector<float> &noise = batch.numbers["targets"];
    noise.resize(values.size());
    for (uint64_t b = 0; b < batch_; ++b) {
      const uint64_t number = index * batch_ + b;
      const uint64_t t = steps_[stream].below(number, schedule_.size());
      batch.others["timesteps"].push_back(static_cast<int32_t>(t));
      const double image = std::sqrt(schedule_[t]), other = std::sqrt(1 - schedule_[t]);
      for (uint64_t i = 0; i < size; ++i) {
        const double e = normal(noise_[stream].block(number * size + i));
        float &value = values[b * size + i];
        noise[b * size + i] = static_cast<float>(e);
        value = static_cast<float>(image * value + other * e);
      }
    }
  }

  /// Box and Muller's transform of two uniform numbers, the first above 0.
  static double normal(const PhiloxCounter &words) {
    const double u = (static_cast<double>(words[0]) + 1) * 0x1p-32;
    const double v = static_cast<double>(words[1]) * 0x1p-32;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * v);
  }

  std::vector<float> pixels_;
  std::vector<int32_t> labels_;
  uint64_t count_, training_, batch_;
  TrainingTask task_;
  RandomStream order_, noise_[2], steps_[2];
  std::vector<double> schedule_;
};

StatusOr<std::vector<int32_t>> readLabels(const SafetensorsFile &file, int64_t count,
                                          int64_t classes) {
  auto tensor = file.find("labels");
  if (!tensor)
    return invalidInput(file.path(), ": holds no tensor labels");
  if (tensor->shape() != std::vector<int64_t>{count})
    return tensor->error(
        absl::StrCat("has shape ", shapeText(tensor->shape()), ", expected [", count, "]"));
  std::vector<int32_t> labels(tensor->elements());
  HEDDLE_RETURN_IF_ERROR(copyToI32(*tensor, labels.data()));
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || (classes > 0 && labels[i] >= classes))
      return tensor->error(
          absl::StrCat(labels[i], " at ", i, " is none of the ", classes, " classes"));
  return labels;
}

} // namespace

std::vector<double> noiseSchedule(int64_t steps, bool cosine) {
  std::vector<double> left(static_cast<size_t>(steps));
  const auto count = static_cast<double>(steps);
  auto share = [](double x) {
    const double c = std::cos((x + 0.008) / 1.008 * M_PI / 2);
    return c * c;
  };
  double product = 1;
  for (int64_t t = 0; t < steps; ++t) {
    const auto at = static_cast<double>(t);
    const double linear = 1e-4 + (0.02 - 1e-4) * (steps > 1 ? at / (count - 1) : 0);
    const double beta = cosine ? std::min(1 - share((at + 1) / count) / share(at / count), 0.999)
                               : std::min(linear * 1000 / count, 0.999);
    product *= 1 - beta;
    left[static_cast<size_t>(t)] = product;
  }
  return left;
}

StatusOr<std::unique_ptr<TrainingData>> openImages(const SafetensorsFile &file,
                                                   const DataOptions &options) {
  const TrainingTask &task = options.task;
  auto images = file.find("images");
  auto expected = task.inputs.find("pixel_values");
  if (expected == task.inputs.end())
    return invalidInput(file.path(), ": the model takes no images");
  if (images->shape().size() != 4 || images->elements() == 0 ||
      !std::equal(images->shape().begin() + 1, images->shape().end(), expected->second.begin() + 1,
                  expected->second.end()))
    return images->error(absl::StrCat(
        "has shape ", shapeText(images->shape()), ", expected [N, ",
        shapeText(std::vector<int64_t>(expected->second.begin() + 1, expected->second.end()))
            .substr(1)));
  std::vector<float> pixels(images->elements());
  HEDDLE_RETURN_IF_ERROR(copyToF32(*images, pixels.data()));
  const int64_t count = images->shape()[0];
  std::vector<int32_t> labels;
  if (task.objective == Objective::Images || task.takes("class_labels")) {
    HEDDLE_ASSIGN_OR_RETURN(labels, readLabels(file, count, task.classes));
  }
  if (task.objective == Objective::Denoising && task.timesteps < 1)
    return invalidInput(file.path(), ": the model does not say how many timesteps there are");
  HEDDLE_ASSIGN_OR_RETURN(uint64_t training, trainingShare(static_cast<uint64_t>(count), "images",
                                                           file.path(), options));
  return std::unique_ptr<TrainingData>(std::make_unique<ImageData>(
      std::move(pixels), std::move(labels), static_cast<uint64_t>(count), training, options));
}

} // namespace heddle::runtime
