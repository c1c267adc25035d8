// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_TABLETEXT_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_TABLETEXT_H

#include <string>

#include "ir/Dialect.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"

namespace heddle::codegen {

/// The constants of more than one value that the functions of a kernel read.
class TableText {
public:
  explicit TableText(std::string kernelName) : kernelName_(std::move(kernelName)) {}

  /// The name of a heddle.constant's elements.
  std::string nameOf(mlir::Value constant);
  std::string add(llvm::ArrayRef<double> values);
  /// What stands before the functions.
  const std::string &text() const { return text_; }

private:
  std::string add(const std::string &type, const std::string &values);

  std::string kernelName_, text_;
  int count_ = 0;
  llvm::DenseMap<mlir::Value, std::string> names_;
};

/// "float", "u8" and so on, of an element in memory.
std::string memoryType(mlir::Type type);
/// The same in a register: a mask is a bool.
std::string registerType(mlir::Type type);
/// An element of a constant as C++ spells it.
std::string elementLiteral(mlir::Type type, mlir::Attribute value);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_TABLETEXT_H
