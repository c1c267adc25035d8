// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Schedule.h"

#include <cmath>
#include <numbers>

namespace heddle::runtime {

double LearningRate::at(uint64_t step) const {
  if (step < warmupSteps)
    return lr * static_cast<double>(step + 1) / static_cast<double>(warmupSteps + 1);
  if (decaySteps == 0)
    return lr;
  if (step >= decaySteps)
    return minLr;
  double progress =
      static_cast<double>(step - warmupSteps) / static_cast<double>(decaySteps - warmupSteps);
  return minLr + 0.5 * (1 + std::cos(std::numbers::pi * progress)) * (lr - minLr);
}

std::array<float, 9> AdamW::hyper(double lr, uint64_t t) const {
  double steps = static_cast<double>(t);
  std::array<double, 9> exact = {lr,
                                 weightDecay,
                                 beta1,
                                 1 - beta1,
                                 beta2,
                                 1 - beta2,
                                 eps,
                                 1 - std::pow(beta1, steps),
                                 1 - std::pow(beta2, steps)};
  std::array<float, 9> rounded;
  for (size_t i = 0; i < exact.size(); ++i)
    rounded[i] = static_cast<float>(exact[i]);
  return rounded;
}

Status checkHyperparameters(const LearningRate &rate, const AdamW &adam) {
  auto atLeastZero = [](const char *flag, double value) {
    if (std::isfinite(value) && value >= 0)
      return absl::OkStatus();
    return invalidInput(flag, " ", value, ": expected a finite number that is not negative");
  };
  HEDDLE_RETURN_IF_ERROR(atLeastZero("--lr", rate.lr));
  HEDDLE_RETURN_IF_ERROR(atLeastZero("--min-lr", rate.minLr));
  HEDDLE_RETURN_IF_ERROR(atLeastZero("--weight-decay", adam.weightDecay));
  // As the kernel has it. Where a gradient has been zero all along, AdamW divides zero by it.
  if (!(std::isfinite(adam.eps) && static_cast<float>(adam.eps) > 0))
    return invalidInput("--eps ", adam.eps, ": expected a number > 0 in float32");
  for (auto [flag, beta] : {std::pair{"--beta1", adam.beta1}, {"--beta2", adam.beta2}})
    if (!(beta >= 0 && beta < 1))
      return invalidInput(flag, " ", beta, ": expected a number in [0, 1)");
  if (rate.decaySteps > 0 && rate.decaySteps < rate.warmupSteps)
    return invalidInput("--lr-decay-steps ", rate.decaySteps, " is before the end of the ",
                        rate.warmupSteps, " warm-up steps");
  return absl::OkStatus();
}

} // namespace heddle::runtime
