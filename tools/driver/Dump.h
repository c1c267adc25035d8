// SPDX-License-Identifier: Apache-2.0
// What `--dump-dir D` leaves: the module after each pass that changed it, kernels, the memory plan,
// what was fused, the manifest.

#ifndef HEDDLE_TOOLS_DRIVER_DUMP_H
#define HEDDLE_TOOLS_DRIVER_DUMP_H

#include <string>

#include "runtime/Executable.pb.h"
#include "runtime/base/Status.h"

namespace mlir {
class ModuleOp;
} // namespace mlir
namespace heddle::passes {
class FusionReport;
} // namespace heddle::passes

namespace heddle::tools {

/// Writes `NNN-stage/NNN-pass.mlir`, numbered in the order of the calls. The first thing that goes
/// wrong is kept in status(): the compile goes on without the file.
class StageDumper {
public:
  explicit StageDumper(std::string folder) : folder_(std::move(folder)) {}

  void enterStage(const std::string &stage);
  void write(const std::string &pass, mlir::ModuleOp module);
  /// Where a reproducer goes should the current stage fail.
  const std::string &stageFolder() const { return stageFolder_; }
  /// The folder for kernels, made if need be.
  StatusOr<std::string> kernelFolder();
  /// memory.txt, remarks.txt and manifest.json.
  Status writeSummary(mlir::ModuleOp planned, const passes::FusionReport &fusions,
                      const runtime::proto::Manifest &manifest);

  const Status &status() const { return status_; }

private:
  std::string folder_;
  std::string stageFolder_;
  int stage_ = 0;
  int file_ = 0;
  Status status_;
};

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_DUMP_H
