// SPDX-License-Identifier: Apache-2.0
// The training entries of a whole small model: its gradient against central differences, its step
// against a plain AdamW, its accumulation against the sum.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ir/Conventions.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "tests/passes/TinyTransformer.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

Tensor scaled(const Tensor &x, double factor) {
  Tensor y = x;
  for (double &element : y.floats)
    element *= factor;
  return y;
}

TensorRef scalar(double value) { return std::make_shared<Tensor>(Tensor::scalar(value)); }

void expectNear(const Tensor &actual, const Tensor &expected, double tolerance,
                const std::string &name) {
  ASSERT_EQ(actual.shape, expected.shape) << name;
  for (size_t i = 0; i < expected.floats.size(); ++i)
    ASSERT_NEAR(actual.floats[i], expected.floats[i],
                tolerance * std::max(1e-3, std::abs(expected.floats[i])))
        << name << " element " << i;
}

class TrainingStep : public testing::Test {
protected:
  void SetUp() override {
    module_ = buildTinyTransformer();
    PassManager manager(&testContext());
    manager.addPass(createDifferentiatePass({"train_loss", "grad", /*lossScale=*/false}));
    manager.addPass(createDifferentiatePass({"train_loss", "train_grad", /*lossScale=*/true}));
    manager.addPass(createAppendOptimizerPass());
    manager.addNestedPass<func::FuncOp>(createMergeLossGradientPass());
    ASSERT_TRUE(succeeded(manager.run(*module_)));
    NamedTensors results = evaluateNamed(entry("grad"), argumentsOf(entry("grad")));
    loss_ = results["loss"];
    for (auto &[name, tensor] : results)
      if (StringRef(name).starts_with(kGradient))
        gradients_[name.substr(kGradient.size())] = tensor;
  }

  func::FuncOp entry(StringRef name) { return module_->lookupSymbol<func::FuncOp>(name); }

  double norm(double factor = 1.0) {
    double squares = 0;
    for (auto &[name, gradient] : gradients_)
      for (double x : gradient->floats)
        squares += factor * x * factor * x;
    return std::sqrt(squares);
  }

  /// The first step of torch.optim.AdamW from zero states, with the hyper-parameters of
  /// argumentsOf.
  void expectFirstStep(NamedTensors results, const NamedTensors &arguments, double factor) {
    for (auto &[name, gradient] : gradients_) {
      Tensor g = scaled(*gradient, factor), m = scaled(g, 0.1), v = g, p = *arguments.at(name);
      for (size_t i = 0; i < g.floats.size(); ++i) {
        v.floats[i] = 0.01 * g.floats[i] * g.floats[i];
        if (p.rank() >= 2)
          p.floats[i] *= 1 - 0.01 * 0.1;
        p.floats[i] -= 0.01 / 0.1 * m.floats[i] / (std::sqrt(v.floats[i]) / std::sqrt(0.01) + 1e-8);
      }
      expectNear(*results[name], p, 1e-8, name);
      expectNear(*results[kAdamM.str() + name], m, 1e-8, "m of " + name);
      expectNear(*results[kAdamV.str() + name], v, 1e-8, "v of " + name);
    }
  }

  NamedTensors named(func::FuncOp function, const std::vector<TensorRef> &values) {
    NamedTensors arguments;
    for (unsigned i = 0; i < values.size(); ++i)
      arguments[argumentName(function, i).str()] = values[i];
    return arguments;
  }

  OwningOpRef<ModuleOp> module_;
  TensorRef loss_;
  NamedTensors gradients_; // by parameter
};

TEST_F(TrainingStep, gradient_of_a_whole_model_agrees_with_central_differences) {
  func::FuncOp loss = entry("train_loss");
  std::vector<TensorRef> at = argumentsOf(loss);
  constexpr double kStep = 1e-5;
  for (unsigned i = 0; i < at.size(); ++i) {
    if (argumentKind(loss, i) != kKindParam)
      continue;
    std::string name = argumentName(loss, i).str();
    std::mt19937_64 random(i);
    std::normal_distribution<double> normal;
    Tensor up = *at[i], down = *at[i];
    double analytic = 0, scale = 0;
    for (size_t e = 0; e < up.floats.size(); ++e) {
      double direction = normal(random), g = gradients_[name]->floats[e];
      up.floats[e] += kStep * direction;
      down.floats[e] -= kStep * direction;
      analytic += direction * g;
      scale += std::abs(direction * g);
    }
    auto lossWith = [&](Tensor moved) {
      std::vector<TensorRef> arguments = at;
      arguments[i] = std::make_shared<Tensor>(std::move(moved));
      return evaluateNamed(loss, arguments)["loss"]->floats[0];
    };
    double numeric = (lossWith(up) - lossWith(down)) / (2 * kStep);
    EXPECT_NEAR(analytic, numeric, 1e-6 * std::abs(analytic) + 1e-8 * scale + 1e-10) << name;
  }
}

TEST_F(TrainingStep, step_is_adamw_without_clipping) {
  func::FuncOp step = entry("step");
  std::vector<TensorRef> arguments = argumentsOf(step);
  NamedTensors results = evaluateNamed(step, arguments);
  EXPECT_NEAR(results["loss"]->floats[0], loss_->floats[0], 1e-12);
  EXPECT_NEAR(results["grad_norm"]->floats[0], norm(), 1e-9);
  expectFirstStep(results, named(step, arguments), 1.0);
}

TEST_F(TrainingStep, step_clips_by_the_global_norm_and_reports_it_before) {
  func::FuncOp step = entry("step");
  std::vector<TensorRef> arguments = argumentsOf(step, {{"grad_clip", scalar(norm() / 4)}});
  NamedTensors results = evaluateNamed(step, arguments);
  EXPECT_NEAR(results["grad_norm"]->floats[0], norm(), 1e-9);
  // 1e-6 is a constant of the f32 graph, rounded as such.
  expectFirstStep(results, named(step, arguments), norm() / 4 / (norm() + double(1e-6f)));
}

TEST_F(TrainingStep, accumulated_gradients_step_like_their_sum) {
  func::FuncOp accumulate = entry("accumulate"), last = entry("step_accumulated");
  NamedTensors known = {{"loss_scale", scalar(0.25)}};
  for (int micro = 0; micro < 3; ++micro)
    for (auto &[name, tensor] : evaluateNamed(accumulate, argumentsOf(accumulate, known)))
      if (StringRef(name).starts_with(kGradient))
        known[name] = tensor;
  for (auto &[name, gradient] : gradients_)
    expectNear(*known[kGradient.str() + name], scaled(*gradient, 0.75), 1e-9, name);

  // The fourth micro-batch completes the mean of four equal ones.
  std::vector<TensorRef> arguments = argumentsOf(last, known);
  NamedTensors results = evaluateNamed(last, arguments);
  EXPECT_NEAR(results["grad_norm"]->floats[0], norm(), 1e-9);
  expectFirstStep(results, named(last, arguments), 1.0);
  for (auto &[name, gradient] : gradients_)
    for (double x : results[kGradient.str() + name]->floats)
      ASSERT_EQ(x, 0.0) << name;
}

} // namespace
} // namespace heddle::passes
