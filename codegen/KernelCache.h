// SPDX-License-Identifier: Apache-2.0
// Compiled kernels on disk.

#ifndef HEDDLE_CODEGEN_KERNELCACHE_H
#define HEDDLE_CODEGEN_KERNELCACHE_H

#include <optional>
#include <string>

#include "codegen/KernelCache.pb.h"
#include "runtime/base/Status.h"

namespace heddle::codegen {

/// One file an entry, named by the hash of everything that decides its content. Entries are written
/// beside their place and renamed, so that two compilers may share a folder; a file that is cut
/// short, foreign or altered is a miss. The cache is an optimisation: when the folder cannot be
/// used, everything is compiled and `problem` says why.
class KernelCache {
public:
  /// An empty folder name switches the cache off. `limitBytes` is kept by dropping the entries that
  /// were unused longest, when trim() is called; it also removes what killed writers left behind.
  KernelCache(std::string folder, uint64_t limitBytes);

  /// $HEDDLE_CACHE_DIR, else $XDG_CACHE_HOME/heddle, else ~/.cache/heddle; empty when none is set.
  static std::string defaultFolder();

  /// The hash that names an entry.
  static std::string key(const std::string &kernelText, const std::string &target,
                         const std::string &options);

  std::optional<proto::CachedKernel> find(const std::string &key) const;
  void store(const proto::CachedKernel &entry);
  void trim();

  /// Why the folder could not be written, empty when it could.
  const std::string &problem() const { return problem_; }

private:
  std::string path(const std::string &key) const;

  std::string folder_;
  uint64_t limitBytes_;
  std::string problem_;
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_KERNELCACHE_H
