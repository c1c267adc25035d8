// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_INPUTTEXT_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_INPUTTEXT_H

#include <optional>
#include <string>
#include <vector>

#include "codegen/cuda/kernels/KernelForms.h"
#include "ir/StridedView.h"

namespace heddle::codegen::cuda {

/// An operand of a single op as a strided window on an input of the kernel or a constant.
class InputText {
public:
  /// Nothing, and the reason, where it is none.
  static std::optional<InputText> of(mlir::Value value, const FormInput &input);

  const std::vector<int64_t> &sizes() const { return view_.sizes; }
  /// "in2", or the name of a table.
  const std::string &buffer() const { return buffer_; }
  /// The number of an element in the buffer, given its index along each axis.
  std::string offset(llvm::ArrayRef<std::string> axes) const;
  std::string at(llvm::ArrayRef<std::string> axes) const {
    return buffer_ + "[" + offset(axes) + "]";
  }

private:
  std::string buffer_;
  ir::StridedView view_;
};

} // namespace heddle::codegen::cuda

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_INPUTTEXT_H
