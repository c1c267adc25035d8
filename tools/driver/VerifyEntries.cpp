// SPDX-License-Identifier: Apache-2.0
// Compiled entries against the graph that they came from.
#include <algorithm>

#include "ir/Conventions.h"
#include "tools/driver/Tolerances.h"
#include "tools/driver/Values.h"
#include "tools/driver/VerifyParts.h"

using namespace mlir;

namespace heddle::tools {
namespace {

Status checkEntry(VerifySubject &subject, func::FuncOp function, VerifyReport &report) {
  std::string entry = function.getName().str();
  std::vector<ir::TensorRef> arguments = subject.values.of(function);
  HEDDLE_ASSIGN_OR_RETURN(NamedTensors expected, evaluateNamed(function, arguments));
  HEDDLE_ASSIGN_OR_RETURN(NamedTensors actual, runCompiled(subject, function, arguments));
  double bound = toleranceFor("entry", entry, "f32").bound;
  auto isGradient = [](const std::string &name) { return name.rfind(ir::kGradient.str(), 0) == 0; };
  double largest = 0;
  for (const auto &[name, tensor] : expected)
    if (isGradient(name))
      largest = std::max(largest, largestMagnitude(*tensor));
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    std::string name = ir::resultName(function, i).str();
    auto found = actual.find(name);
    if (found == actual.end())
      return absl::InternalError(absl::StrCat("compiled ", entry, " has no result ", name));
    const double leastScale = isGradient(name) ? kLeastGradient * largest : 0;
    report.checks.push_back(
        compareTensors(entry, name, *found->second, *expected.at(name), bound, leastScale));
  }
  return absl::OkStatus();
}

} // namespace

Status checkEntries(VerifySubject &subject, VerifyReport &report) {
  for (const runtime::Entry &compiled : subject.executable->entries()) {
    const std::string &entry = compiled.plan->entry();
    func::FuncOp function = subject.reference(entry);
    if (!function)
      return absl::InternalError(absl::StrCat("no stage has a function ", entry));
    std::string reason = tooLarge(subject.request, function, 1);
    if (!reason.empty()) {
      report.remarks.push_back(absl::StrCat(entry, " is not compared as a whole: it ", reason,
                                            "; its kernels are, one by one"));
      continue;
    }
    HEDDLE_RETURN_IF_ERROR(checkEntry(subject, function, report));
  }
  return absl::OkStatus();
}

} // namespace heddle::tools
