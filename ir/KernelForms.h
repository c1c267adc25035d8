// SPDX-License-Identifier: Apache-2.0
// The forms that a kernel's body can have. One place decides it: heddle-form-kernels asks before it
// puts an op into a kernel, code generation asks what to generate.

#ifndef HEDDLE_IR_KERNELFORMS_H
#define HEDDLE_IR_KERNELFORMS_H

#include <optional>
#include <string>

#include "ir/StridedView.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir {
class Operation;
} // namespace mlir

namespace heddle::ir {

class KernelOp;

/// "An input" below is a value that the body does not compute: a block argument or a constant, read
/// through a chain of views that is one strided access (ir/ViewChain.h). Elementwise means
/// ElementwiseTrait or dropout.
enum class KernelForm {
  /// One matmul of two inputs, then elementwise ops over the result's shape [..., M, N], also under
  /// another split of its leading axes (reshape that keeps N). Their other operands are inputs:
  /// dense
  /// of as many elements with last axis N, of N elements along the last axis, or of one element.
  /// Yields any of these values in full shape. A matmul whose b has rank > 2 has no elementwise
  /// ops.
  Gemm,
  /// Elementwise ops, causal_mask and length_mask over one iteration shape, to which every value
  /// broadcasts as in numpy; every yielded value has it. Or only views: a strided copy. No view on
  /// a
  /// computed value, except a concluding one: a yield may be the reshape of a computed value.
  Map,
  /// One op over the last axis (isRowOp), with elementwise ops over [..., C] before and after.
  /// Other
  /// operands are inputs that broadcast to the shape of the row op's operand: full, [C], [..., 1]
  /// or of
  /// one element. Yields full values and the row op's statistics [...], also as a reshape.
  Row,
  /// One reduction over leading axes (isColumnReduction) with elementwise ops before it, as in Row;
  /// yields the sums only, also as a reshape.
  ColumnReduce,
  /// One attention of inputs; a yielded result may be stored through reshape, transpose and concat
  /// on
  /// the way out (storeView).
  Attention,
  /// One attention_grad likewise; dq, dk and dv may go to one concat.
  AttentionGrad,
  /// Any one other op of inputs, its results yielded, also as a reshape. (concat, pad, rope,
  /// embedding,
  /// sum over other axes, ...)
  Single,
};

/// "gemm", "map", ...
llvm::StringRef kernelFormName(KernelForm form);

/// What a body is built around.
struct KernelAnatomy {
  KernelForm form = KernelForm::Map;
  /// The matmul, row op, reduction, attention or single op; null in a map.
  mlir::Operation *anchor = nullptr;
};

/// The form of a body given as its ops, in order, without the yield, and its yielded values.
/// Operands that no op of `ops` defines are inputs, so that ops can be asked about before they form
/// a kernel. Nothing when it has no legal form; then `reason`, if given, says why.
std::optional<KernelAnatomy> classifyKernelBody(llvm::ArrayRef<mlir::Operation *> ops,
                                                llvm::ArrayRef<mlir::Value> yields,
                                                std::string *reason = nullptr);

/// The form of a kernel.
std::optional<KernelAnatomy> classifyKernel(KernelOp kernel, std::string *reason = nullptr);

/// Whether code generation takes the kernel: it has one of the forms.
bool isLegalKernel(KernelOp kernel, std::string *reason = nullptr);

/// ElementwiseTrait or dropout.
bool isElementwiseOp(mlir::Operation *op);
/// layer_norm, rms_norm, softmax, cross_entropy and the gradients of these by x; sum and max over
/// the last axis.
bool isRowOp(mlir::Operation *op);
/// layer_norm_param_grad, rms_norm_param_grad; sum over a leading run of axes, but not over all.
bool isColumnReduction(mlir::Operation *op);
/// reshape, transpose, broadcast, slice.
bool isViewOp(mlir::Operation *op);

/// Whether the code of `op` reads `operand` as its chain of views has it. Otherwise a kernel that
/// reads it there needs a dense copy: the keys and values of attention are read along the head,
/// masks and numbers from a buffer as it is, never from a constant.
bool isReadInPlace(mlir::Operation *op, mlir::Value operand);
/// Where a kernel stores a result of attention or attention_grad that is yielded as `yielded`;
/// nothing where it cannot: heads are stored along their last axis, the log-sum-exp as it is.
std::optional<StridedView> attentionStore(mlir::OpResult result, mlir::Value yielded);

} // namespace heddle::ir

#endif // HEDDLE_IR_KERNELFORMS_H
