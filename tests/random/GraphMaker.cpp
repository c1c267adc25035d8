// SPDX-License-Identifier: Apache-2.0
#include "tests/random/GraphMaker.h"

#include <numeric>

#include "ir/Conventions.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"
#include "passes/EntrySignature.h"
#include "tests/random/Inputs.h"
#include "tests/random/Smoothness.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

/// Evaluates one op by itself.
std::vector<TensorRef> evaluateOp(Operation *op, ArrayRef<TensorRef> operands) {
  OpBuilder builder(op->getContext());
  auto function = func::FuncOp::create(
      op->getLoc(), "op", builder.getFunctionType(op->getOperandTypes(), op->getResultTypes()));
  OwningOpRef<func::FuncOp> owner(function);
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  IRMapping mapping;
  for (auto [operand, argument] : llvm::zip_equal(op->getOperands(), block->getArguments()))
    mapping.map(operand, argument);
  Operation *copy = builder.clone(*op, mapping);
  func::ReturnOp::create(builder, op->getLoc(), copy->getResults());
  auto results = evaluate(function, operands);
  return results.ok() ? *results : std::vector<TensorRef>();
}

} // namespace

int64_t elementsOf(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

GraphMaker::GraphMaker(MLIRContext &context, uint64_t seed, bool differentiable)
    : random_(seed, "graph"), seed_(seed), differentiable_(differentiable), builder_(&context),
      module_(ModuleOp::create(builder_.getUnknownLoc())) {
  static const std::vector<int64_t> kSizes = {2,  3,  4,  5,  6,  7,  8,  9,  11, 12,  13,  15, 16,
                                              17, 19, 23, 24, 31, 32, 33, 37, 65, 131, 257, 515};
  sizes_ = {1};
  for (int64_t count = random_.between(2, 4); count-- > 0;)
    sizes_.push_back(random_.oneIn(3) ? random_.pick(kSizes) : random_.between(2, 8));
  builder_.setInsertionPointToEnd(module_->getBody());
  function_ = func::FuncOp::create(builder_, loc(), "forward", builder_.getFunctionType({}, {}));
  builder_.setInsertionPointToEnd(function_.addEntryBlock());
}

int64_t GraphMaker::size() {
  return random_.oneIn(12) ? random_.between(1, 40) : random_.pick(sizes_);
}

Shape GraphMaker::shape(int64_t rank) {
  constexpr int64_t kLargest = 3000;
  Shape shape;
  for (int64_t axis = 0; axis < rank; ++axis)
    shape.push_back(size());
  while (elementsOf(shape) > kLargest)
    *std::max_element(shape.begin(), shape.end()) = 2;
  return shape;
}

Value GraphMaker::argument(const std::string &domain, Shape shape, Type element, int64_t bound) {
  const unsigned index = function_.getNumArguments();
  std::string name = domain + std::to_string(index);
  if (bound > 0)
    name += "_of" + std::to_string(bound);
  auto type = RankedTensorType::get(shape, element);
  bool isParameter = differentiable_ && isa<FloatType>(element) &&
                     (domain == "float" || domain == "positive") && !random_.oneIn(4);
  (void)function_.insertArgument(index, type, builder_.getDictionaryAttr({}), loc());
  setArgumentNames(function_, index,
                   isParameter       ? kKindParam
                   : domain == "rng" ? kKindRng
                                     : kKindInput,
                   name);
  Value value = function_.getArgument(index);
  values_[value] = inputFor(name, type, seed_);
  return value;
}

Value GraphMaker::state(const std::string &domain, Shape shape) {
  Value value = argument(domain, std::move(shape), f32());
  unsigned index = cast<BlockArgument>(value).getArgNumber();
  setArgumentNames(function_, index, kKindState, argumentName(function_, index).str());
  return value;
}

Value GraphMaker::pooled(llvm::function_ref<bool(Value)> suits) {
  constexpr int64_t kRecent = 6;
  for (int attempt = 0; attempt < 12 && !pool_.empty(); ++attempt) {
    int64_t size = static_cast<int64_t>(pool_.size());
    int64_t from = random_.oneIn(3) ? 0 : std::max<int64_t>(0, size - kRecent);
    Value value = pool_[static_cast<size_t>(random_.between(from, size - 1))];
    if (suits(value))
      return value;
  }
  return {};
}

Value GraphMaker::anyFloat() { return anyFloat(0); }

Value GraphMaker::anyFloat(int64_t minRank) {
  if (!random_.oneIn(8))
    if (Value value = pooled([&](Value value) {
          return elementOf(value).isF32() && tensorOf(value).getRank() >= minRank;
        }))
      return value;
  return newFloat(shape(random_.between(std::max<int64_t>(minRank, 1), 4)));
}

Value GraphMaker::floatOf(Shape shape) {
  auto suits = [&](Value value) {
    return elementOf(value).isF32() && dimsOf(value) == ArrayRef<int64_t>(shape);
  };
  if (!random_.oneIn(4))
    if (Value value = pooled(suits))
      return value;
  return newFloat(std::move(shape));
}

Value GraphMaker::ids(Shape shape, int64_t bound, const std::string &domain) {
  Type element = random_.oneIn(4) ? builder_.getI64Type() : builder_.getI32Type();
  return argument(domain, std::move(shape), element, bound);
}

Value GraphMaker::mask(Shape shape) {
  auto suits = [&](Value value) {
    return elementOf(value).isInteger(1) && dimsOf(value) == ArrayRef<int64_t>(shape);
  };
  if (Value value = pooled(suits))
    return value;
  if (random_.oneIn(2))
    return argument("flags", std::move(shape), builder_.getI1Type());
  Value zero = make<ConstantOp>(DenseElementsAttr::get(
      RankedTensorType::get({}, builder_.getI32Type()), builder_.getI32IntegerAttr(0)));
  Value flags = argument("flags", std::move(shape), builder_.getI32Type());
  return make<CompareOp>(random_.oneIn(2) ? ComparePredicate::ne : ComparePredicate::eq, flags,
                         zero);
}

Value GraphMaker::rng() {
  for (BlockArgument argument : function_.getArguments())
    if (argumentKind(function_, argument.getArgNumber()) == kKindRng && !random_.oneIn(4))
      return argument;
  return argument("rng", {3}, builder_.getI64Type());
}

Value GraphMaker::constant(double value) { return constant({}, {value}); }

Value GraphMaker::constant(Shape shape, const std::vector<double> &values) {
  std::vector<float> narrow(values.begin(), values.end());
  return make<ConstantOp>(
      DenseElementsAttr::get(RankedTensorType::get(shape, f32()), ArrayRef<float>(narrow)));
}

void GraphMaker::evaluateLast(Operation *op) {
  if (failed(verify(op)))
    llvm::report_fatal_error("a maker made an op that does not verify");
  SmallVector<TensorRef> operands;
  for (Value operand : op->getOperands())
    operands.push_back(values_.lookup(operand));
  std::vector<TensorRef> results;
  if (!failed_ && isSmoothAt(op, operands))
    results = evaluateOp(op, operands);
  bool good = !results.empty() && llvm::all_of(results, [&](const TensorRef &result) {
    return isModerate(*result, allowHidden_ || isa<ConstantOp>(op));
  });
  failed_ |= !good;
  for (auto [index, result] : llvm::enumerate(op->getResults())) {
    RankedTensorType type = tensorOf(result);
    values_[result] = good ? results[index] : inputFor("float", type, 0);
  }
}

void GraphMaker::publish(Value value) { fresh_.push_back(value); }

void GraphMaker::update(Value state, Value value) { freshUpdates_.emplace_back(state, value); }

void GraphMaker::rollBack(Operation *lastGood, unsigned arguments) {
  Block &block = function_.getBody().front();
  while (!block.empty() && &block.back() != lastGood) {
    for (Value result : block.back().getResults())
      values_.erase(result);
    block.back().erase();
  }
  while (function_.getNumArguments() > arguments) {
    values_.erase(function_.getArgument(function_.getNumArguments() - 1));
    (void)function_.eraseArgument(function_.getNumArguments() - 1);
  }
}

bool GraphMaker::attempt(void (*maker)(GraphMaker &)) {
  Block &block = function_.getBody().front();
  Operation *lastGood = block.empty() ? nullptr : &block.back();
  const unsigned arguments = function_.getNumArguments();
  failed_ = false;
  fresh_.clear();
  freshUpdates_.clear();
  maker(*this);
  if (failed_ || fresh_.empty()) {
    rollBack(lastGood, arguments);
    return false;
  }
  pool_.insert(pool_.end(), fresh_.begin(), fresh_.end());
  updates_.insert(updates_.end(), freshUpdates_.begin(), freshUpdates_.end());
  return true;
}

/// The arguments of an entry stand in the order params, states, inputs, rng.
void GraphMaker::orderArguments() {
  const unsigned count = function_.getNumArguments();
  for (StringRef kind : {kKindParam, kKindState, kKindInput, kKindRng})
    for (unsigned i = 0; i < count; ++i) {
      if (argumentKind(function_, i) != kind)
        continue;
      const unsigned end = function_.getNumArguments();
      BlockArgument from = function_.getArgument(i);
      (void)function_.insertArgument(end, from.getType(), function_.getArgAttrDict(i), loc());
      from.replaceAllUsesWith(function_.getArgument(end));
    }
  (void)function_.eraseArguments(llvm::BitVector(2 * count).set(0, count));
}

OwningOpRef<ModuleOp> GraphMaker::finish() {
  passes::EntryResults results(function_);
  std::vector<Value> outputs;
  for (Value value : pool_)
    if (value.use_empty() ? !random_.oneIn(12) : random_.oneIn(6))
      outputs.push_back(value);
  if (outputs.empty())
    outputs.push_back(pool_.back());
  if (random_.oneIn(10)) // one value, two results
    outputs.push_back(random_.pick(outputs));
  if (random_.oneIn(10) && function_.getNumArguments() > 0)
    outputs.push_back(function_.getArgument(random_.below(function_.getNumArguments())));
  func::ReturnOp::create(builder_, loc(), ValueRange(outputs));
  for (auto [index, value] : llvm::enumerate(outputs))
    results.add(value, kKindOutput, "r" + std::to_string(index));
  for (auto [state, value] : updates_)
    results.add(value, kKindState,
                argumentName(function_, cast<BlockArgument>(state).getArgNumber()));
  results.finish();
  orderArguments();
  return std::move(module_);
}

} // namespace heddle::random
