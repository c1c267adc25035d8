// SPDX-License-Identifier: Apache-2.0
// A compiled model, checked and ready to run: what was in a `.heddle` file, or what the compiler
// just made. There is one way in for both.

#ifndef HEDDLE_RUNTIME_PLAN_EXECUTABLE_H
#define HEDDLE_RUNTIME_PLAN_EXECUTABLE_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/Executable.pb.h"
#include "runtime/base/Status.h"
#include "runtime/cuda/emulator/KernelObject.h"
#include "runtime/plan/KernelLibrary.h"

namespace heddle::runtime {

class FileLayer;

/// manifest.format_version of the executables that this runtime writes and reads.
inline constexpr uint32_t kExecutableFormat = 1;

/// Whether it is for the emulator of CUDA, and has modules.
bool isEmulated(const proto::Manifest &manifest);

/// One entry. Immutable.
struct Entry {
  const proto::Plan *plan = nullptr;
  std::vector<KernelFunction> kernels; // one per launch on a processor
  /// The first launch that writes a parameter or an optimizer moment. Before it the step can still
  /// be abandoned without a trace (apart from gradient accumulators). launches_size() if there is
  /// none.
  int commit = 0;
  /// Whether `loss` and `grad_norm` are known at `commit`.
  bool lossBeforeCommit = false;
  std::vector<const emulator::KernelObject *> modules; // one per launch on a CUDA device
};

/// Immutable and safe on all threads.
class Executable {
public:
  /// From a file. InvalidArgument names the file: too large, damaged, of another format version,
  /// for another processor.
  static StatusOr<std::shared_ptr<const Executable>> load(FileLayer &layer,
                                                          const std::string &path);
  /// From the compiler. `origin` is for messages (the path it will have, or the model's).
  static StatusOr<std::shared_ptr<const Executable>> create(proto::Executable executable,
                                                            std::string origin);

  const std::string &origin() const { return origin_; }
  const proto::Manifest &manifest() const { return proto_.manifest(); }
  const std::vector<Entry> &entries() const { return entries_; }
  /// Null if it was not compiled.
  const Entry *find(const std::string &name) const;
  /// Like find, but InvalidArgument that lists what was compiled.
  StatusOr<const Entry *> entry(const std::string &name) const;
  /// Null if the manifest has none of that name.
  const proto::EmbeddedFile *file(const std::string &name) const;

private:
  Executable() = default;
  Status initialize();

  std::string origin_;
  proto::Executable proto_;
  Status loadModules();
  Status findKernel(const proto::Launch &launch, Entry &entry) const;

  KernelLibrary kernels_;
  std::map<std::string, emulator::KernelObject> modules_;
  std::vector<Entry> entries_;
};

/// Sets the format's version and the kernels' hash: the last thing to do to a new executable.
void sealExecutable(proto::Executable &executable);
/// Seals it and writes it, whole or not at all.
Status writeExecutable(FileLayer &layer, proto::Executable &executable, const std::string &path);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_EXECUTABLE_H
