// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>

#include "runtime/plan/Philox.h"
#include "runtime/plan/Session.h"
#include "runtime/plan/ThreadPool.h"

namespace heddle::runtime {
namespace {

// One task fills this many elements, a multiple of the four that a block of Philox gives.
constexpr int64_t kElementsPerTask = 4096;

/// Elements [begin, end) of a normal or uniform parameter. Elements 4i to 4i + 3 come from block i.
void fillRandom(const RandomStream &stream, const proto::Initializer &initializer, int64_t begin,
                int64_t end, float *out) {
  bool normal = initializer.kind() == proto::Initializer::NORMAL;
  double scale = initializer.scale();
  for (int64_t i = begin; i < end; i += 4) {
    PhiloxCounter words = stream.block(i / 4);
    double values[4];
    for (int w = 0; w < 4; ++w)
      values[w] = (words[w] + 0.5) * 0x1p-32; // in (0, 1): its logarithm is finite
    if (normal) // Box and Muller: two uniform numbers make two normal ones
      for (int w = 0; w < 4; w += 2) {
        double radius = std::sqrt(-2 * std::log(values[w]));
        double angle = 2 * std::numbers::pi * values[w + 1];
        values[w] = radius * std::cos(angle);
        values[w + 1] = radius * std::sin(angle);
      }
    else
      for (double &value : values)
        value = 2 * value - 1;
    for (int64_t k = 0; k < std::min<int64_t>(4, end - i); ++k)
      out[i + k] = static_cast<float>(scale * values[k]);
  }
}

} // namespace

Status Session::initializeWeights(uint64_t seed) { return initialize(seed, false); }
Status Session::initializeAdapters(uint64_t seed) { return initialize(seed, true); }

Status Session::initialize(uint64_t seed, bool adaptersOnly) {
  filled_ = true;
  for (int p = 0; p < manifest().parameters_size(); ++p) {
    const proto::Parameter &parameter = manifest().parameters(p);
    if (adaptersOnly && !parameter.of_adapter())
      continue;
    const StoredTensor &tensor = parameters_[p];
    const proto::Initializer &initializer = parameter.initializer();
    int64_t count = static_cast<int64_t>(tensor.bytes() / sizeof(float));
    std::vector<float> staging;
    auto *out = static_cast<float *>(tensor.data());
    if (!device_->sharesHostMemory()) {
      staging.resize(count);
      out = staging.data();
    }
    bool random = initializer.kind() == proto::Initializer::NORMAL ||
                  initializer.kind() == proto::Initializer::UNIFORM;
    RandomStream stream(seed, absl::StrCat("init.", parameter.name()));
    float constant = initializer.kind() == proto::Initializer::ONES ? 1.0f : 0.0f;
    if (initializer.kind() == proto::Initializer::CONSTANT)
      constant = static_cast<float>(initializer.scale());
    device_->pool().parallelFor(
        (count + kElementsPerTask - 1) / kElementsPerTask, [&](int64_t begin, int64_t end, int) {
          int64_t from = begin * kElementsPerTask, to = std::min(count, end * kElementsPerTask);
          if (random)
            fillRandom(stream, initializer, from, to, out);
          else
            std::fill(out + from, out + to, constant);
        });
    if (!staging.empty())
      HEDDLE_RETURN_IF_ERROR(device_->upload(tensor.data(), out, tensor.bytes()));
  }
  return absl::OkStatus();
}

} // namespace heddle::runtime
