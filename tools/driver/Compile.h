// SPDX-License-Identifier: Apache-2.0
// The whole compiler behind one call: a model, or a module built by hand, becomes an executable.
//
//   CompileRequest request;
//   request.batch = 12; request.seq = 64; request.entries = trainingEntries(false);
//   HEDDLE_ASSIGN_OR_RETURN(Compilation compilation, Compilation::start(model, request));
//   HEDDLE_ASSIGN_OR_RETURN(runtime::proto::Executable executable, compilation.finish());
//
// Not thread-safe; a compilation uses `threads` threads of its own.

#ifndef HEDDLE_TOOLS_DRIVER_COMPILE_H
#define HEDDLE_TOOLS_DRIVER_COMPILE_H

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codegen/KernelCompiler.h"
#include "codegen/cpu/Target.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/FusionReport.h"
#include "passes/Pipelines.h"
#include "runtime/Executable.pb.h"
#include "runtime/base/Status.h"

namespace mlir {
class MLIRContext;
class ModuleOp;
} // namespace mlir
namespace heddle::frontend {
struct Model;
} // namespace heddle::frontend

namespace heddle::tools {

/// "attention:12,ffn:12": how many of an op must be fused in each entry that has it. Those of an
/// encoder count in the entry that goes on decoding too.
struct FusionDemand {
  std::string op;
  int64_t count = 0;
};
StatusOr<std::vector<FusionDemand>> parseFusionDemands(const std::string &text);

struct CompileRequest {
  int64_t batch = 1;
  int64_t seq = 1;
  /// The source's length, of a model with an encoder. 0: as `seq`.
  int64_t sourceSeq = 0;
  /// forward, loss, grad, step, accumulate, step_accumulated, eval, prefill, decode.
  std::vector<std::string> entries;
  codegen::CompileTarget target = codegen::hostTarget();
  int threads = 1;
  bool strict = false;
  std::vector<FusionDemand> requireFused;
  std::string dumpFolder;  // empty: no dump
  std::string cacheFolder; // empty: no kernel cache
  uint64_t cacheLimitBytes = codegen::kDefaultCacheBytes;
  /// The passes that run: an embedding program may add its own.
  std::function<void(std::vector<passes::Stage> &stages)> editStages;
  /// Called after each pass that changed the module, for verification.
  std::function<Status(const std::string &pass, mlir::ModuleOp module)> afterPass;
};

/// What generating text takes; what scoring takes; what training takes, with gradient accumulation
/// if asked.
std::vector<std::string> inferenceEntries();
std::vector<std::string> trainingEntries(bool accumulate);

/// Those of `entries` that the model has; all for a null model, which is IR from text.
std::vector<std::string> entriesPresent(std::vector<std::string> entries,
                                        const frontend::Model *model);

/// The names of the stages, in order: builder first.
std::vector<std::string> stageNames();

/// One model on its way. Holds the module, its context and everything said on the way.
class Compilation {
public:
  /// Builds the module of `model` (stage "builder"). `model` outlives the compilation.
  static StatusOr<Compilation> start(const frontend::Model &model, CompileRequest request);
  /// Takes a module in our dialect: its functions become the entries; where it has one named
  /// `train_loss` and training entries are asked for, they are derived. A module that says which
  /// stage it has been through (ir::kStageAttr) goes on from there.
  static StatusOr<Compilation> start(const std::string &mlirText, const std::string &origin,
                                     CompileRequest request);
  Compilation(Compilation &&) noexcept;
  Compilation &operator=(Compilation &&) noexcept;
  ~Compilation();

  /// Runs the passes up to and with `stage`. A pass that fails is an error with MLIR's diagnostics
  /// and the command that reproduces it: a mistake of ours (internal), or of the text that the
  /// module came from (bad input) where a pass names what it cannot take in it. The reproducer goes
  /// into the dump folder, else into the folder for temporary files.
  Status runTo(const std::string &stage);
  /// Behind the passes: InvalidArgument where the request is strict and a fusion was missed, or
  /// where one that it demands is not there.
  Status checkFusions() const;
  /// runTo the last stage, checkFusions, generates code and writes the container.
  StatusOr<runtime::proto::Executable> finish();

  mlir::ModuleOp module();
  const passes::FusionReport &fusions() const;
  /// Fallbacks and slower paths, one line each.
  const std::vector<std::string> &remarks() const;
  int kernelsCompiled() const;
  int kernelsCached() const;

private:
  struct State;
  explicit Compilation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_COMPILE_H
