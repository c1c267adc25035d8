// SPDX-License-Identifier: Apache-2.0
// The numbers that a step is given: learning rate and AdamW's scalars, in float64 until the last
// moment.

#ifndef HEDDLE_RUNTIME_TRAIN_SCHEDULE_H
#define HEDDLE_RUNTIME_TRAIN_SCHEDULE_H

#include <array>
#include <cstdint>

#include "runtime/base/Status.h"

namespace heddle::runtime {

/// Linear warm-up lr (i + 1) / (W + 1) over the first W steps, then constant, or a cosine from lr
/// to minLr that ends at step decaySteps and stays there.
struct LearningRate {
  double lr = 1e-3;
  double minLr = 0;
  uint64_t warmupSteps = 0;
  uint64_t decaySteps = 0; // 0: constant

  double at(uint64_t step) const;
};

/// Defaults as in torch.optim.AdamW.
struct AdamW {
  double weightDecay = 1e-2;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;

  /// The operand `hyper` of heddle.adamw (ir/OptimizerOps.td) for update `t`, which counts from 1.
  std::array<float, 9> hyper(double lr, uint64_t t) const;
};

/// InvalidArgument that names the flag whose value makes no sense.
Status checkHyperparameters(const LearningRate &rate, const AdamW &adam);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_SCHEDULE_H
