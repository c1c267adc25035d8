// SPDX-License-Identifier: Apache-2.0
#include "passes/Matching.h"

#include <numeric>

#include "ir/Conventions.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

std::optional<double> splatValue(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!op->hasTrait<ViewTrait>())
      break;
    value = op->getOperand(0);
  }
  auto constant = value.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (!elements || !elements.isSplat())
    return std::nullopt;
  if (isa<FloatType>(elements.getElementType())) {
    APFloat number = elements.getSplatValue<APFloat>();
    bool lossy = false;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
    return number.convertToDouble();
  }
  return static_cast<double>(elements.getSplatValue<APInt>().getSExtValue());
}

bool isHeadRegrouping(Value value) {
  auto reshape = value.getDefiningOp<ReshapeOp>();
  if (!reshape)
    return false;
  ArrayRef<int64_t> from = dimsOf(reshape.getX()), to = dimsOf(value);
  if (from.size() == 5)
    std::swap(from, to);
  return from.size() == 4 && to.size() == 5 && from[0] == to[0] && from[1] == to[1] * to[2] &&
         from[2] == to[3] && from[3] == to[4];
}

SmallVector<Operation *> usersInOrder(Value value) {
  SmallVector<Operation *> users;
  for (Operation *user : value.getUsers())
    if (!llvm::is_contained(users, user))
      users.push_back(user);
  llvm::sort(users, [](Operation *a, Operation *b) {
    return a->getBlock() == b->getBlock() && a->isBeforeInBlock(b);
  });
  return users;
}

std::string describeSource(Value value) {
  if (Operation *op = value.getDefiningOp())
    return op->getName().getStringRef().str();
  return "an argument";
}

std::optional<LinearParts> matchLinear(Value y) {
  auto matmul = y.getDefiningOp<MatmulOp>();
  Value bias;
  if (auto add = y.getDefiningOp<AddOp>()) {
    for (auto [product, vector] :
         {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
      auto candidate = product.getDefiningOp<MatmulOp>();
      if (!candidate || !product.hasOneUse() ||
          dimsOf(vector) != ArrayRef<int64_t>{dimsOf(y).back()})
        continue;
      matmul = candidate;
      bias = vector;
      break;
    }
  }
  if (!matmul || matmul.getTransposeA() || tensorOf(matmul.getB()).getRank() != 2)
    return std::nullopt;
  return LinearParts{matmul.getA(), matmul.getB(), bias, matmul.getTransposeB()};
}

Value withBias(Value product, Value &bias) {
  bias = {};
  if (!product.hasOneUse())
    return product;
  auto add = dyn_cast<AddOp>(*product.user_begin());
  if (!add)
    return product;
  Value other = add.getLhs() == product ? add.getRhs() : add.getLhs();
  if (other == product || dimsOf(other) != ArrayRef<int64_t>{dimsOf(product).back()})
    return product;
  bias = other;
  return add.getY();
}

void eraseDeadChain(Operation *op) {
  SmallVector<Operation *> dead{op};
  while (!dead.empty()) {
    Operation *current = dead.pop_back_val();
    llvm::SetVector<Operation *> sources;
    for (Value operand : current->getOperands())
      if (Operation *source = operand.getDefiningOp())
        sources.insert(source);
    current->erase();
    for (Operation *source : sources)
      if (isOpTriviallyDead(source))
        dead.push_back(source);
  }
}

Value transposeLastTwo(OpBuilder &builder, Value value) {
  int64_t rank = tensorOf(value).getRank();
  SmallVector<int64_t> swap(rank);
  std::iota(swap.begin(), swap.end(), 0);
  std::swap(swap[rank - 1], swap[rank - 2]);
  if (auto transpose = value.getDefiningOp<TransposeOp>();
      transpose && transpose.getPermutation() == ArrayRef<int64_t>(swap))
    return transpose.getX();
  return TransposeOp::create(builder, value.getLoc(), value, swap);
}

Value reshapeTo(OpBuilder &builder, Value value, ArrayRef<int64_t> shape) {
  if (dimsOf(value) == shape)
    return value;
  if (auto reshape = value.getDefiningOp<ReshapeOp>(); reshape && dimsOf(reshape.getX()) == shape)
    return reshape.getX();
  return ReshapeOp::create(builder, value.getLoc(), RankedTensorType::get(shape, elementOf(value)),
                           value);
}

} // namespace heddle::passes
