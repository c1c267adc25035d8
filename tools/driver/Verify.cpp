// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Verify.h"

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/str_join.h"

#include "tools/driver/Values.h"
#include "tools/driver/VerifyParts.h"

namespace heddle::tools {
namespace {

/// An error over its bound; NaN is the worst of all.
double severity(const VerifyCheck &check) {
  double ratio = check.error / check.bound;
  return ratio == ratio ? ratio : std::numeric_limits<double>::infinity();
}

std::vector<std::string> entriesFor(const VerifyRequest &request) {
  std::vector<std::string> entries = inferenceEntries();
  if (request.grad) {
    entries.push_back("grad");
    for (const std::string &entry : trainingEntries(/*accumulate=*/true))
      entries.push_back(entry);
  }
  return entries;
}

} // namespace

bool VerifyReport::ok() const {
  return std::all_of(checks.begin(), checks.end(), [](const VerifyCheck &c) { return c.ok(); });
}

void VerifyReport::sortWorstFirst() {
  std::map<std::string, size_t> groups;
  for (const VerifyCheck &check : checks)
    groups.emplace(check.check, groups.size());
  std::stable_sort(checks.begin(), checks.end(), [&](const VerifyCheck &a, const VerifyCheck &b) {
    if (a.check != b.check)
      return groups[a.check] < groups[b.check];
    return severity(a) > severity(b);
  });
}

VerifyCheck compareTensors(std::string check, std::string subject, const ir::Tensor &actual,
                           const ir::Tensor &expected, double bound, double leastScale) {
  return {std::move(check), std::move(subject), compare(actual, expected, leastScale).relative,
          bound};
}

StatusOr<VerifyReport> verify(const Source &source, const VerifyRequest &request) {
  if (source.executable)
    return invalidInput(source.path, ": a .heddle holds no IR to compare with; verify the "
                                     "definition that it was compiled from");
  VerifyReport report;
  if (!request.against.empty()) {
    HEDDLE_RETURN_IF_ERROR(checkGolden(source, request, report));
  } else {
    HEDDLE_ASSIGN_OR_RETURN(
        VerifySubject subject,
        makeSubject(source, request, entriesPresent(entriesFor(request), source.model.get())));
    HEDDLE_RETURN_IF_ERROR(checkEntries(subject, report));
    HEDDLE_RETURN_IF_ERROR(checkKernels(subject, report));
    if (request.grad)
      HEDDLE_RETURN_IF_ERROR(checkCentralDifferences(subject, report));
    if (request.passes)
      HEDDLE_RETURN_IF_ERROR(checkPasses(subject, report));
  }
  if (report.checks.empty())
    return invalidInput(source.path, ": nothing can be compared",
                        report.remarks.empty() ? "" : ", ", absl::StrJoin(report.remarks, "; "),
                        "; verify a smaller batch or sequence (--batch, --seq)");
  report.sortWorstFirst();
  return report;
}

} // namespace heddle::tools
