// SPDX-License-Identifier: Apache-2.0
#include "passes/Passes.h"

using namespace mlir;

namespace heddle::passes {

#define GEN_PASS_DEF_DROPFUNCTIONSPASS
#include "passes/Passes.h.inc"

namespace {

struct DropFunctionsPass : impl::DropFunctionsPassBase<DropFunctionsPass> {
  using DropFunctionsPassBase::DropFunctionsPassBase;

  void runOnOperation() override {
    for (const std::string &name : names)
      if (auto function = getOperation().lookupSymbol<func::FuncOp>(name))
        function.erase();
  }
};

} // namespace
} // namespace heddle::passes
