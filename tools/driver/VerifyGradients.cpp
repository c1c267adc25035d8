// SPDX-License-Identifier: Apache-2.0
// Gradients in the interpreter against differences of the loss in the interpreter: both exact to
// about 1e-10, so that a wrong rule cannot hide.
#include <algorithm>
#include <cmath>
#include <map>

#include "ir/Conventions.h"
#include "ir/interpreter/Interpreter.h"
#include "ir/interpreter/Philox.h"
#include "runtime/plan/ThreadPool.h"
#include "tools/driver/Tolerances.h"
#include "tools/driver/VerifyParts.h"

using namespace mlir;

namespace heddle::tools {
namespace {

// What all differences together may take, in operations of the interpreter.
constexpr double kBudget = 4e10;
constexpr int kPointsOfStencil = 4;

/// The gradient of one parameter, and where the loss takes it.
struct Slope {
  std::string name;
  unsigned argument = 0;
  ir::TensorRef gradient;
  double norm = 0;    // Euclidean
  double largest = 0; // magnitude of an element
};

/// A way to move parameters: one element of one, or all elements of some, each by +-1.
struct Direction {
  std::string subject;
  std::vector<const Slope *> along;
  int64_t element = -1; // of the only parameter; -1: all
  double scale = 0;     // what an error is relative to
};

double signOf(const std::string &name, int64_t element) {
  auto words = ir::philox({static_cast<uint32_t>(element), static_cast<uint32_t>(element >> 32),
                           static_cast<uint32_t>(name.size()), 2},
                          0x9e3779b9);
  return words[0] & 1 ? 1 : -1;
}

double predicted(const Direction &direction) {
  double sum = 0;
  for (const Slope *slope : direction.along) {
    const std::vector<double> &gradient = slope->gradient->floats;
    if (direction.element >= 0)
      return gradient[direction.element];
    for (size_t i = 0; i < gradient.size(); ++i)
      sum += gradient[i] * signOf(slope->name, static_cast<int64_t>(i));
  }
  return sum;
}

ir::TensorRef moved(const Slope &slope, const ir::Tensor &from, int64_t element, double step) {
  auto to = std::make_shared<ir::Tensor>(from);
  if (element >= 0) {
    to->floats[element] += step;
    return to;
  }
  for (size_t i = 0; i < to->floats.size(); ++i)
    to->floats[i] += step * signOf(slope.name, static_cast<int64_t>(i));
  return to;
}

class DifferenceJudge {
public:
  DifferenceJudge(func::FuncOp loss, std::vector<ir::TensorRef> arguments)
      : loss_(loss), arguments_(std::move(arguments)) {}

  /// The error of the prediction at the best of some step sizes: a curve that is too strong spoils
  /// the long ones, and so do kinks (ReLU), of which a long step along a whole weight meets some; a
  /// wrong gradient spoils all.
  StatusOr<double> error(const Direction &direction, double bound) const {
    double analytic = predicted(direction), best = 0;
    bool isFirst = true;
    for (double step : {1e-4, 1e-5, 1e-3, 1e-6, 1e-7, 1e-8, 2e-9}) {
      HEDDLE_ASSIGN_OR_RETURN(double numeric, slopeAlong(direction, step));
      double error = std::abs(numeric - analytic);
      // Where nothing depends on the parameter both are zero.
      error = direction.scale > 0 ? error / direction.scale : error;
      best = isFirst ? error : std::min(best, error);
      isFirst = false;
      if (best <= bound)
        break;
    }
    return best;
  }

private:
  StatusOr<double> lossAt(const Direction &direction, double step) const {
    std::vector<ir::TensorRef> arguments = arguments_;
    for (const Slope *slope : direction.along)
      arguments[slope->argument] =
          moved(*slope, *arguments_[slope->argument], direction.element, step);
    HEDDLE_ASSIGN_OR_RETURN(std::vector<ir::TensorRef> results, ir::evaluate(loss_, arguments));
    return results.front()->number(0);
  }

  /// Central differences of fourth order.
  StatusOr<double> slopeAlong(const Direction &direction, double step) const {
    HEDDLE_ASSIGN_OR_RETURN(double ahead, lossAt(direction, step));
    HEDDLE_ASSIGN_OR_RETURN(double behind, lossAt(direction, -step));
    HEDDLE_ASSIGN_OR_RETURN(double farAhead, lossAt(direction, 2 * step));
    HEDDLE_ASSIGN_OR_RETURN(double farBehind, lossAt(direction, -2 * step));
    return (8 * (ahead - behind) - (farAhead - farBehind)) / (12 * step);
  }

