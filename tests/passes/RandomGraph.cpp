// SPDX-License-Identifier: Apache-2.0
#include "tests/passes/RandomGraph.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

using Shape = SmallVector<int64_t>;

/// A function of random ops over tensors of 24 or so elements.
class RandomGraph {
public:
  RandomGraph(MLIRContext &context, unsigned seed, unsigned floatBits)
      : random_(seed), b_(&context),
        element_(floatBits == 64 ? Type(b_.getF64Type()) : Type(b_.getF32Type())),
        module_(ModuleOp::create(b_.getUnknownLoc())) {
    b_.setInsertionPointToEnd(module_->getBody());
    const std::vector<Shape> shapes = {{2, 3, 4},    {3, 4}, {4},    {6, 4},
                                       {1, 2, 3, 4}, {1, 1}, {6, 1}, {}};
    SmallVector<Type> types;
    for (const Shape &shape : shapes)
      types.append(2, RankedTensorType::get(shape, element_));
    function_ = func::FuncOp::create(b_, b_.getUnknownLoc(), "f", b_.getFunctionType(types, {}));
    Block *block = function_.addEntryBlock();
    b_.setInsertionPointToEnd(block);
    values_.append(block->args_begin(), block->args_end());
  }

  OwningOpRef<ModuleOp> build(int ops) {
    for (int made = 0; made < ops;)
      if (Value value = randomOp()) {
        values_.push_back(value);
        ++made;
      }
    // What nothing reads is returned, and some of the rest.
    SmallVector<Value> results;
    for (Value value : values_)
      if (value.getDefiningOp() && (value.use_empty() || below(6) == 0))
        results.push_back(value);
    func::ReturnOp::create(b_, b_.getUnknownLoc(), results);
    function_.setType(
        b_.getFunctionType(function_.getArgumentTypes(), ValueRange(results).getTypes()));
    EXPECT_TRUE(succeeded(verify(*module_)));
    return std::move(module_);
  }

private:
  int64_t below(int64_t limit) { return static_cast<int64_t>(random_() % limit); }
  /// Mostly recent values, so that chains form.
  Value any() {
    size_t size = values_.size();
    return below(3) == 0 ? values_[below(size)]
                         : values_[size - 1 - below(std::min<size_t>(size, 6))];
  }
  ArrayRef<int64_t> shapeOf(Value value) { return dimsOf(value); }
  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(b_, b_.getUnknownLoc(), std::forward<Args>(args)...)->getResult(0);
  }

  Value randomOp() {
    switch (below(14)) {
    case 0:
    case 1:
    case 2:
      return binary();
    case 3:
      return make<TanhOp>(any());
    case 4:
      return make<SigmoidOp>(any());
    case 5:
    case 6:
      return matmul();
    case 7:
      return transpose();
    case 8:
      return reshape();
    case 9:
      return slice();
    case 10:
      return concat();
    case 11:
      return norm();
    case 12:
      return reduce();
    default:
      return softmax();
    }
  }

  Value binary() {
    Value x = any();
    for (int attempt = 0; attempt < 8; ++attempt) {
      Value y = any();
      std::optional<SmallVector<int64_t>> shape = broadcastShape(shapeOf(x), shapeOf(y));
      if (!shape || product(*shape) > 200)
        continue;
      return below(2) ? make<AddOp>(x, y) : make<MulOp>(x, y);
    }
    Value half = make<ConstantOp>(DenseElementsAttr::get(RankedTensorType::get({}, element_),
                                                         b_.getFloatAttr(element_, 0.5)));
    return make<MulOp>(x, half);
  }

  static int64_t product(ArrayRef<int64_t> shape) {
    return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  }

  Value matmul() {
    Value a = any(), w = any();
    for (int attempt = 0; attempt < 12; ++attempt, w = values_[below(values_.size())]) {
      if (shapeOf(a).size() < 2 || shapeOf(w).size() != 2)
        continue;
      bool transposed = below(2);
      if (shapeOf(w)[transposed ? 1 : 0] == shapeOf(a).back())
        return make<MatmulOp>(a, w, false, transposed);
      if (shapeOf(a).size() == 2 && shapeOf(a)[0] == shapeOf(w)[0])
        return make<MatmulOp>(a, w, true, false);
    }
    return {};
  }

  Value transpose() {
    Value x = any();
    SmallVector<int64_t> permutation(shapeOf(x).size());
    std::iota(permutation.begin(), permutation.end(), 0);
    std::shuffle(permutation.begin(), permutation.end(), random_);
    return make<TransposeOp>(x, permutation);
  }

  Value reshape() {
    Value x = any();
    Shape shape(shapeOf(x));
    if (shape.size() >= 2 && below(2)) { // join two axes
      size_t axis = below(shape.size() - 1);
      shape[axis] *= shape[axis + 1];
      shape.erase(shape.begin() + axis + 1);
    } else if (!shape.empty() && shape.size() < 4) { // split one
      size_t axis = below(shape.size());
      for (int64_t factor : {2, 3})
        if (shape[axis] % factor == 0) {
          shape[axis] /= factor;
          shape.insert(shape.begin() + axis, factor);
          break;
        }
    }
    return make<ReshapeOp>(RankedTensorType::get(shape, element_), x);
  }

  Value slice() {
    Value x = any();
    Shape offsets(shapeOf(x).size(), 0), sizes(shapeOf(x));
    if (sizes.empty())
      return {};
    size_t axis = below(sizes.size());
    offsets[axis] = below(sizes[axis]);
    sizes[axis] = 1 + below(sizes[axis] - offsets[axis]);
    return make<SliceOp>(x, offsets, sizes);
  }

  Value concat() {
    Value x = any();
    if (shapeOf(x).empty() || product(shapeOf(x)) > 100)
      return {};
    Value other = below(2) ? make<TanhOp>(x) : x;
    return make<ConcatOp>(ValueRange{x, other}, below(shapeOf(x).size()));
  }

  Value norm() {
    Value x = any();
    if (shapeOf(x).empty())
      return {};
    if (below(2))
      return make<RmsNormOp>(x, Value(), b_.getF64FloatAttr(1e-3));
    auto op =
        LayerNormOp::create(b_, b_.getUnknownLoc(), x, Value(), Value(), b_.getF64FloatAttr(1e-3));
    if (below(3) == 0)
      values_.push_back(op.getMean());
    return op.getY();
  }

  Value softmax() {
    Value x = any();
    return shapeOf(x).empty() ? Value() : make<SoftmaxOp>(x);
  }

  Value reduce() {
    Value x = any();
    int64_t rank = shapeOf(x).size();
    if (rank == 0)
      return {};
    int64_t first = below(rank), last = first + below(rank - first);
    SmallVector<int64_t> axes;
    for (int64_t axis = first; axis <= last; ++axis)
      axes.push_back(axis);
    return below(2) ? make<SumOp>(x, axes) : make<MaxOp>(x, axes);
  }

  std::mt19937_64 random_;
  OpBuilder b_;
  Type element_;
  OwningOpRef<ModuleOp> module_;
  func::FuncOp function_;
  SmallVector<Value> values_;
};

} // namespace

OwningOpRef<ModuleOp> randomGraph(MLIRContext &context, unsigned seed, int ops,
                                  unsigned floatBits) {
  return RandomGraph(context, seed, floatBits).build(ops);
}

func::FuncOp onlyFunction(ModuleOp module) { return *module.getOps<func::FuncOp>().begin(); }

std::vector<TensorRef> randomArguments(ModuleOp module) {
  std::mt19937_64 random(7);
  std::vector<TensorRef> arguments;
  for (Type type : onlyFunction(module).getArgumentTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    Tensor value = Tensor::zeros(*elementKindOf(tensor.getElementType()), tensor.getShape().vec());
    // What f32 can hold, so that kernels start from the same numbers.
    for (double &element : value.floats)
      element = static_cast<float>(std::uniform_real_distribution<double>(-1, 1)(random));
    arguments.push_back(std::make_shared<Tensor>(std::move(value)));
  }
  return arguments;
}

} // namespace heddle::passes
