// SPDX-License-Identifier: Apache-2.0
// A file system in memory behind the readers' FileLayer: inputs reach them without a disk, and what
// they write can be looked at.

#ifndef HEDDLE_TESTS_FUZZ_MEMORYFILES_H
#define HEDDLE_TESTS_FUZZ_MEMORYFILES_H

#include <set>

#include "runtime/io/FileCalls.h"
#include "tests/fuzz/Folder.h"

namespace heddle::fuzz {

/// Paths are relative. Folders are those above the files given, and those made since. What lies
/// behind a mapping's last byte is poisoned. One thread at a time.
class MemoryFiles : public runtime::FileCalls {
public:
  explicit MemoryFiles(Folder files);
  const Folder &files() const { return files_; }

  int64_t open(const std::string &path, int flags, uint32_t mode) override;
  int64_t close(int fd) override;
  int64_t read(int fd, void *bytes, size_t size) override;
  int64_t write(int fd, const void *bytes, size_t size) override;
  int64_t sync(int fd) override;
  int64_t truncate(int fd, uint64_t size) override;
  int64_t statPath(const std::string &path, runtime::PathInfo &info) override;
  int64_t statOpen(int fd, runtime::PathInfo &info) override;
  int64_t accessForWrite(const std::string &path) override;
  int64_t rename(const std::string &from, const std::string &to) override;
  int64_t unlink(const std::string &path) override;
  int64_t makeFolder(const std::string &path) override;
  int64_t removeFolder(const std::string &path) override;
  int64_t list(const std::string &path, std::vector<std::string> &names) override;
  int64_t lock(int fd) override;
  int64_t map(int fd, uint64_t size, const void *&data) override;

private:
  struct Open {
    std::string path;
    size_t at = 0;
    bool append = false;
  };
  Open *opened(int fd);
  bool isFolder(const std::string &path) const;

  Folder files_;
  std::set<std::string> folders_; // of the files given, or made
  std::map<int, Open> open_;
  int next_ = 1 << 20; // beyond any descriptor of the system's
};

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_MEMORYFILES_H
