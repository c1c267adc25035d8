// SPDX-License-Identifier: Apache-2.0
// What shape inference and verifiers share: reading shapes and reporting violated constraints. The
// same checks serve builders (a location may be absent) and verifiers.

#ifndef HEDDLE_IR_SHAPERULES_H
#define HEDDLE_IR_SHAPERULES_H

#include <optional>
#include <string>

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Value.h"

namespace heddle::ir {

inline mlir::RankedTensorType tensorOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline llvm::ArrayRef<int64_t> dimsOf(mlir::Value value) { return tensorOf(value).getShape(); }
inline mlir::Type elementOf(mlir::Value value) { return tensorOf(value).getElementType(); }

/// "[2, 3, 4]"; "[]" for a scalar tensor.
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// The element type of means, reciprocal deviations and log-sum-exps over tensors of `element`:
/// f32, or f64 where the tensor is f64.
mlir::Type statisticsType(mlir::Type element);

/// The numpy-broadcast shape of two shapes, or nothing where they do not go together.
std::optional<llvm::SmallVector<int64_t>> broadcastShape(llvm::ArrayRef<int64_t> a,
                                                         llvm::ArrayRef<int64_t> b);

/// Whether numpy.broadcast_to(from, to) is defined.
bool broadcastsTo(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to);

/// Reports the violated constraints of one op, in the words of its ODS. Every check returns failure
/// after an error was reported; nothing is reported without a location.
class ShapeRules {
public:
  ShapeRules(std::optional<mlir::Location> location, llvm::StringRef mnemonic)
      : location_(location), mnemonic_(mnemonic) {}

  template <typename... Parts> mlir::LogicalResult fail(Parts &&...parts) const {
    return mlir::emitOptionalError(location_, "'heddle.", mnemonic_, "' op ",
                                   std::forward<Parts>(parts)...);
  }

  /// `pattern` spells the expected shape as in the ODS, "[B, H, T, D]".
  mlir::LogicalResult rank(llvm::StringRef name, mlir::Value value, int64_t expected,
                           llvm::StringRef pattern) const;
  mlir::LogicalResult minRank(llvm::StringRef name, mlir::Value value, int64_t expected,
                              llvm::StringRef pattern) const;

  /// A null value (an absent optional operand) passes the three checks below.
  mlir::LogicalResult shape(llvm::StringRef name, mlir::Value value,
                            llvm::ArrayRef<int64_t> expected) const;
  mlir::LogicalResult element(llvm::StringRef name, mlir::Value value, mlir::Type expected) const;
  mlir::LogicalResult type(llvm::StringRef name, mlir::Value value,
                           mlir::RankedTensorType expected) const;

  /// rng is i64[3]: seed, step, micro_batch.
  mlir::LogicalResult rngState(mlir::Value value) const;
  mlir::LogicalResult probability(llvm::StringRef name, double value) const;
  /// The random stream's counter has 16 bits for the id.
  mlir::LogicalResult rngId(int64_t value) const;
  /// A sliding window, null where there is none.
  mlir::LogicalResult window(mlir::IntegerAttr value) const;

private:
  std::optional<mlir::Location> location_;
  llvm::StringRef mnemonic_;
};

} // namespace heddle::ir

#endif // HEDDLE_IR_SHAPERULES_H
