// SPDX-License-Identifier: Apache-2.0
// heddle verify: flags in, a table of errors and bounds out.
#include <algorithm>
#include <cstdio>
#include <map>

#include "frontend/Dimensions.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/JsonWriter.h"
#include "tools/driver/OpenSource.h"
#include "tools/driver/Verify.h"
#include "tools/heddle/Requests.h"
#include "tools/heddle/Verbs.h"

namespace heddle::tools {
namespace {

// Small, because the interpreter is slow; long enough for masks and padding to matter.
constexpr int64_t kDefaultBatch = 1;
constexpr int64_t kDefaultSequence = 8;
// Passing checks of one group that the table shows; differences are shown all.
constexpr int kShownPerGroup = 3;

void printJson(const VerifyReport &report) {
  runtime::JsonWriter json;
  json.beginObject().member("ok", report.ok()).key("checks").beginArray();
  for (const VerifyCheck &check : report.checks)
    json.beginObject()
        .member("check", check.check)
        .member("subject", check.subject)
        .member("error", check.error)
        .member("bound", check.bound)
        .member("ok", check.ok())
        .endObject();
  json.endArray().member("remarks", report.remarks).endObject();
  std::printf("%s\n", json.text().c_str());
}

void printTable(const VerifyReport &report) {
  std::map<std::string, int> sizes, shown;
  for (const VerifyCheck &check : report.checks)
    ++sizes[check.check];
  size_t width = 0;
  for (const auto &[name, size] : sizes)
    width = std::max(width, name.size());
  std::printf("%-*s  %10s  %8s  %s\n", static_cast<int>(width), "check", "error", "bound",
              "subject, worst first");
  for (const VerifyCheck &check : report.checks) {
    int &count = shown[check.check];
    if (check.ok() && count >= kShownPerGroup) {
      if (count++ == kShownPerGroup)
        std::printf("%-*s  %10s  %8s  and %d more\n", static_cast<int>(width), "", "", "",
                    sizes[check.check] - kShownPerGroup);
      continue;
    }
    ++count;
    std::printf("%-*s  %10.2e  %8.0e  %s%s\n", static_cast<int>(width), check.check.c_str(),
                check.error, check.bound, check.subject.c_str(), check.ok() ? "" : "  DIFFERS");
  }
  auto isWrong = [](const VerifyCheck &check) { return !check.ok(); };
  long wrong = std::count_if(report.checks.begin(), report.checks.end(), isWrong);
  if (wrong == 0)
    std::printf("all %zu checks are within their bounds\n", report.checks.size());
  else
    std::printf("%ld of %zu checks differ\n", wrong, report.checks.size());
}

} // namespace

StatusOr<int> verifyVerb(const VerifyFlags &flags, const CompilerFlags &compiler) {
  SourceOptions options;
  options.familyFile = compiler.family;
  options.weights = flags.weights;
  HEDDLE_ASSIGN_OR_RETURN(Source source, openSource(flags.model, options));
  runtime::ModelFlags shape = flags;
  if (!shape.batch)
    shape.batch = source.model && frontend::learnsFromPairs(source.model->definition)
                      ? 2 * kDefaultBatch // one text and its other half
                      : kDefaultBatch;
  if (!shape.seq && source.fixedSequence() == 0)
    shape.seq = source.longestSequence() > 0 ? std::min(source.longestSequence(), kDefaultSequence)
                                             : kDefaultSequence;
  VerifyRequest request;
  HEDDLE_ASSIGN_OR_RETURN(request.compile, requestFor(source, shape, compiler, {}));
  request.weights = flags.weights;
  request.seed = flags.seed;
  request.grad = flags.grad;
  request.passes = flags.passes;
  request.against = flags.against;
  if (!flags.memoryBudget.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(uint64_t budget,
                            runtime::parseBytes("--memory-budget", flags.memoryBudget));
    request.largestBytes = static_cast<double>(budget);
  }
  HEDDLE_ASSIGN_OR_RETURN(VerifyReport report, verify(source, request));
  for (const std::string &line : report.remarks)
    runtime::remark(line);
  if (flags.json)
    printJson(report);
  else
    printTable(report);
  return report.ok() ? 0 : 1;
}

} // namespace heddle::tools
