// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {
namespace {

// One call moves at most this much: Linux itself stops at 2 GiB, and a signal can be served sooner.
constexpr size_t kLargestTransfer = size_t{1} << 28;

} // namespace

Status fileError(const char *verb, const std::string &path, int64_t error) {
  char buffer[128];
  // GNU's strerror_r, which returns the text; strerror is not safe on all threads.
  std::string text = strerror_r(static_cast<int>(error), buffer, sizeof(buffer));
  std::string message = absl::StrCat("cannot ", verb, " ", path, ": ", text);
  switch (error) {
  case ENOENT:
  case ENOTDIR:
  case EISDIR:
  case EACCES:
  case EPERM:
  case EEXIST:
  case ELOOP:
  case ENAMETOOLONG:
  case EROFS:
    return absl::InvalidArgumentError(message);
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
  case ENOMEM:
  case EMFILE:
  case ENFILE:
    return absl::ResourceExhaustedError(message);
  default:
    return absl::InternalError(message);
  }
}

File::File(File &&other) noexcept
    : calls_(other.calls_), fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File &File::operator=(File &&other) noexcept {
  std::swap(calls_, other.calls_);
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (fd_ >= 0)
    calls_->close(fd_);
}

StatusOr<size_t> File::readSome(void *bytes, size_t size) {
  int64_t count;
  do
    count = calls_->read(fd_, bytes, std::min(size, kLargestTransfer));
  while (count == -EINTR);
  if (count < 0)
    return fileError("read", path_, -count);
  return static_cast<size_t>(count);
}

StatusOr<size_t> File::read(void *bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    HEDDLE_ASSIGN_OR_RETURN(size_t count, readSome(static_cast<char *>(bytes) + done, size - done));
    if (count == 0)
      break;
    done += count;
  }
  return done;
}

Status File::write(const void *bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    int64_t count = calls_->write(fd_, static_cast<const char *>(bytes) + done,
                                  std::min(size - done, kLargestTransfer));
    if (count == -EINTR)
      continue;
    // No progress and no error would loop for ever; POSIX leaves it open, so call it an I/O error.
    if (count <= 0)
      return fileError("write", path_, count < 0 ? -count : EIO);
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

Status File::sync() {
  int64_t result;
  do
    result = calls_->sync(fd_);
  while (result == -EINTR);
  if (result == -EINVAL) // a pipe or terminal, or folders of a file system that flushes none
    return absl::OkStatus();
  return result < 0 ? fileError("flush", path_, -result) : absl::OkStatus();
}

Status File::truncate(uint64_t size) {
  int64_t result;
  do
    result = calls_->truncate(fd_, size);
  while (result == -EINTR);
  return result < 0 ? fileError("cut", path_, -result) : absl::OkStatus();
}

StatusOr<uint64_t> File::size() const {
  PathInfo info;
  if (int64_t result = calls_->statOpen(fd_, info); result < 0)
    return fileError("inspect", path_, -result);
  return info.size;
}

Status File::close() {
  // Linux has closed the descriptor whatever it answers: a retry could close another thread's file.
  int64_t result = calls_->close(std::exchange(fd_, -1));
  if (result < 0 && result != -EINTR)
    return fileError("close", path_, -result);
  return absl::OkStatus();
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (size_ > 0)
    ::munmap(const_cast<char *>(data_), size_);
}

} // namespace heddle::runtime
