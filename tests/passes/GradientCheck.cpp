// SPDX-License-Identifier: Apache-2.0
#include "tests/passes/GradientCheck.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/Verifier.h"
#include "passes/EntrySignature.h"
#include "passes/autodiff/Gradients.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

Graph::Graph(unsigned seed) : builder_(&context_), random_(seed) {
  DialectRegistry registry;
  registerGradients(registry);
  context_.appendDialectRegistry(registry);
  context_.loadDialect<HeddleDialect, func::FuncDialect>();
  module_ = ModuleOp::create(builder_, loc());
  builder_.setInsertionPointToEnd(module_->getBody());
  function_ = func::FuncOp::create(builder_, loc(), "loss", builder_.getFunctionType({}, {}));
  builder_.setInsertionPointToEnd(function_.addEntryBlock());
}

Value Graph::argument(Tensor value) {
  Type element = builder_.getF64Type();
  if (value.kind == ElementKind::i32)
    element = builder_.getI32Type();
  if (value.kind == ElementKind::i64)
    element = builder_.getI64Type();
  if (value.kind == ElementKind::i1)
    element = builder_.getI1Type();
  const unsigned index = function_.getNumArguments();
  EXPECT_TRUE(succeeded(function_.insertArgument(index, RankedTensorType::get(value.shape, element),
                                                 builder_.getDictionaryAttr({}), loc())));
  values_.push_back(std::make_shared<Tensor>(std::move(value)));
  return function_.getArgument(index);
}

Value Graph::param(std::vector<int64_t> shape, double low, double high) {
  params_.push_back(function_.getNumArguments());
  Tensor value = Tensor::zeros(ElementKind::f64, shape);
  for (double &element : value.floats)
    element = std::uniform_real_distribution<double>(low, high)(random_);
  return argument(std::move(value));
}

Value Graph::floats(std::vector<int64_t> shape) {
  Value value = param(std::move(shape));
  params_.pop_back();
  return value;
}

Value Graph::ids(std::vector<int64_t> shape, int64_t below, int64_t low) {
  Tensor value = Tensor::zeros(ElementKind::i32, shape);
  for (int64_t &element : value.ints)
    element = std::uniform_int_distribution<int64_t>(low, below - 1)(random_);
  return argument(std::move(value));
}

Value Graph::idsOf(std::vector<int64_t> shape, std::vector<int64_t> values) {
  return argument(Tensor::ofInts(std::move(shape), std::move(values)));
}

Value Graph::mask(std::vector<int64_t> shape) {
  Tensor value = Tensor::zeros(ElementKind::i1, shape);
  for (int64_t &element : value.ints)
    element = static_cast<int64_t>(random_() % 2);
  return argument(std::move(value));
}

Value Graph::rng() { return argument(Tensor::ofInts({3}, {42, 7, 1}, ElementKind::i64)); }

void Graph::output(Value value) {
  auto shape = cast<RankedTensorType>(value.getType()).getShape();
  Value weighted = MulOp::create(builder_, loc(), value, floats(shape.vec()));
  if (!shape.empty())
    weighted = SumOp::create(builder_, loc(), weighted,
                             llvm::to_vector(llvm::seq<int64_t>(0, shape.size())));
  loss(weighted);
}

void Graph::loss(Value value) {
  loss_ = loss_ ? AddOp::create(builder_, loc(), loss_, value).getResult() : value;
}

func::FuncOp Graph::finish() {
  func::ReturnOp::create(builder_, loc(), loss_);
  EntryResults results(function_);
  results.add(loss_, kKindOutput, "loss");
  results.finish();
  EXPECT_TRUE(succeeded(verify(*module_)));
  return function_;
}

