// SPDX-License-Identifier: Apache-2.0
// The elementwise ops of a kernel's body as statements on scalars: what maps, rows, reductions and
// the epilogue of a gemm have in common.

#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_ELEMENTTEXT_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_ELEMENTTEXT_H

#include <functional>

#include "codegen/body/BodyReads.h"
#include "codegen/cuda/kernels/TableText.h"
#include "codegen/cuda/kernels/TextWriter.h"

namespace heddle::codegen {

/// The element that statements are about: where it stands, and the names of values known there.
struct ElementPoint {
  /// The index along each axis of the collapsed space, as expressions; the column is the last.
  std::vector<std::string> axes;
  /// Its number in the logical tensor, of type u64: dropout's.
  std::string number;
  llvm::DenseMap<mlir::Value, std::string> known;
};

/// Writes into `out` at its present place. An error goes to `reads`, and what is written then means
/// nothing.
class ElementText {
public:
  ElementText(TextWriter &out, BodyReads &reads, TableText &tables)
      : out_(out), reads_(reads), tables_(tables) {}

  /// How operand `number` of the kernel, inputs, then outputs, is called: in0, ..., out0, ...
  static std::string operandName(ir::KernelOp kernel, unsigned number);

  /// Statements that read what dropouts of the whole kernel need. Once, before the others.
  void readRandomStates();
  /// The name of a value at a point: a known one, an input, or computed.
  std::string value(ElementPoint &point, mlir::Value value);
  /// Element `axes` of a leaf in memory, as an expression.
  std::string read(mlir::Value leaf, llvm::ArrayRef<std::string> axes);
  /// The offset of that element, as an expression.
  std::string offset(const BodyReads::Leaf &leaf, llvm::ArrayRef<std::string> axes) const;

private:
  std::string compute(ElementPoint &point, mlir::Operation *op);
  std::string mask(const ElementPoint &point, mlir::Operation *op);
  std::string cast(mlir::Value from, mlir::Type to, const std::string &x);
  std::string dropout(const ElementPoint &point, ir::DropoutOp op, const std::string &x);

  TextWriter &out_;
  BodyReads &reads_;
  TableText &tables_;
  llvm::DenseMap<mlir::Value, std::string> rng_;
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_ELEMENTTEXT_H
