// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Reference.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "ir/Conventions.h"
#include "tools/driver/Tolerances.h"
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

StatusOr<References> referencesOf(func::FuncOp function, const std::vector<TensorRef> &arguments) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<BoundedResult> results,
                          evaluateWithBound(function, arguments));
  References references;
  for (auto [index, result] : llvm::enumerate(results))
    references[resultName(function, index).str()] = result;
  return references;
}

StatusOr<std::string> difference(const References &expected, const runtime::TensorMap &actual) {
  const double factor = tools::toleranceFor("error-bound", "*", "f32").bound;
  for (const auto &[name, reference] : expected) {
    auto found = actual.find(name);
    if (found == actual.end())
      return "there is no result " + name;
    HEDDLE_ASSIGN_OR_RETURN(TensorRef tensor, tools::toReference(found->second));
    BoundCheck check = checkWithin(*tensor, reference);
    if (!(check.ratio <= factor))
      return mismatch(name, check.element, tensor->number(check.element),
                      reference.value->number(check.element),
                      factor * reference.bound->number(check.element));
  }
  return "";
}

std::string difference(const std::vector<TensorRef> &expected, const std::vector<TensorRef> &actual,
                       double bound) {
  if (expected.size() != actual.size())
    return "the number of results differs";
  double largest = 1;
  for (const TensorRef &tensor : expected)
    largest = std::max(largest, tools::largestMagnitude(*tensor));
  bound *= largest;
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
