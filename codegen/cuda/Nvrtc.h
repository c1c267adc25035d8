// SPDX-License-Identifier: Apache-2.0
// NVIDIA's run-time compiler, found at run time: nothing of CUDA is linked or included.

#ifndef HEDDLE_CODEGEN_CUDA_NVRTC_H
#define HEDDLE_CODEGEN_CUDA_NVRTC_H

#include <memory>
#include <string>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::codegen {

/// What a compilation gave. `log` has the warnings and, with Options::verbose, registers and
/// spills.
struct Cubin {
  std::string bytes;
  std::string log;
};

/// libnvrtc, loaded into this process and never unloaded. All functions may be called by several
/// threads at once.
class Nvrtc {
public:
  struct Options {
    std::string architecture; ///< "sm_80", "sm_90a", ...
    bool verbose = false;     ///< ptxas tells of registers and spills
    bool lineInfo = false;    ///< for profilers and compute-sanitizer
  };

  /// Looks in $HEDDLE_NVRTC (the library itself or its folder; nowhere else when it is set), then
  /// where the dynamic loader looks, then in the folders of the toolkit. When there is none, the
  /// error (FailedPrecondition) says where it looked and how to install it.
  static StatusOr<const Nvrtc *> get();
  /// The same without the memory of earlier calls, for tests.
  static StatusOr<Nvrtc> load();

  const std::string &path() const { return path_; }
  int majorVersion() const { return major_; }
  int minorVersion() const { return minor_; }
  /// "sm_80" and so on, as this version can compile for.
  bool supports(const std::string &architecture) const;

  /// `source` is whole (kernelSource); `fileName` names it in messages. An error holds the
  /// compiler's log with the lines of the source that it names.
  StatusOr<Cubin> compile(const std::string &source, const std::string &fileName,
                          const Options &options) const;

private:
  struct Calls;
  std::string path_;
  int major_ = 0, minor_ = 0;
  std::vector<int> architectures_; ///< 80, 90, ...
  std::shared_ptr<const Calls> calls_;
};

/// After each line of `log` that names a line of `fileName` or of a file marked by `#line` in
/// `source`, that line's text.
std::string logWithLines(const std::string &log, const std::string &source,
                         const std::string &fileName);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_NVRTC_H
