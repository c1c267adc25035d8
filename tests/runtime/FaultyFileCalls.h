// SPDX-License-Identifier: Apache-2.0
// The real file system, in which one chosen call (or all from it on) goes wrong.

#ifndef HEDDLE_TESTS_RUNTIME_FAULTYFILECALLS_H
#define HEDDLE_TESTS_RUNTIME_FAULTYFILECALLS_H

#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/io/FileCalls.h"

namespace heddle::test {

enum class Call {
  Open,
  Close,
  Read,
  Write,
  Sync,
  Truncate,
  StatPath,
  StatOpen,
  Access,
  Rename,
  Unlink,
  MakeFolder,
  RemoveFolder,
  List,
  Lock,
  Map,
};
const char *callName(Call call);

struct Fault {
  uint64_t at = 0;      // the n-th counted call, from 1; 0: none
  int error = EIO;      // 0: a short read or write (half the bytes, at least one), none else counts
  bool forEver = false; // all counted calls from `at` on
  std::optional<Call> only = std::nullopt; // counts and hits this kind alone
  bool halfThenFail = false;               // a failing write first writes half of its bytes
};

/// The ways in which every position is made to fail. A call that is interrupted for ever would
/// rightly be tried for ever, so EINTR comes once.
struct FaultKind {
  const char *name;
  int error; // 0: a short transfer
  bool forEver;
  bool halfThenFail;

  Fault at(uint64_t n) const {
    return {.at = n, .error = error, .forEver = forEver, .halfThenFail = halfThenFail};
  }
  /// Whether a caller need not notice it.
  bool isHarmless() const { return error == 0; }
};
inline constexpr FaultKind kFaultKinds[] = {
    {"EIO_once", EIO, false, false},
    {"EIO_for_ever", EIO, true, false},
    {"ENOSPC_once_half_written", ENOSPC, false, true},
    {"ENOSPC_for_ever_half_written", ENOSPC, true, true},
    {"EDQUOT_once", EDQUOT, false, false},
    {"EDQUOT_for_ever_half_written", EDQUOT, true, true},
    {"EROFS_once", EROFS, false, false},
    {"EROFS_for_ever", EROFS, true, false},
    {"EINTR_once", EINTR, false, false},
    {"short_once", 0, false, false},
    {"short_for_ever", 0, true, false},
};

/// How far apart the positions of a sweep are: `usual`, or 1 (every one) with HEDDLE_SWEEP=full.
uint64_t sweepStride(uint64_t usual);

class FaultyFileCalls : public runtime::FileCalls {
public:
  /// Starts counting from 0.
  void plan(const Fault &fault) {
    fault_ = fault;
    count_ = 0;
    last_.clear();
    trace_.clear();
  }
  uint64_t count() const { return count_; }
  /// All calls since plan(), as "fsync /path"; a rename as "rename /from /to".
  const std::vector<std::string> &trace() const { return trace_; }
  /// The kind and path of the last call that was made to fail.
  const std::string &last() const { return last_; }

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
  bool fails(Call call, const std::string &what);
  bool fails(Call call, int fd) { return fails(call, paths_[fd]); }
  Fault fault_;
  uint64_t count_ = 0;
  std::string last_;
  std::vector<std::string> trace_;
  std::map<int, std::string> paths_; // of open descriptors
};

} // namespace heddle::test

#endif // HEDDLE_TESTS_RUNTIME_FAULTYFILECALLS_H
