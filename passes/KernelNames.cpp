// SPDX-License-Identifier: Apache-2.0
#include "passes/KernelNames.h"

#include "ir/KernelForms.h"
#include "ir/ShapeRules.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

// So that a name fits a line of a trace.
constexpr size_t kMaxOpsNamed = 4;

std::string mnemonic(Operation *op) { return op->getName().stripDialect().str(); }

/// "4x256x768"; "scalar" for rank 0.
std::string shapeName(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  std::string name;
  for (int64_t size : shape)
    name += (name.empty() ? "" : "x") + std::to_string(size);
  return name;
}

/// [..., C] as "rows x C".
std::string rowsName(Value value) {
  int64_t last = dimsOf(value).empty() ? 1 : dimsOf(value).back();
  return shapeName({tensorOf(value).getNumElements() / last, last});
}

bool isBias(Operation *op, int64_t columns) {
  return isa<AddOp>(op) && llvm::any_of(op->getOperands(), [&](Value operand) {
           return tensorOf(operand).getNumElements() == columns &&
                  tensorOf(op->getResult(0)).getNumElements() != columns;
         });
}

/// The elementwise ops of a body, by name, in order.
std::string elementwiseNames(Block &body, int64_t columns) {
  SmallVector<std::string> names;
  for (Operation &op : body.without_terminator())
    if (isElementwiseOp(&op))
      names.push_back(isBias(&op, columns) ? "bias" : mnemonic(&op));
  if (names.size() > kMaxOpsNamed) {
    names.resize(kMaxOpsNamed);
    names.push_back("etc");
  }
  return llvm::join(names, "_");
}

std::string joinNonEmpty(ArrayRef<std::string> parts) {
  std::string name;
  for (const std::string &part : parts)
    if (!part.empty())
      name += (name.empty() ? "" : "_") + part;
  return name;
}

std::string gemmName(MatmulOp matmul, Block &body) {
  ArrayRef<int64_t> a = dimsOf(matmul.getA()), y = dimsOf(matmul.getY());
  int64_t depth = a[a.size() - (matmul.getTransposeA() ? 2 : 1)];
  int64_t columns = y.back();
  std::string shape;
  if (tensorOf(matmul.getB()).getRank() > 2)
    shape = shapeName(y) + "x" + std::to_string(depth);
  else
    shape = shapeName({tensorOf(matmul.getY()).getNumElements() / columns, columns, depth});
  return joinNonEmpty({"gemm", elementwiseNames(body, columns), shape});
}

template <typename Op> std::string attentionName(StringRef stem, Op op) {
  ArrayRef<int64_t> q = dimsOf(op.getQ()), k = dimsOf(op.getK());
  std::string name = stem.str();
  auto part = [&](StringRef letter, int64_t size) {
    name += "_" + letter.str() + std::to_string(size);
  };
  if (op.getCausal())
    name += "_causal";
  if (op.getWindow())
    part("window", *op.getWindow());
  part("b", q[0]);
  part("h", q[1]);
  if (k[1] != q[1])
    part("g", k[1]);
  part("t", q[2]);
  if (k[2] != q[2])
    part("s", k[2]);
  part("d", q[3]);
  return name;
}

std::string mapName(Block &body) {
  Value yielded = body.getTerminator()->getOperand(0);
  std::string ops = elementwiseNames(body, /*columns=*/0);
  for (Operation &op : body.without_terminator())
    if (isa<CausalMaskOp, LengthMaskOp>(op))
      ops = joinNonEmpty({ops, mnemonic(&op)});
  if (ops.empty())
    ops = yielded.getDefiningOp<ConstantOp>() ? "fill" : "copy";
  return ops + "_" + shapeName(dimsOf(yielded));
}

} // namespace

std::string kernelName(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  std::optional<KernelAnatomy> anatomy = classifyKernel(kernel);
  if (!anatomy)
    return "illegal";
  Operation *anchor = anatomy->anchor;
  switch (anatomy->form) {
  case KernelForm::Gemm:
    return gemmName(cast<MatmulOp>(anchor), body);
  case KernelForm::Map:
    return mapName(body);
  case KernelForm::Attention:
    return attentionName("attention", cast<AttentionOp>(anchor));
  case KernelForm::AttentionGrad:
    return attentionName("attention_grad", cast<AttentionGradOp>(anchor));
  case KernelForm::Row:
  case KernelForm::ColumnReduce:
    return joinNonEmpty(
        {mnemonic(anchor), elementwiseNames(body, 0), rowsName(anchor->getOperand(0))});
  case KernelForm::Single: {
    // Of what is reduced to a number, the operand tells more.
    Value result = anchor->getResult(0);
    bool reduced = tensorOf(result).getNumElements() == 1;
    return mnemonic(anchor) + "_" + shapeName(dimsOf(reduced ? anchor->getOperand(0) : result));
  }
  }
  llvm_unreachable("unknown form");
}

} // namespace heddle::passes
