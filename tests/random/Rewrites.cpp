// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Rewrites.h"

#include <numeric>

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"
#include "tests/random/GraphMaker.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

/// Builds behind nothing: new ops stand before the op that is rewritten.
struct Site {
  Operation *op;
  OpBuilder builder;
  Random &random;

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(builder, op->getLoc(), std::forward<Args>(args)...)->getResult(0);
  }
  RankedTensorType type(Shape shape) {
    return RankedTensorType::get(shape, elementOf(op->getResult(0)));
  }
  Value scalar(double value) {
    return make<ConstantOp>(
        DenseElementsAttr::get(RankedTensorType::get({}, builder.getF32Type()),
                               builder.getF32FloatAttr(static_cast<float>(value))));
  }
};

Shape shapeOf(Value value) { return {dimsOf(value).begin(), dimsOf(value).end()}; }

Value window(Site &s, Value x, size_t axis, int64_t begin, int64_t size) {
  Shape offsets(dimsOf(x).size(), 0), sizes = shapeOf(x);
  offsets[axis] = begin;
  sizes[axis] = size;
  return s.make<SliceOp>(x, offsets, sizes);
}

// Each rewrite returns the value to use in place of the op's only result, or null where it does not
// apply.

template <typename Op> Value commuted(Site &s) {
  auto op = dyn_cast<Op>(s.op);
  return op ? s.make<Op>(op.getRhs(), op.getLhs()) : Value();
}

/// (a + b) + c = a + (b + c)
template <typename Op> Value reassociated(Site &s) {
  auto outer = dyn_cast<Op>(s.op);
  auto inner = outer ? outer.getLhs().template getDefiningOp<Op>() : Op();
  return inner ? s.make<Op>(inner.getLhs(), s.make<Op>(inner.getRhs(), outer.getRhs())) : Value();
}

/// (a b) c = a (b c)
Value reassociatedProduct(Site &s) {
  auto outer = dyn_cast<MatmulOp>(s.op);
  auto inner = outer ? outer.getA().getDefiningOp<MatmulOp>() : MatmulOp();
  if (!inner || outer.getTransposeA() || inner.getTransposeA() || inner.getTransposeB() ||
      outer.getTransposeB() || dimsOf(inner.getB()).size() != 2 || dimsOf(outer.getB()).size() != 2)
    return {};
  return s.make<MatmulOp>(inner.getA(), s.make<MatmulOp>(inner.getB(), outer.getB(), false, false),
                          false, false);
}

Value negatedSum(Site &s) {
  auto op = dyn_cast<SubOp>(s.op);
  return op ? s.make<AddOp>(op.getLhs(), s.make<NegOp>(op.getRhs())) : Value();
}
Value timesReciprocal(Site &s) {
  auto op = dyn_cast<DivOp>(s.op);
  return op ? s.make<MulOp>(op.getLhs(), s.make<DivOp>(s.scalar(1), op.getRhs())) : Value();
}
Value timesSigmoid(Site &s) {
  auto op = dyn_cast<SiluOp>(s.op);
  return op ? s.make<MulOp>(op.getX(), s.make<SigmoidOp>(op.getX())) : Value();
}

/// The same op on the operands repeated to full size by hand.
Value broadcastFirst(Site &s) {
  if (!isa<AddOp, MulOp, SubOp, MaximumOp>(s.op))
    return {};
  auto type = tensorOf(s.op->getResult(0));
  Operation *copy = s.builder.clone(*s.op);
  for (OpOperand &operand : copy->getOpOperands())
    if (operand.get().getType() != type) {
      OpBuilder::InsertionGuard guard(s.builder);
      s.builder.setInsertionPoint(copy);
      operand.set(s.make<BroadcastOp>(type, operand.get()));
    }
  return copy->getResult(0);
}

