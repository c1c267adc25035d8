// SPDX-License-Identifier: Apache-2.0
// The one door to the file system. Every error names the path, what was tried and the system's
// text. Interrupted calls and short reads and writes are carried on with; nothing else is retried
// (after a failed fsync the kernel may have dropped the data, so a second fsync proves nothing).
//
// Codes: InvalidArgument where the path is wrong (missing, a folder, not permitted),
// ResourceExhausted where the disk or a quota is full, Internal for the rest.

#ifndef HEDDLE_RUNTIME_IO_FILELAYER_H
#define HEDDLE_RUNTIME_IO_FILELAYER_H

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/io/FileCalls.h"

namespace heddle::runtime {

/// Where a writer puts its bytes: a file, a hash, a string.
class ByteSink {
public:
  virtual ~ByteSink() = default;
  virtual Status write(const void *bytes, size_t size) = 0;
  Status write(std::string_view text) { return write(text.data(), text.size()); }
};

/// An open file. Closed with the object; a writer that must know calls sync() and close(). Move
/// only; used by one thread at a time. The FileCalls outlive it.
class File : public ByteSink {
public:
  File(FileCalls &calls, int fd, std::string path)
      : calls_(&calls), fd_(fd), path_(std::move(path)) {}
  File(File &&other) noexcept;
  File &operator=(File &&other) noexcept;
  ~File() override;

  /// Fills `bytes` unless the file ends first; returns how many it read.
  StatusOr<size_t> read(void *bytes, size_t size);
  /// What is there already, at least a byte: a terminal's next line is not waited beyond. 0 at the
  /// end.
  StatusOr<size_t> readSome(void *bytes, size_t size);
  using ByteSink::write;
  /// All of it, or an error after which the file's content is unknown.
  Status write(const void *bytes, size_t size) override;
  Status sync();
  Status truncate(uint64_t size);
  StatusOr<uint64_t> size() const;
  Status close();

  const std::string &path() const { return path_; }
  int descriptor() const { return fd_; }

private:
  FileCalls *calls_;
  int fd_;
  std::string path_;
};

/// A whole file as read-only memory. Move only; safe to read on all threads. Whoever cuts the file
/// short meanwhile ends the process (MapFaults.h): files are replaced by rename here, never in
/// place.
class MappedFile {
public:
  MappedFile(std::string path, const void *data, uint64_t size)
      : path_(std::move(path)), data_(static_cast<const char *>(data)), size_(size) {}
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  const std::string &path() const { return path_; }
  const char *data() const { return data_; }
  uint64_t size() const { return size_; }
  std::string_view bytes() const { return {data_, size_}; }

private:
  std::string path_;
  const char *data_;
  uint64_t size_;
};

/// Stateless apart from its FileCalls: safe on all threads.
class FileLayer {
public:
  explicit FileLayer(FileCalls &calls) : calls_(&calls) {}
  /// The real file system.
  static FileLayer &system();

  /// Regular files only: a FIFO would block for ever and a device has no end.
  StatusOr<File> openForRead(const std::string &path);
  /// A new file; an existing one is an error.
  StatusOr<File> createNew(const std::string &path);
  /// A new file, or an existing one emptied.
  StatusOr<File> createOrEmpty(const std::string &path);
  /// Writes go to the end; the file is made if there is none.
  StatusOr<File> openForAppend(const std::string &path);
  StatusOr<MappedFile> map(const std::string &path);

  StatusOr<PathInfo> info(const std::string &path);
  StatusOr<bool> exists(const std::string &path);
  StatusOr<bool> isFolder(const std::string &path);
  /// Whether both are there and are one file, through links too.
  StatusOr<bool> isSameFile(const std::string &path, const std::string &other);
  /// The error that writing to an existing file, or into a folder, would meet at once.
  Status checkWritable(const std::string &path);
  /// Sorted by bytes, so that results do not depend on the disk.
  StatusOr<std::vector<std::string>> list(const std::string &folder);

  Status rename(const std::string &from, const std::string &to);
  Status unlink(const std::string &path);
  Status makeFolder(const std::string &path);
  /// With the folders above it, each made durable; those that exist are fine. The last of those is
  /// made durable too: whoever made it may have died before that.
  Status makeFolders(const std::string &path);
  /// A file, or a folder with all that is in it; links are removed, not followed.
  Status removeAll(const std::string &path, int depthLimit = 17);
  /// Makes the names in a folder (files created, renamed, removed) durable. A folder that we may
  /// use but not read cannot be flushed: that is left to the system and no error.
  Status syncFolder(const std::string &path);
  /// Takes the lock that goes with `path` (made if needed, never removed), or says who is in the
  /// way. It lasts as long as the file is open, and dies with the process.
  StatusOr<File> lock(const std::string &path);

  FileCalls &calls() { return *calls_; }

private:
  StatusOr<File> open(const std::string &path, int flags, const char *verb);
  FileCalls *calls_;
};

/// The status for a failed call (`error` is an errno): "cannot <verb> <path>: <text>".
Status fileError(const char *verb, const std::string &path, int64_t error);

/// The folder part of a path ("." if it has none), and the last name in it.
std::string parentFolder(const std::string &path);
std::string baseName(const std::string &path);
/// "folder/name", without a double slash.
std::string joinPath(const std::string &folder, const std::string &name);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_FILELAYER_H
