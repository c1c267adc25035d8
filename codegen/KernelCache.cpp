// SPDX-License-Identifier: Apache-2.0
#include "codegen/KernelCache.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "runtime/io/FileLayer.h"
#include "runtime/io/Sha256.h"
#include "runtime/io/WholeFile.h"

namespace heddle::codegen {
namespace {

namespace fs = std::filesystem;

// A kernel's object is some tens of KiB; anything far larger is not ours.
constexpr uint64_t kEntryLimit = 64ull << 20;
constexpr const char *kExtension = ".kernel";
// What runtime::AtomicFile writes to. A writer takes milliseconds: this old, it has no owner.
constexpr const char *kTemporaryExtension = ".tmp";
constexpr auto kAbandonedAfter = std::chrono::hours(1);

} // namespace

KernelCache::KernelCache(std::string folder, uint64_t limitBytes)
    : folder_(std::move(folder)), limitBytes_(limitBytes) {
  if (folder_.empty())
    return;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) {
    problem_ = folder_ + ": " + error.message();
    folder_.clear();
  }
}

std::string KernelCache::defaultFolder() {
  if (const char *folder = std::getenv("HEDDLE_CACHE_DIR"))
    return folder;
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return std::string(cache) + "/heddle";
  if (const char *home = std::getenv("HOME"); home && *home)
    return std::string(home) + "/.cache/heddle";
  return "";
}

std::string KernelCache::key(const std::string &kernelText, const std::string &target,
                             const std::string &options) {
  // Lengths first, so that no two triples run together to the same bytes.
  return runtime::sha256Hex(std::to_string(kernelText.size()) + " " +
                            std::to_string(target.size()) + "\n" + kernelText + target + options);
}

std::string KernelCache::path(const std::string &key) const {
  return folder_ + "/" + key + kExtension;
}

std::optional<proto::CachedKernel> KernelCache::find(const std::string &key) const {
  if (folder_.empty())
    return std::nullopt;
  StatusOr<std::string> bytes =
      runtime::readSmallFile(runtime::FileLayer::system(), path(key), kEntryLimit);
  proto::CachedKernel entry;
  if (!bytes.ok() || !entry.ParseFromString(*bytes) || entry.key() != key ||
      entry.object_sha256() != runtime::sha256Hex(entry.object()))
    return std::nullopt;
  // The time of last use decides what trim() drops.
  std::error_code ignored;
  fs::last_write_time(path(key), fs::file_time_type::clock::now(), ignored);
  return entry;
}

void KernelCache::store(const proto::CachedKernel &entry) {
  if (folder_.empty())
    return;
  // An entry that a power cut shortens is a miss: find() checks its hash.
  Status status =
      runtime::writeFileAtomically(runtime::FileLayer::system(), path(entry.key()),
                                   entry.SerializeAsString(), runtime::Durability::Unflushed);
  if (!status.ok() && problem_.empty())
    problem_ = std::string(status.message());
}

void KernelCache::trim() {
  if (folder_.empty())
    return;
  struct File {
    fs::file_time_type used;
    uint64_t size;
    fs::path path;
  };
  std::vector<File> files;
  uint64_t total = 0;
  std::error_code error;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder_, error)) {
    fs::path extension = entry.path().extension();
    if (extension != kExtension && extension != kTemporaryExtension)
      continue;
    std::error_code sizeError, timeError;
    File file{entry.last_write_time(timeError), entry.file_size(sizeError), entry.path()};
    if (sizeError || timeError)
      continue; // another process has just removed it
    if (extension == kTemporaryExtension) {
      if (fs::file_time_type::clock::now() - file.used > kAbandonedAfter)
        fs::remove(file.path, error);
      continue;
    }
    total += file.size;
    files.push_back(std::move(file));
  }
  if (total <= limitBytes_)
    return;
  std::sort(files.begin(), files.end(),
            [](const File &a, const File &b) { return a.used < b.used; });
  for (const File &file : files) {
    if (total <= limitBytes_)
      return;
    std::error_code ignored;
    fs::remove(file.path, ignored);
    total -= file.size;
  }
}

} // namespace heddle::codegen