namespace {

func::FuncOp cloneInto(Graph &graph, func::FuncOp function, StringRef name) {
  auto copy = function.clone();
  copy.setName(name);
  graph.module().push_back(copy);
  return copy;
}

/// Replaces the loss by the loss and its gradients. Parameters without influence are left out.
std::vector<unsigned> appendGradients(func::FuncOp function, const std::vector<unsigned> &params) {
  Operation *terminator = function.getBody().front().getTerminator();
  SmallVector<Value> wrt;
  for (unsigned param : params)
    wrt.push_back(function.getArgument(param));
  FailureOr<SmallVector<Value>> gradients = differentiate(terminator->getOperand(0), wrt);
  std::vector<unsigned> influential;
  if (failed(gradients)) {
    ADD_FAILURE() << "differentiation failed";
    return influential;
  }
  EntryResults results(function);
  results.add(terminator->getOperand(0), kKindOutput, "loss");
  for (auto [param, gradient] : llvm::zip_equal(params, *gradients))
    if (gradient) {
      EXPECT_EQ(gradient.getType(), function.getArgument(param).getType());
      influential.push_back(param);
      results.add(gradient, kKindOutput, "grad");
    }
  results.finish();
  EXPECT_TRUE(succeeded(verify(function)));
  return influential;
}

std::vector<TensorRef> run(func::FuncOp function, const std::vector<TensorRef> &arguments) {
  absl::StatusOr<std::vector<TensorRef>> results = evaluate(function, arguments);
  if (!results.ok()) {
    ADD_FAILURE() << results.status();
    return {};
  }
  return *results;
}

Tensor moved(const Tensor &from, const std::vector<double> &direction, double step) {
  Tensor to = from;
  for (size_t i = 0; i < direction.size(); ++i)
    to.floats[i] += step * direction[i];
  return to;
}

/// The derivative along a random direction of the parameters `along`, both ways.
void expectDirectional(Graph &graph, func::FuncOp loss, const std::vector<unsigned> &along,
                       const std::vector<unsigned> &params, const std::vector<TensorRef> &gradients,
                       unsigned seed) {
  constexpr double kStep = 1e-5;
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<TensorRef> ahead = graph.values(), behind = graph.values();
  double analytic = 0, scale = 0;
  for (unsigned param : along) {
    const Tensor &at = *graph.values()[param];
    std::vector<double> direction(at.floats.size());
    for (double &d : direction)
      d = normal(random);
    ahead[param] = std::make_shared<Tensor>(moved(at, direction, kStep));
    behind[param] = std::make_shared<Tensor>(moved(at, direction, -kStep));
    auto found = std::find(params.begin(), params.end(), param);
    if (found == params.end())
      continue; // no influence: contributes nothing
    const Tensor &gradient = *gradients[found - params.begin() + 1];
    for (size_t i = 0; i < direction.size(); ++i) {
      analytic += gradient.floats[i] * direction[i];
      scale += std::abs(gradient.floats[i] * direction[i]);
    }
  }
  double up = run(loss, ahead)[0]->floats[0], down = run(loss, behind)[0]->floats[0];
  double numeric = (up - down) / (2 * kStep);
  // The second term is what rounding of the two losses leaves.
  EXPECT_NEAR(analytic, numeric, 1e-6 * std::abs(analytic) + 1e-8 * scale + 1e-10)
      << "along argument " << along.front();
}

void expectSameAsDecomposed(Graph &graph, func::FuncOp loss, const std::vector<unsigned> &params,
                            const std::vector<TensorRef> &expected) {
  func::FuncOp decomposed = cloneInto(graph, loss, "decomposed");
  bool any = false;
  SmallVector<DecomposableOpInterface> composites;
  decomposed.walk([&](DecomposableOpInterface op) { composites.push_back(op); });
  for (DecomposableOpInterface op : composites) {
    OpBuilder builder(op);
    SmallVector<Value> values = op.decompose(builder);
    for (auto [result, value] : llvm::zip_equal(op->getResults(), values))
      if (value)
        result.replaceAllUsesWith(value);
    op->erase();
    any = true;
  }
  if (!any)
    return;
  std::vector<unsigned> influential = appendGradients(decomposed, params);
  std::vector<TensorRef> actual = run(decomposed, graph.values());
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    double largest = 0;
    for (double x : expected[i]->floats)
      largest = std::max(largest, std::abs(x));
    for (size_t e = 0; e < actual[i]->floats.size(); ++e)
      ASSERT_NEAR(actual[i]->floats[e], expected[i]->floats[e], 1e-9 * largest + 1e-14)
          << "decomposition, result " << i << " element " << e;
  }
}

} // namespace

void expectGradients(const BuildGraph &build) {
  Graph graph;
  build(graph);
  func::FuncOp loss = graph.finish();
  func::FuncOp gradient = cloneInto(graph, loss, "gradient");
  std::vector<unsigned> params = appendGradients(gradient, graph.params());
  std::vector<TensorRef> results = run(gradient, graph.values());
  ASSERT_EQ(results.size(), params.size() + 1);
  // Equal but for the order of sums where an op had to be decomposed.
  const double before = run(loss, graph.values())[0]->floats[0];
  EXPECT_NEAR(results[0]->floats[0], before, 1e-13 * std::abs(before));
  for (unsigned seed = 1; seed <= 3; ++seed)
    expectDirectional(graph, loss, graph.params(), params, results, seed);
  for (unsigned param : graph.params())
    expectDirectional(graph, loss, {param}, params, results, 17 + param);
  expectSameAsDecomposed(graph, loss, graph.params(), results);
}

} // namespace heddle::passes
