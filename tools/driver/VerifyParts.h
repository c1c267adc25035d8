// SPDX-License-Identifier: Apache-2.0
// The parts of `heddle verify`, and what they share. Internal to Verify*.cpp.

#ifndef HEDDLE_TOOLS_DRIVER_VERIFYPARTS_H
#define HEDDLE_TOOLS_DRIVER_VERIFYPARTS_H

#include <memory>
#include <string>
#include <vector>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/plan/Session.h"
#include "tools/driver/Compile.h"
#include "tools/driver/OpenSource.h"
#include "tools/driver/Verify.h"
#include "tools/driver/VerifyValues.h"

namespace heddle::tools {

/// A model compiled, loaded and initialised, with its graph as it was at the stages where functions
/// first appear. The last members go first: modules die before the context in `compilation`.
struct VerifySubject {
  const Source &source;
  const VerifyRequest &request;
  Compilation compilation; // through its last stage
  /// At the stages builder, differentiated, optimized.
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> stages;
  std::shared_ptr<const runtime::Executable> executable;
  std::unique_ptr<runtime::Session> session;
  ArgumentValues values;

  /// The entry as it was when it first appeared, before anything else was done to it; null if the
  /// module has none.
  mlir::func::FuncOp reference(const std::string &entry) const;
};

/// Compiles `entries` and loads the weights.
StatusOr<VerifySubject> makeSubject(const Source &source, const VerifyRequest &request,
                                    std::vector<std::string> entries);

/// Results by name, in float64.
StatusOr<NamedTensors> evaluateNamed(mlir::func::FuncOp function,
                                     const std::vector<ir::TensorRef> &arguments);
/// The same from the compiled entry. Parameters and states are set before, so that entries that
/// write them (step) do not disturb each other.
StatusOr<NamedTensors> runCompiled(VerifySubject &subject, mlir::func::FuncOp function,
                                   const std::vector<ir::TensorRef> &arguments);

/// Floating-point operations that evaluating the function takes, roughly: to say beforehand what
/// would take too long. The interpreter does about 1e9 in a second.
double evaluationWork(mlir::func::FuncOp function);
/// Bytes of all arguments and results as the interpreter holds them.
double evaluationBytes(mlir::func::FuncOp function);
/// Nothing where the function can be evaluated within the bounds of `heddle verify`, else why not.
/// `times`: how often it would be.
std::string tooLarge(const VerifyRequest &request, mlir::func::FuncOp function, int times);

/// error and bound for `actual` against `expected` under the table's row, relative to `expected`
/// but not to less than `leastScale`.
VerifyCheck compareTensors(std::string check, std::string subject, const ir::Tensor &actual,
                           const ir::Tensor &expected, double bound, double leastScale = 0);

/// A gradient is compared with no less than this share of the largest element of all gradients:
/// some are exactly zero (the bias of keys, and of logits over places with all that shifts them),
/// where only the rounding of their terms is left.
inline constexpr double kLeastGradient = 1e-3;

Status checkEntries(VerifySubject &subject, VerifyReport &report);
Status checkKernels(VerifySubject &subject, VerifyReport &report);
Status checkCentralDifferences(VerifySubject &subject, VerifyReport &report);
Status checkPasses(VerifySubject &subject, VerifyReport &report);
Status checkGolden(const Source &source, const VerifyRequest &request, VerifyReport &report);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_VERIFYPARTS_H
