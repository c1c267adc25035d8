// SPDX-License-Identifier: Apache-2.0
// A random function in the making. Every op is evaluated as it is made, so that the makers of
// tests/random/*Makers.cpp know numbers and not only types: what leaves the range in which f32 and
// float64 can be compared, or comes near a kink, is taken back.

#ifndef HEDDLE_TESTS_RANDOM_GRAPHMAKER_H
#define HEDDLE_TESTS_RANDOM_GRAPHMAKER_H

#include <optional>
#include <string>
#include <vector>

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"
#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tests/random/Random.h"
#include "llvm/ADT/DenseMap.h"

namespace heddle::random {

using Shape = std::vector<int64_t>;

inline Shape shapeOf(mlir::Value value) {
  llvm::ArrayRef<int64_t> dims = ir::dimsOf(value);
  return {dims.begin(), dims.end()};
}

int64_t elementsOf(llvm::ArrayRef<int64_t> shape);

class GraphMaker {
public:
  /// With `differentiable`, floats are mostly parameters and makers of gradient ops do nothing.
  GraphMaker(mlir::MLIRContext &context, uint64_t seed, bool differentiable);

  Random &random() { return random_; }
  mlir::OpBuilder &builder() { return builder_; }
  mlir::Location loc() { return builder_.getUnknownLoc(); }
  mlir::Type f32() { return builder_.getF32Type(); }
  bool isDifferentiable() const { return differentiable_; }

  /// One of the few sizes of this graph; small ones and 1 most of all.
  int64_t size();
  Shape shape(int64_t rank);

  // Values. A new argument's name says its domain (Inputs.h).
  mlir::Value argument(const std::string &domain, Shape shape, mlir::Type element,
                       int64_t bound = 0);
  mlir::Value newFloat(Shape shape) { return argument("float", std::move(shape), f32()); }
  /// An optimizer moment or a cache: a float that the function may write a new value of.
  mlir::Value state(const std::string &domain, Shape shape);
  /// A float from the pool, recent ones first; now and then a new one.
  mlir::Value anyFloat();
  mlir::Value anyFloat(int64_t minRank);
  /// One of exactly this shape, from the pool if there is one.
  mlir::Value floatOf(Shape shape);
  mlir::Value ids(Shape shape, int64_t bound, const std::string &domain = "ids");
  mlir::Value mask(Shape shape);
  mlir::Value rng();
  mlir::Value constant(double value);
  mlir::Value constant(Shape shape, const std::vector<double> &values);

  /// Makes an op, evaluates it, and returns its first result.
  template <typename Op, typename... Args> mlir::Value make(Args &&...args) {
    return makeOp<Op>(std::forward<Args>(args)...)->getResult(0);
  }
  template <typename Op, typename... Args> Op makeOp(Args &&...args) {
    auto op = Op::create(builder_, loc(), std::forward<Args>(args)...);
    evaluateLast(op);
    return op;
  }
  /// The graph as it is now; valid until the next op fails.
  const ir::Tensor &valueOf(mlir::Value value) const { return *values_.lookup(value); }

  /// While one lives, -infinity is a number like any other: scores that a mask hides.
  struct HiddenScores {
    explicit HiddenScores(GraphMaker &maker) : maker(maker) { maker.allowHidden_ = true; }
    ~HiddenScores() { maker.allowHidden_ = false; }
    GraphMaker &maker;
  };

  /// Offers a value to later makers. Values that nobody reads are returned.
  void publish(mlir::Value value);
  /// Returns `value` as the new value of `state`.
  void update(mlir::Value state, mlir::Value value);
  /// Gives up what the maker that is running has made so far.
  void giveUp() { failed_ = true; }

  /// Runs a maker; takes back all it made if an op failed. False then.
  bool attempt(void (*maker)(GraphMaker &));
  /// Whether no maker has published anything yet.
  bool isEmpty() const { return pool_.empty(); }
  /// Ends the function with its results.
  mlir::OwningOpRef<mlir::ModuleOp> finish();

private:
  void evaluateLast(mlir::Operation *op);
  void orderArguments();
  void rollBack(mlir::Operation *lastGood, unsigned arguments);
  mlir::Value pooled(llvm::function_ref<bool(mlir::Value)> suits);

  Random random_;
  uint64_t seed_;
  bool differentiable_, failed_ = false, allowHidden_ = false;
  mlir::OpBuilder builder_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::func::FuncOp function_;
  std::vector<int64_t> sizes_;
  std::vector<mlir::Value> pool_, fresh_;
  std::vector<std::pair<mlir::Value, mlir::Value>> updates_, freshUpdates_;
  llvm::DenseMap<mlir::Value, ir::TensorRef> values_;
};

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_GRAPHMAKER_H
