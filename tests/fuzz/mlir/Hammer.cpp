// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/mlir/Hammer.h"

#include <cstdio>
#include <cstdlib>

#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "passes/Passes.h"
#include "tests/fuzz/mlir/Feedback.h"
#include "tools/driver/Compile.h"
#include "tools/driver/MlirText.h"

using namespace mlir;

namespace heddle::fuzz {
namespace {

constexpr const char *kOrigin = "fuzz.mlir";
// Beyond these, code generation takes too long for a fuzzer.
constexpr size_t kMostOps = 24;
constexpr int64_t kMostElements = 4096;

void require(bool holds, const std::string &what) {
  if (holds)
    return;
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::abort();
}

bool accepted(const Status &status, const char *where) {
  sawEvent(absl::StrCat(where, std::string(status.message()).substr(0, 120)));
  if (status.ok())
    return true;
  std::string message(status.message());
  require(exitCode(status) == 2, "not called bad input: " + message);
  require(!message.empty(), "an error without a message");
  return false;
}

bool isSmall(ModuleOp module) {
  size_t ops = 0;
  bool small = true;
  module->walk([&](Operation *op) {
    ++ops;
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        small &= tensor.getNumElements() <= kMostElements;
  });
  return small && ops <= kMostOps;
}

tools::CompileRequest request(bool training) {
  tools::CompileRequest request;
  request.target = *codegen::parseTarget("cpu:avx2");
  if (training)
    request.entries = {"grad", "step"};
  return request;
}

void compile(const std::string &text, bool training) {
  StatusOr<tools::Compilation> compilation =
      tools::Compilation::start(text, kOrigin, request(training));
  if (!accepted(compilation.status(), "start "))
    return;
  for (const std::string &stage : tools::stageNames())
    if (!accepted(compilation->runTo(stage), stage.c_str()))
      return;
  compilation->module()->walk([](Operation *op) {
    if (isa<ir::HeddleDialect>(op->getDialect()))
      sawEvent("planned " + op->getParentOp()->getName().getStringRef().str() + " " +
               op->getName().getStringRef().str());
  });
  if (isSmall(compilation->module()))
    accepted(compilation->finish().status(), "code ");
}

/// The passes of ours, each as a pipeline.
const std::vector<std::string> &pipelines() {
  static const std::vector<std::string> all = [] {
    passes::registerPasses();
    std::vector<std::string> result;
    for (const char *pass :
         {"heddle-fuse-attention", "heddle-fuse-ffn", "heddle-fuse-linear-cross-entropy",
          "heddle-merge-qkv", "heddle-merge-loss-gradient",
          "heddle-recompute-activations{min-bytes=0 distance=1}",
          "heddle-expand-composites{max-logits-bytes=64 decompose-attention=true}",
          "heddle-split-depth{min-bytes=0}", "heddle-form-kernels", "heddle-plan-memory"})
      result.push_back(std::string("func.func(") + pass + ")");
    for (const char *pass :
         {"heddle-differentiate{source=loss target=grad}", "heddle-differentiate{loss-scale=true}",
          "heddle-append-optimizer", "heddle-drop-functions{names=loss}"})
      result.push_back(pass);
    return result;
  }();
  return all;
}

} // namespace

void compileText(const std::string &text) {
  compile(text, /*training=*/false);
  if (text.find("loss") != std::string::npos)
    compile(text, /*training=*/true);
}

void runEachPass(const std::string &text) {
  std::unique_ptr<MLIRContext> context = tools::makeContext();
  StatusOr<OwningOpRef<ModuleOp>> parsed = tools::parseMlirText(text, kOrigin, *context);
  if (!parsed.ok())
    return;
  for (const std::string &pipeline : pipelines()) {
    OwningOpRef<ModuleOp> module = (*parsed)->clone();
    PassManager manager(context.get(), "builtin.module");
    ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
      sawEvent(pipeline + diagnostic.str().substr(0, 120));
      return success();
    });
    require(succeeded(parsePassPipeline(pipeline, manager)), "no pipeline " + pipeline);
    bool done = succeeded(manager.run(*module));
    sawEvent(pipeline + (done ? " done" : " failed"));
  }
}

} // namespace heddle::fuzz