/// A map of a whole is the join of the maps of its parts.
Value splitMap(Site &s) {
  if (!s.op->hasTrait<ElementwiseTrait>() || s.op->getNumOperands() != 1 || isa<CastOp>(s.op))
    return {};
  Value x = s.op->getOperand(0);
  if (dimsOf(x).empty())
    return {};
  const size_t axis = static_cast<size_t>(s.random.below(dimsOf(x).size()));
  const int64_t size = dimsOf(x)[axis];
  if (size < 2)
    return {};
  const int64_t cut = s.random.between(1, size - 1);
  SmallVector<Value> parts;
  for (auto [begin, extent] : {std::pair<int64_t, int64_t>(0, cut), {cut, size - cut}}) {
    Value part = window(s, x, axis, begin, extent);
    Operation *copy = s.builder.clone(*s.op);
    copy->setOperand(0, part);
    copy->getResult(0).setType(cast<RankedTensorType>(part.getType()));
    parts.push_back(copy->getResult(0));
  }
  return s.make<ConcatOp>(ValueRange(parts), static_cast<int64_t>(axis));
}

/// By columns of b, joined; or by depth, added.
Value splitProduct(Site &s) {
  auto op = dyn_cast<MatmulOp>(s.op);
  if (!op)
    return {};
  const size_t rankA = dimsOf(op.getA()).size(), rankB = dimsOf(op.getB()).size();
  const size_t depthOfA = rankA - (op.getTransposeA() ? 2 : 1),
               depthOfB = rankB - (op.getTransposeB() ? 1 : 2);
  const size_t columns = rankB - (op.getTransposeB() ? 2 : 1);
  const bool byDepth = s.random.oneIn(2);
  const int64_t size = dimsOf(op.getB())[byDepth ? depthOfB : columns];
  if (size < 2)
    return {};
  const int64_t cut = s.random.between(1, size - 1);
  auto part = [&](int64_t begin, int64_t extent) {
    Value a = byDepth ? window(s, op.getA(), depthOfA, begin, extent) : op.getA();
    Value b = window(s, op.getB(), byDepth ? depthOfB : columns, begin, extent);
    return s.make<MatmulOp>(a, b, op.getTransposeA(), op.getTransposeB());
  };
  Value first = part(0, cut), second = part(cut, size - cut);
  if (byDepth)
    return s.make<AddOp>(first, second);
  const int64_t last = tensorOf(op.getY()).getRank() - 1;
  return s.make<ConcatOp>(ValueRange{first, second}, last);
}

/// transpose_b as an op.
Value transposedByHand(Site &s) {
  auto op = dyn_cast<MatmulOp>(s.op);
  if (!op)
    return {};
  std::vector<int64_t> swap(dimsOf(op.getB()).size());
  std::iota(swap.begin(), swap.end(), 0);
  std::swap(swap[swap.size() - 1], swap[swap.size() - 2]);
  return s.make<MatmulOp>(op.getA(), s.make<TransposeOp>(op.getB(), swap), op.getTransposeA(),
                          !op.getTransposeB());
}

/// One axis after the other.
Value reducedInSteps(Site &s) {
  auto op = dyn_cast<SumOp>(s.op);
  if (!op || op.getAxes().size() < 2)
    return {};
  Value x = op.getX();
  for (int64_t axis : llvm::reverse(op.getAxes()))
    x = s.make<SumOp>(x, std::vector<int64_t>{axis});
  return x;
}

