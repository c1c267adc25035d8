// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Reference.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "ir/Conventions.h"
#include "ir/interpreter/Interpreter.h"
#include "tools/driver/Values.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

bool agree(double a, double b, double bound) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= bound;
}

std::string mismatch(const std::string &what, int64_t element, double actual, double expected,
                     double bound) {
  return absl::StrFormat(
      "%s, element %d: %.9g, expected %.9g, which is off by %.3g; the bound is %.3g", what, element,
      actual, expected, std::abs(actual - expected), bound);
}

} // namespace

StatusOr<std::vector<Reference>> referenceOf(func::FuncOp function,
                                             const std::vector<TensorRef> &arguments) {
  double largest = 1;
  auto observe = [&](Operation *, ArrayRef<TensorRef> results) {
    for (const TensorRef &result : results)
      if (result->isFloat())
        for (double value : result->floats)
          if (std::abs(value) < 1e8)
            largest = std::max(largest, std::abs(value));
    return absl::OkStatus();
  };
  HEDDLE_ASSIGN_OR_RETURN(std::vector<TensorRef> results, evaluate(function, arguments, observe));
  std::vector<Reference> references;
  for (auto [index, result] : llvm::enumerate(results)) {
    double bound = result->isFloat() ? 5e-5 * largest : 0;
    references.push_back({resultName(function, index).str(), result,
                          std::vector<double>(static_cast<size_t>(result->elements()), bound)});
  }
  return references;
}

std::string difference(const Reference &expected, const Tensor &actual) {
  if (actual.shape != expected.value->shape)
    return expected.name + " has another shape";
  for (int64_t i = 0; i < actual.elements(); ++i)
    if (double bound = expected.bound[static_cast<size_t>(i)];
        !agree(actual.number(i), expected.value->number(i), bound))
      return mismatch(expected.name, i, actual.number(i), expected.value->number(i), bound);
  return "";
}

std::string difference(const std::vector<TensorRef> &expected, const std::vector<TensorRef> &actual,
                       Agreement agreement) {
  // Sums of a few thousand terms in another order; 2^-24 of a score of some tens.
  constexpr double kReordered = 1e-9, kRoundedConstants = 5e-6;
  if (expected.size() != actual.size())
    return "the number of results differs";
  double largest = 1;
  for (const TensorRef &tensor : expected)
    largest = std::max(largest, tools::largestMagnitude(*tensor));
  double bound = largest * (agreement == Agreement::SameBits    ? 0
                            : agreement == Agreement::Reordered ? kReordered
                                                                : kRoundedConstants);
  for (size_t result = 0; result < expected.size(); ++result) {
    const Tensor &a = *actual[result], &e = *expected[result];
    if (a.shape != e.shape)
      return absl::StrFormat("result %d has another shape", result);
    for (int64_t i = 0; i < e.elements(); ++i)
      if (!agree(a.number(i), e.number(i), bound))
        return mismatch(absl::StrFormat("result %d", result), i, a.number(i), e.number(i), bound);
  }
  return "";
}

} // namespace heddle::random
