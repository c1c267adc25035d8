// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_INPUTTEXT_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_INPUTTEXT_H

#include <optional>
#include <string>
#include <vector>

#include "ir/Dialect.h"
#include "ir/StridedView.h"

namespace heddle::codegen::cuda {

/// An operand of a single op as a strided window on an input of the kernel.
class InputText {
public:
  /// Nothing, and the reason, where it is none.
  static std::optional<InputText> of(mlir::Value value, std::string *reason);

  const std::vector<int64_t> &sizes() const { return view_.sizes; }
  /// "in2".
  std::string buffer() const { return "in" + std::to_string(argument_); }
  /// The number of an element in the buffer, given its index along each axis.
  std::string offset(llvm::ArrayRef<std::string> axes) const;
  std::string at(llvm::ArrayRef<std::string> axes) const {
    return buffer() + "[" + offset(axes) + "]";
  }

private:
  unsigned argument_ = 0;
  ir::StridedView view_;
};

} // namespace heddle::codegen::cuda

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_INPUTTEXT_H
