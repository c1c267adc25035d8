// SPDX-License-Identifier: Apache-2.0
// The gradient against differences of the loss, both in float64.
#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_format.h"
#include "ir/Conventions.h"
#include "ir/interpreter/Interpreter.h"
#include "tests/random/Inputs.h"
#include "tests/random/Oracles.h"
#include "tests/random/Random.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

using Arguments = std::vector<TensorRef>;

/// A random way to move some arguments, and how fast the loss should change along it.
struct Direction {
  std::map<unsigned, std::vector<double>> moves; // by argument
  double slope = 0;
  double scale = 0; // the sum of magnitudes: what rounding is relative to
};

Arguments moved(const Arguments &from, const Direction &direction, double step) {
  Arguments to = from;
  for (const auto &[argument, move] : direction.moves) {
    Tensor tensor = *from[argument];
    for (size_t i = 0; i < move.size(); ++i)
      tensor.floats[i] += step * move[i];
    to[argument] = std::make_shared<const Tensor>(std::move(tensor));
  }
  return to;
}

StatusOr<double> lossAt(func::FuncOp loss, const Arguments &arguments) {
  HEDDLE_ASSIGN_OR_RETURN(Arguments results, evaluate(loss, arguments));
  return results.front()->number(0);
}

/// Central differences of fourth order.
StatusOr<double> slopeAlong(func::FuncOp loss, const Arguments &at, const Direction &direction,
                            double h) {
  double sum = 0;
  for (auto [step, weight] :
       {std::pair(1, 8), std::pair(-1, -8), std::pair(2, -1), std::pair(-2, 1)}) {
    HEDDLE_ASSIGN_OR_RETURN(double value, lossAt(loss, moved(at, direction, step * h)));
    sum += weight * value;
  }
  return sum / (12 * h);
}

class GradientJudge {
public:
  GradientJudge(func::FuncOp loss, func::FuncOp gradient, uint64_t seed)
      : loss_(loss), gradient_(gradient), arguments_(inputsFor(loss, seed)),
        random_(seed, "directions") {}

  /// Along all parameters together, and along each.
  Judgement run() {
    HEDDLE_ASSIGN_OR_RETURN(results_, evaluate(gradient_, arguments_));
    std::vector<std::vector<unsigned>> groups(1);
    for (unsigned i = 0; i < loss_.getNumArguments(); ++i)
      if (argumentKind(loss_, i) == kKindParam) {
        groups.front().push_back(i);
        groups.push_back({i});
      }
    for (const std::vector<unsigned> &group : groups) {
      HEDDLE_ASSIGN_OR_RETURN(std::string what, check(group));
      if (!what.empty())
        return what;
    }
    return "";
  }

private:
  Direction directionAlong(const std::vector<unsigned> &arguments) {
    Direction direction;
    for (unsigned argument : arguments) {
      std::string name = (kGradient + argumentName(loss_, argument)).str();
      const Tensor &gradient = *results_[*findResult(gradient_, name)];
      std::vector<double> &move = direction.moves[argument];
      for (double slope : gradient.floats) {
        move.push_back(2 * random_.uniform() - 1);
        direction.slope += slope * move.back();
        direction.scale += std::abs(slope * move.back());
      }
    }
    return direction;
  }

  /// The best of three steps: one too large meets a kink, one too small is all rounding; a wrong
  /// gradient is wrong for all.
  Judgement check(const std::vector<unsigned> &arguments) {
    Direction direction = directionAlong(arguments);
    double magnitude = std::abs(results_.front()->number(0)), best = INFINITY, numeric = 0,
           bound = 0;
    for (double h : {1e-4, 1e-5, 1e-3}) {
      HEDDLE_ASSIGN_OR_RETURN(double slope, slopeAlong(loss_, arguments_, direction, h));
      bound = 1e-6 * direction.scale + 1e-13 * (10 + magnitude) / h;
      double error = std::abs(slope - direction.slope);
      if (error <= bound)
        return "";
      if (error < best) {
        best = error;
        numeric = slope;
      }
    }
    return absl::StrFormat(
        "the slope along %s is %.9g, by central differences %.9g; the bound is %.3g",
        arguments.size() == 1 ? argumentName(loss_, arguments[0]).str() : "all parameters",
        direction.slope, numeric, bound);
  }

  func::FuncOp loss_, gradient_;
  Arguments arguments_, results_;
  Random random_;
};

} // namespace

Judgement judgeGradient(Graph &graph) {
  if (!graph.isDifferentiable())
    return "";
  HEDDLE_ASSIGN_OR_RETURN(ModuleOp module, graph.withGradient());
  return GradientJudge(module.lookupSymbol<func::FuncOp>("loss"),
                       module.lookupSymbol<func::FuncOp>("grad"), graph.seed())
      .run();
}

} // namespace heddle::random
