// SPDX-License-Identifier: Apache-2.0
// One generator of text a form of kernel (ir/KernelForms.h), and what they have in common.

#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_KERNELFORMS_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_KERNELFORMS_H

#include "codegen/cuda/kernels/CudaProgram.h"
#include "codegen/cuda/kernels/ElementText.h"

namespace heddle::codegen::cuda {

/// A kernel on its way to text; where its constants go, and the reason of a failure.
struct FormInput {
  ir::KernelOp kernel;
  mlir::Operation *anchor;
  std::string name;
  TableText &tables;
  std::string *reason;
};
using FormResult = mlir::FailureOr<CudaProgram>;

FormResult generateMap(const FormInput &input);
FormResult generateRow(const FormInput &input);
FormResult generateColumnReduce(const FormInput &input);
FormResult generateGemm(const FormInput &input);
FormResult generateAttention(const FormInput &input);
FormResult generateAttentionGrad(const FormInput &input);
FormResult generateSingle(const FormInput &input);

/// Writes the head of a function over the kernel's operands, and its end.
void openFunction(TextWriter &out, ir::KernelOp kernel, const std::string &name, int threads,
                  bool workspace);
void closeFunction(TextWriter &out, const std::string &name);

/// "[2][3][4]".
std::string shapeText(llvm::ArrayRef<int64_t> shape);

/// The type that numbers elements: u32 where all offsets fit, else u64.
const char *indexType(const BodyReads &reads, int64_t elements);
const char *indexType(int64_t elements);

/// Writes `const TYPE PREFIX0 = ..., ...;` that split `index` over `sizes`, and returns the names.
std::vector<std::string> splitIndex(TextWriter &out, const std::string &index,
                                    llvm::ArrayRef<int64_t> sizes, const char *type,
                                    const std::string &prefix);

/// The yielded values.
mlir::ValueRange yieldsOf(ir::KernelOp kernel);
int64_t elementsOf(mlir::Value value);
llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
mlir::Type elementTypeOf(mlir::Value value);
inline int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }

inline constexpr int kThreads = 256;

} // namespace heddle::codegen::cuda

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_KERNELFORMS_H
