// SPDX-License-Identifier: Apache-2.0
#include "mlir/Transforms/Passes.h"

#include "passes/Passes.h"
#include "passes/Pipelines.h"

namespace heddle::passes {

void registerPasses() {
  registerHeddlePasses();
  registerPipelines();
}

} // namespace heddle::passes
