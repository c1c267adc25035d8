// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle/Requests.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sched.h>

#include "codegen/KernelCache.h"
#include "frontend/Stacks.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/cli/OpenModel.h"

namespace heddle::tools {
namespace {

constexpr int64_t kLongestDefaultSequence = 1024;

int availableProcessors() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

Status checkPositive(const char *flag, int64_t value) {
  if (value < 1)
    return invalidInput(flag, " ", value, ": expected at least 1");
  return absl::OkStatus();
}

} // namespace

StatusOr<CompileRequest> requestFor(const Source &source, const runtime::ModelFlags &flags,
                                    const CompilerFlags &compiler,
                                    std::vector<std::string> entries) {
  if (!flags.dtype.empty() && flags.dtype != "f32")
    return invalidInput("--dtype ", flags.dtype, ": only f32 is supported yet");
  CompileRequest request;
  request.batch = flags.batch.value_or(1);
  const int64_t fixed = source.fixedSequence();
  if (fixed > 0 && flags.seq.value_or(fixed) != fixed)
    return invalidInput("--seq ", *flags.seq, ": the sequence follows from the model's image and ",
                        "has ", fixed, " vectors; leave the flag out");
  const int64_t longest =
      source.longestSequence() > 0 ? source.longestSequence() : kLongestDefaultSequence;
  request.seq = flags.seq.value_or(fixed > 0 ? fixed : std::min(longest, kLongestDefaultSequence));
  if (flags.sourceSeq && !(source.model && source.model->definition.has_encoder()))
    return invalidInput("--source-seq ", *flags.sourceSeq, ": ", source.path, " has no encoder");
  if (flags.sourceSeq && !frontend::decoderReadsTokens(source.model->definition))
    return invalidInput("--source-seq ", *flags.sourceSeq, ": the decoder of ", source.path,
                        " reads the source, whose length is --seq");
  request.sourceSeq = flags.sourceSeq.value_or(0);
  HEDDLE_RETURN_IF_ERROR(checkPositive("--batch", request.batch));
  HEDDLE_RETURN_IF_ERROR(checkPositive("--seq", request.seq));
  if (!flags.target.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(request.target, codegen::parseCompileTarget(flags.target));
  }
  request.entries = std::move(entries);
  request.threads = flags.threads > 0 ? flags.threads : availableProcessors();
  request.strict = flags.strict;
  HEDDLE_ASSIGN_OR_RETURN(request.requireFused, parseFusionDemands(compiler.requireFused));
  request.dumpFolder = compiler.dumpFolder;
  request.cacheFolder = codegen::KernelCache::defaultFolder();
  if (const char *limit = std::getenv("HEDDLE_CACHE_LIMIT"); limit && *limit) {
    HEDDLE_ASSIGN_OR_RETURN(request.cacheLimitBytes,
                            runtime::parseBytes("HEDDLE_CACHE_LIMIT", limit));
  }
  return request;
}

StatusOr<ReadyExecutable> executableFor(const Source &source, CompileRequest request) {
  if (source.executable)
    return ReadyExecutable{source.executable, 0};
  auto start = std::chrono::steady_clock::now();
  HEDDLE_ASSIGN_OR_RETURN(Compilation compilation, startCompilation(source, std::move(request)));
  HEDDLE_ASSIGN_OR_RETURN(runtime::proto::Executable compiled, compilation.finish());
  printRemarks(compilation);
  ReadyExecutable ready;
  HEDDLE_ASSIGN_OR_RETURN(ready.executable,
                          runtime::Executable::create(std::move(compiled), source.path));
  ready.compileMs =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return ready;
}

void printRemarks(const Compilation &compilation) {
  for (const passes::FusionEntry &entry : compilation.fusions().entries())
    if (entry.kind == passes::FusionEntry::Kind::Missed)
      runtime::remark(absl::StrCat(entry.op, " not fused in ", entry.function, " at ", entry.layer,
                                   ": ", entry.reason,
                                   entry.advice.empty() ? "" : "; " + entry.advice));
  for (const std::string &line : compilation.remarks())
    runtime::remark(line);
}

} // namespace heddle::tools
