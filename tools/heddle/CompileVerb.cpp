// SPDX-License-Identifier: Apache-2.0
// heddle compile: a model becomes an executable, or the IR of one stage.
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "frontend/Dimensions.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Outputs.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/io/Weights.h"
#include "runtime/plan/Executable.h"
#include "runtime/train/Objective.h"
#include "tools/driver/Manifest.h"
#include "tools/driver/OpenSource.h"
#include "tools/heddle/Requests.h"
#include "tools/heddle/Verbs.h"

namespace heddle::tools {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> entriesFor(const CompileFlags &flags, const frontend::Model *model) {
  std::vector<std::string> entries = entriesPresent(inferenceEntries(), model);
  // It takes an even batch; who only encodes may have any.
  if (model && frontend::learnsFromPairs(model->definition) && !flags.train)
    std::erase(entries, "loss");
  if (!flags.train)
    return entries;
  for (const std::string &entry : trainingEntries(/*accumulate=*/true))
    entries.push_back(entry);
  entries.push_back("grad");
  return entries;
}

void report(const CompileFlags &flags, const Compilation &compilation,
            const runtime::proto::Executable &executable, double milliseconds) {
  if (flags.json) {
    runtime::JsonWriter json;
    json.beginObject()
        .member("file", flags.output)
        .member("target", executable.manifest().target())
        .member("batch", executable.manifest().batch())
        .member("seq", executable.manifest().seq())
        .member("compile_ms", milliseconds)
        .member("kernels_compiled", static_cast<int64_t>(compilation.kernelsCompiled()))
        .member("kernels_cached", static_cast<int64_t>(compilation.kernelsCached()))
        .member("bytes", static_cast<int64_t>(executable.ByteSizeLong()))
        .key("entries")
        .beginArray();
    for (const runtime::proto::Plan &plan : executable.plans())
      json.value(plan.entry());
    json.endArray().endObject();
    std::printf("%s\n", json.text().c_str());
    return;
  }
  std::printf("%s: %d entries for %s, batch %lld, sequence %lld; %d kernels compiled, %d from the "
              "cache, %.0f ms\n",
              flags.output.c_str(), executable.plans_size(), executable.manifest().target().c_str(),
              static_cast<long long>(executable.manifest().batch()),
              static_cast<long long>(executable.manifest().seq()), compilation.kernelsCompiled(),
              compilation.kernelsCached(), milliseconds);
}

/// Where the weights are, and their digest: a later run takes them from there if they are
/// unchanged.
Status recordWeights(const Source &source, runtime::proto::Manifest &manifest) {
  if (!source.model || source.model->weightsPath.empty())
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(runtime::Weights weights,
                          runtime::Weights::open(runtime::FileLayer::system(),
                                                 source.model->weightsPath,
                                                 source.model->weightFolders));
  runtime::Sha256Digest digest = weights.digest();
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(source.model->weightsPath, error);
  manifest.set_weights_path(error ? source.model->weightsPath : absolute.string());
  manifest.set_weights_sha256(std::string(digest.begin(), digest.end()));
  return absl::OkStatus();
}

int listStages() {
  for (const std::string &stage : stageNames())
    std::printf("%s\n", stage.c_str());
  return 0;
}

} // namespace

StatusOr<int> compileVerb(const CompileFlags &flags, const CompilerFlags &compiler) {
  if (flags.listStages)
    return listStages();
  if (flags.output.empty() && flags.emit.empty())
    return invalidInput("-o FILE.heddle: missing; or --emit STAGE to print the IR");
  HEDDLE_RETURN_IF_ERROR(runtime::checkOutputFile(runtime::FileLayer::system(), "-o", flags.output,
                                                  {flags.model, flags.weights, compiler.family}));
  Clock::time_point start = Clock::now();
  SourceOptions source;
  source.familyFile = compiler.family;
  source.tokenizer = flags.tokenizer;
  source.weights = flags.weights;
  source.dropout = flags.dropout;
  source.labelSmoothing = flags.labelSmoothing;
  if (!flags.objective.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(runtime::Objective objective, runtime::parseObjective(flags.objective));
    source.embeds = objective == runtime::Objective::Contrastive;
  }
  source.frozen = flags.freeze;
  source.lora = flags.lora;
  HEDDLE_ASSIGN_OR_RETURN(Source model, openSource(flags.model, source));
  if (model.model) {
    runtime::proto::Manifest manifest;
    *manifest.mutable_task() = taskOf(*model.model);
    HEDDLE_RETURN_IF_ERROR(runtime::objectiveFor(manifest, flags.objective).status());
  }
  HEDDLE_ASSIGN_OR_RETURN(CompileRequest request,
                          requestFor(model, flags, compiler, entriesFor(flags, model.model.get())));
  int threads = request.threads;
  HEDDLE_ASSIGN_OR_RETURN(Compilation compilation, startCompilation(model, std::move(request)));
  if (!flags.emit.empty()) {
    HEDDLE_RETURN_IF_ERROR(compilation.runTo(flags.emit));
    std::string text;
    llvm::raw_string_ostream stream(text);
    compilation.module().print(stream, mlir::OpPrintingFlags().enableDebugInfo(true, false));
    std::fwrite(text.data(), 1, text.size(), stdout); // llvm::outs() dies where this can fail
    return 0;
  }
  HEDDLE_ASSIGN_OR_RETURN(runtime::proto::Executable executable, compilation.finish());
  printRemarks(compilation);
  for (const runtime::proto::Plan &plan : executable.plans())
    HEDDLE_RETURN_IF_ERROR(runtime::checkBudget(executable.manifest(), plan, threads, flags));
  HEDDLE_RETURN_IF_ERROR(recordWeights(model, *executable.mutable_manifest()));
  HEDDLE_RETURN_IF_ERROR(
      runtime::writeExecutable(runtime::FileLayer::system(), executable, flags.output));
  report(flags, compilation, executable,
         std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  return 0;
}

} // namespace heddle::tools