  mutable func::FuncOp loss_;
  std::vector<ir::TensorRef> arguments_;
};

StatusOr<std::vector<Slope>> slopesOf(VerifySubject &subject, func::FuncOp loss,
                                      func::FuncOp gradient) {
  HEDDLE_ASSIGN_OR_RETURN(NamedTensors results,
                          evaluateNamed(gradient, subject.values.of(gradient)));
  std::vector<Slope> slopes;
  for (unsigned i = 0; i < loss.getNumArguments(); ++i) {
    std::string name = ir::argumentName(loss, i).str();
    auto found = results.find(ir::kGradient.str() + name);
    if (ir::argumentKind(loss, i) != ir::kKindParam || found == results.end())
      continue;
    Slope slope{name, i, found->second};
    for (double value : slope.gradient->floats) {
      slope.norm += value * value;
      slope.largest = std::max(slope.largest, std::abs(value));
    }
    slope.norm = std::sqrt(slope.norm);
    slopes.push_back(std::move(slope));
  }
  return slopes;
}

/// Per parameter: all elements, the element with the largest gradient, and one at random. Errors
/// are relative to the parameter's gradient, but not to less than kLeastGradient of the largest of
/// all.
std::vector<Direction> parameterDirections(const std::vector<Slope> &slopes) {
  double largestNorm = 0, largest = 0;
  for (const Slope &slope : slopes) {
    largestNorm = std::max(largestNorm, slope.norm);
    largest = std::max(largest, slope.largest);
  }
  std::vector<Direction> directions;
  for (const Slope &slope : slopes) {
    const std::vector<double> &gradient = slope.gradient->floats;
    if (gradient.empty())
      continue;
    auto smaller = [](double a, double b) { return std::abs(a) < std::abs(b); };
    int64_t top = std::max_element(gradient.begin(), gradient.end(), smaller) - gradient.begin();
    int64_t other = static_cast<int64_t>(ir::philox({static_cast<uint32_t>(top), 0, 0, 3}, 7)[0] %
                                         gradient.size());
    directions.push_back(
        {slope.name, {&slope}, -1, std::max(slope.norm, kLeastGradient * largestNorm)});
    for (int64_t element : {top, other})
      directions.push_back({absl::StrCat(slope.name, " element ", element),
                            {&slope},
                            element,
                            std::max(slope.largest, kLeastGradient * largest)});
  }
  return directions;
}

/// For models whose parameters are too many to move one by one: several at a time.
std::vector<Direction> groupDirections(const std::vector<Slope> &slopes, size_t groups) {
  std::vector<Direction> directions(std::min(groups, slopes.size()));
  for (size_t i = 0; i < slopes.size(); ++i) {
    Direction &direction = directions[i % directions.size()];
    direction.along.push_back(&slopes[i]);
    direction.scale = std::hypot(direction.scale, slopes[i].norm);
  }
  for (Direction &direction : directions)
    direction.subject =
        absl::StrCat(direction.along.front()->name, " and ", direction.along.size() - 1, " others");
  return directions;
}

std::vector<Direction> chooseDirections(const std::vector<Slope> &slopes, double work,
                                        VerifyReport &report) {
  double affordable = kBudget / (work * kPointsOfStencil);
  std::vector<Direction> directions = parameterDirections(slopes);
  if (static_cast<double>(directions.size()) <= affordable)
    return directions;
  std::erase_if(directions, [](const Direction &direction) { return direction.element >= 0; });
  const char *what = "whole parameters, not single elements, are";
  if (static_cast<double>(directions.size()) > affordable) {
    directions = groupDirections(slopes, static_cast<size_t>(std::max(2.0, affordable)));
    what = "groups of parameters, not each by itself, are";
  }
  report.remarks.push_back(
      absl::StrCat("central differences: the model is large, so ", what, " moved"));
  return directions;
}

} // namespace

Status checkCentralDifferences(VerifySubject &subject, VerifyReport &report) {
  func::FuncOp loss = subject.reference("loss"), gradient = subject.reference("grad");
  if (!loss || !gradient) {
    report.remarks.push_back("central differences: the model has no loss to differentiate");
    return absl::OkStatus();
  }
  if (std::string reason = tooLarge(subject.request, gradient, 1); !reason.empty()) {
    report.remarks.push_back("central differences are left out: the gradient " + reason);
    return absl::OkStatus();
  }
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Slope> slopes, slopesOf(subject, loss, gradient));
  std::vector<Direction> directions = chooseDirections(slopes, evaluationWork(loss), report);
  DifferenceJudge judge(loss, subject.values.of(loss));
  double bound = toleranceFor("central-difference", "*", "f64").bound;

  std::vector<StatusOr<double>> errors(directions.size(), 0.0);
  runtime::ThreadPool pool(subject.request.compile.threads);
  auto share = [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      errors[i] = judge.error(directions[i], bound);
  };
  pool.parallelFor(static_cast<int64_t>(directions.size()), share);
  for (size_t i = 0; i < directions.size(); ++i) {
    HEDDLE_RETURN_IF_ERROR(errors[i].status());
    report.checks.push_back({"central difference", directions[i].subject, *errors[i], bound});
  }
  return absl::OkStatus();
}

} // namespace heddle::tools
