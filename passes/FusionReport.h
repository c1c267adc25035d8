// SPDX-License-Identifier: Apache-2.0
// What was fused, what was not, and why: "never silently slower" in the words of the user.
//
// Passes speak through reportFused, reportMissed and reportKept, which emit MLIR remarks (category
// "heddle"; the remark's name is the composite op). Tools either let MLIR print them (heddle-opt
// --remarks-filter) or collect them in a FusionReport.

#ifndef HEDDLE_PASSES_FUSIONREPORT_H
#define HEDDLE_PASSES_FUSIONREPORT_H

#include <memory>
#include <string>
#include <vector>

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

namespace mlir {
class MLIRContext;
class Operation;
} // namespace mlir

namespace heddle::passes {

/// One line of the report.
struct FusionEntry {
  enum class Kind {
    Fused,  // the composite op was formed
    Missed, // it was not, and the code is slower for it; offends --strict
    Kept,   // not fused on purpose; worth knowing, no loss against the model as written
  };
  Kind kind = Kind::Fused;
  std::string op;       // "attention", "ffn", "linear_cross_entropy", ...
  std::string function; // entry, "forward"
  std::string layer;    // layer path, "decoder.layers.7.attention"; may be empty
  std::string reason;   // empty when fused
  std::string advice;   // what to change; may be empty
};

llvm::StringRef fusionKindName(FusionEntry::Kind kind);

/// Collects the remarks of all passes that run in a context. Not copyable; passes on several
/// functions may run in parallel while it collects, reading is for afterwards.
class FusionReport {
public:
  /// Starts collecting; replaces whatever took the remarks of this context before. The report may
  /// die before or after the context.
  explicit FusionReport(mlir::MLIRContext &context);
  ~FusionReport();
  FusionReport(const FusionReport &) = delete;
  FusionReport &operator=(const FusionReport &) = delete;

  /// All entries, by function name, within a function in program order of the passes.
  std::vector<FusionEntry> entries() const;

  /// How many `op` were formed in `function`.
  int64_t fusedCount(llvm::StringRef op, llvm::StringRef function) const;

  class Collector;

private:
  std::shared_ptr<Collector> collector_;
};

/// Remarks at `at`, in the function that holds it.
void reportFused(mlir::Operation *at, llvm::StringRef op);
void reportMissed(mlir::Operation *at, llvm::StringRef op, llvm::StringRef reason,
                  llvm::StringRef advice);
void reportKept(mlir::Operation *at, llvm::StringRef op, llvm::StringRef reason,
                llvm::StringRef advice);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_FUSIONREPORT_H
