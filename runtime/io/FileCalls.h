// SPDX-License-Identifier: Apache-2.0
// The system calls that FileLayer makes, behind an interface so that a test can make any of them
// fail. Nothing else in the project opens, writes, renames or deletes a file.

#ifndef HEDDLE_RUNTIME_IO_FILECALLS_H
#define HEDDLE_RUNTIME_IO_FILECALLS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace heddle::runtime {

enum class PathKind { Missing, File, Folder, Other };

struct PathInfo {
  PathKind kind = PathKind::Missing;
  uint64_t size = 0;
  uint64_t device = 0, inode = 0; // together they are the file, whatever its names
};

/// One method a system call, no retries. A negative result is -errno; a call may do less than asked
/// (read, write) or be interrupted (-EINTR), as the system's may. Stateless, so safe on all
/// threads.
class FileCalls {
public:
  virtual ~FileCalls() = default;

  /// The descriptor. `flags` and `mode` as in open(2); O_CLOEXEC is added.
  virtual int64_t open(const std::string &path, int flags, uint32_t mode);
  virtual int64_t close(int fd);
  virtual int64_t read(int fd, void *bytes, size_t size);
  virtual int64_t write(int fd, const void *bytes, size_t size);
  virtual int64_t sync(int fd);
  virtual int64_t truncate(int fd, uint64_t size);
  /// Not an error for what does not exist: PathKind::Missing. Follows links; -ENOLINK for one that
  /// leads to nothing.
  virtual int64_t statPath(const std::string &path, PathInfo &info);
  virtual int64_t statOpen(int fd, PathInfo &info);
  /// Whether this process may write to what is there.
  virtual int64_t accessForWrite(const std::string &path);
  virtual int64_t rename(const std::string &from, const std::string &to);
  virtual int64_t unlink(const std::string &path);
  virtual int64_t makeFolder(const std::string &path);
  virtual int64_t removeFolder(const std::string &path);
  /// Names without `.` and `..`, in the system's order.
  virtual int64_t list(const std::string &path, std::vector<std::string> &names);
  /// flock(2), exclusive, without waiting: -EWOULDBLOCK if someone else has it.
  virtual int64_t lock(int fd);
  /// A private read-only mapping of the first `size` bytes (> 0).
  virtual int64_t map(int fd, uint64_t size, const void *&data);

  static FileCalls &system();
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_FILECALLS_H