/// A copy of the op, then its result there and back.
template <Value (*way)(Site &, Value)> Value thereAndBack(Site &s) {
  if (s.op->getNumResults() != 1 || isa<ConstantOp>(s.op))
    return {};
  return way(s, s.builder.clone(*s.op)->getResult(0));
}
Value transposes(Site &s, Value x) {
  std::vector<int64_t> forth(dimsOf(x).size()), back(forth.size());
  std::iota(forth.begin(), forth.end(), 0);
  s.random.shuffle(forth);
  for (size_t i = 0; i < forth.size(); ++i)
    back[static_cast<size_t>(forth[i])] = static_cast<int64_t>(i);
  return s.make<TransposeOp>(s.make<TransposeOp>(x, forth), back);
}
Value reshapes(Site &s, Value x) {
  Value flat = s.make<ReshapeOp>(RankedTensorType::get({elementsOf(dimsOf(x))}, elementOf(x)), x);
  return s.make<ReshapeOp>(x.getType(), flat);
}
Value padAndSlice(Site &s, Value x) {
  std::vector<int64_t> low, high;
  for (size_t axis = 0; axis < dimsOf(x).size(); ++axis) {
    low.push_back(s.random.below(2));
    high.push_back(s.random.below(3));
  }
  return s.make<SliceOp>(s.make<PadOp>(x, low, high), low, shapeOf(x));
}
Value splitAndJoin(Site &s, Value x) {
  if (dimsOf(x).empty())
    return x;
  const size_t axis = static_cast<size_t>(s.random.below(dimsOf(x).size()));
  const int64_t size = dimsOf(x)[axis];
  if (size < 2)
    return x;
  const int64_t cut = s.random.between(1, size - 1);
  Value first = window(s, x, axis, 0, cut), second = window(s, x, axis, cut, size - cut);
  return s.make<ConcatOp>(ValueRange{first, second}, static_cast<int64_t>(axis));
}
Value plusZero(Site &s, Value x) {
  return elementOf(x).isF32() ? s.make<AddOp>(x, s.scalar(0)) : x;
}

struct Rewrite {
  const char *name;
  Value (*apply)(Site &);
};

constexpr Rewrite kRewrites[] = {
    {"commute add", commuted<AddOp>},
    {"commute mul", commuted<MulOp>},
    {"re-associate add", reassociated<AddOp>},
    {"re-associate mul", reassociated<MulOp>},
    {"re-associate matmul", reassociatedProduct},
    {"sub as add", negatedSum},
    {"div as mul", timesReciprocal},
    {"silu as mul", timesSigmoid},
    {"broadcast by hand", broadcastFirst},
    {"split a map", splitMap},
    {"split a matmul", splitProduct},
    {"transpose b by hand", transposedByHand},
    {"sum in steps", reducedInSteps},
    {"transpose and back", thereAndBack<transposes>},
    {"reshape and back", thereAndBack<reshapes>},
    {"pad and slice", thereAndBack<padAndSlice>},
    {"split and join", thereAndBack<splitAndJoin>},
    {"plus zero", thereAndBack<plusZero>},
};

/// A composite op by what it means. Its unused results have no values.
bool expand(Operation *op) {
  auto composite = dyn_cast<DecomposableOpInterface>(op);
  if (!composite)
    return false;
  OpBuilder builder(op);
  SmallVector<Value> values = composite.decompose(builder);
  for (auto [result, value] : llvm::zip_equal(op->getResults(), values))
    if (value)
      result.replaceAllUsesWith(value);
  op->erase();
  return true;
}

const char *rewriteAt(Operation *op, Random &random) {
  if (random.oneIn(2) && expand(op))
    return "expand";
  const Rewrite &rewrite = kRewrites[random.below(std::size(kRewrites))];
  Site site{op, OpBuilder(op), random};
  Value value = op->getNumResults() == 1 ? rewrite.apply(site) : Value();
  if (!value)
    return nullptr;
  op->getResult(0).replaceAllUsesWith(value);
  op->erase();
  return rewrite.name;
}

} // namespace

std::vector<const char *> rewriteSome(func::FuncOp function, Random &random, int count) {
  std::vector<const char *> done;
  for (int attempt = 0; attempt < 40 * count && static_cast<int>(done.size()) < count; ++attempt) {
    auto ops = function.getBody().front().without_terminator();
    const int64_t size = std::distance(ops.begin(), ops.end());
    if (size == 0)
      break;
    if (const char *name = rewriteAt(&*std::next(ops.begin(), random.below(size)), random))
      done.push_back(name);
  }
  return done;
}

} // namespace heddle::random
