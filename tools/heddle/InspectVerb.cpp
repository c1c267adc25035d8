// SPDX-License-Identifier: Apache-2.0
// heddle inspect: flags in, sections out.
#include <cstdio>

#include "tools/driver/InspectText.h"
#include "tools/driver/OpenSource.h"
#include "tools/heddle/Requests.h"
#include "tools/heddle/Verbs.h"

namespace heddle::tools {
namespace {

/// Parameters, shapes and summary need no passes: flags about these would be without effect.
Status checkFlags(const InspectFlags &flags, const CompilerFlags &compiler) {
  const bool all = flags.fusions || flags.memory || flags.kernels;
  if (!compiler.requireFused.empty() && !all)
    return invalidInput("--require-fused: goes with --fusions, --memory or --kernels");
  if (!compiler.dumpFolder.empty() && !all && flags.ir.empty())
    return invalidInput("--dump-dir: goes with --ir, --fusions, --memory or --kernels");
  return absl::OkStatus();
}

} // namespace

StatusOr<int> inspectVerb(const InspectFlags &flags, const CompilerFlags &compiler) {
  HEDDLE_RETURN_IF_ERROR(checkFlags(flags, compiler));
  SourceOptions options;
  options.familyFile = compiler.family;
  options.weights = flags.weights;
  HEDDLE_ASSIGN_OR_RETURN(Source source, openSource(flags.model, options));
  InspectRequest request;
  HEDDLE_ASSIGN_OR_RETURN(request.compile, requestFor(source, flags, compiler, {}));
  request.params = flags.params;
  request.shapes = flags.shapes;
  request.fusions = flags.fusions;
  request.memory = flags.memory;
  request.kernels = flags.kernels;
  request.ir = flags.ir;
  request.train = flags.train;
  HEDDLE_ASSIGN_OR_RETURN(Inspection inspection, inspect(source, request));
  std::string text = flags.json ? inspectionJson(inspection) + "\n" : inspectionText(inspection);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

} // namespace heddle::tools
