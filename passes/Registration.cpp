// SPDX-License-Identifier: Apache-2.0
#include "passes/Passes.h"

namespace heddle::passes {

void registerPasses() {
  registerDifferentiatePass();
  registerMergeLossGradientPass();
  registerAppendOptimizerPass();
  registerPlanMemoryPass();
}

} // namespace heddle::passes
