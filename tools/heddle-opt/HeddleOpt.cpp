// SPDX-License-Identifier: Apache-2.0
// heddle-opt: as mlir-opt, with our dialect and passes.

#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

#ifdef HEDDLE_HAVE_PASSES
#include "passes/Passes.h"
#endif

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<heddle::ir::HeddleDialect, mlir::func::FuncDialect>();
  mlir::registerTransformsPasses();
#ifdef HEDDLE_HAVE_PASSES
  heddle::passes::registerPasses();
#endif
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Heddle's optimizer driver\n", registry));
}
