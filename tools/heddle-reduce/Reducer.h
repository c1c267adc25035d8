// SPDX-License-Identifier: Apache-2.0
// Makes a module smaller as long as the oracle holds.

#ifndef HEDDLE_TOOLS_HEDDLEREDUCE_REDUCER_H
#define HEDDLE_TOOLS_HEDDLEREDUCE_REDUCER_H

#include <functional>
#include <string>

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tools/heddle-reduce/Oracle.h"

namespace heddle::tools {

class Reducer {
public:
  /// `footer` follows the module's text in each candidate: the pipeline of a reproducer. At most
  /// `maxRuns` candidates are tried.
  Reducer(mlir::OwningOpRef<mlir::ModuleOp> module, std::string footer, Oracle &oracle,
          int maxRuns);

  /// Coarse steps first, each until it helps no more; all of them again as long as one did.
  Status run();

  /// The smallest text for which the oracle held.
  const std::string &text() const { return best_; }
  size_t opCount();

private:
  using Edit = std::function<bool(mlir::ModuleOp)>;

  bool exhausted() const { return oracle_.runs() >= maxRuns_; }
  std::string print(mlir::ModuleOp module) const;
  /// Takes the module as the new best if it is valid, another and the oracle holds.
  StatusOr<bool> take(mlir::OwningOpRef<mlir::ModuleOp> candidate);
  StatusOr<bool> attempt(const Edit &edit);
  /// Attempts `edit(first, count)` over `size()` things, in halves, then quarters, down to one by
  /// one, from the back: what is at the end is needed by nothing else.
  Status attemptChunks(const std::function<size_t()> &size,
                       const std::function<bool(mlir::ModuleOp, size_t, size_t)> &edit);
  Status dropFunctions();
  Status dropAllResults();
  Status peelResults();
  /// Prints candidates without locations from here on, where the failure needs none.
  Status dropLocations();
  Status simplifyOps();
  Status shrinkShapes();

  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::string footer_;
  Oracle &oracle_;
  int maxRuns_;
  std::string best_;
  bool locations_ = true;
  bool progress_ = false;
};

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLEREDUCE_REDUCER_H
