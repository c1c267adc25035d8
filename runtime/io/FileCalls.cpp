// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/FileCalls.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace heddle::runtime {
namespace {

int64_t orError(int64_t result) { return result < 0 ? -errno : result; }

void fill(const struct stat &status, PathInfo &info) {
  info.kind = S_ISREG(status.st_mode)   ? PathKind::File
              : S_ISDIR(status.st_mode) ? PathKind::Folder
                                        : PathKind::Other;
  info.size = static_cast<uint64_t>(status.st_size);
  info.device = status.st_dev;
  info.inode = status.st_ino;
}

} // namespace

FileCalls &FileCalls::system() {
  static FileCalls calls;
  return calls;
}

int64_t FileCalls::open(const std::string &path, int flags, uint32_t mode) {
  return orError(::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode)));
}

int64_t FileCalls::close(int fd) { return orError(::close(fd)); }

int64_t FileCalls::read(int fd, void *bytes, size_t size) {
  return orError(::read(fd, bytes, size));
}

int64_t FileCalls::write(int fd, const void *bytes, size_t size) {
  return orError(::write(fd, bytes, size));
}

int64_t FileCalls::sync(int fd) { return orError(::fsync(fd)); }

int64_t FileCalls::truncate(int fd, uint64_t size) {
  return orError(::ftruncate(fd, static_cast<off_t>(size)));
}

int64_t FileCalls::statPath(const std::string &path, PathInfo &info) {
  struct stat status;
  info = {};
  if (::stat(path.c_str(), &status) == 0) {
    fill(status, info);
    return 0;
  }
  if (errno != ENOENT && errno != ENOTDIR)
    return -errno;
  // A link to nothing is neither there nor absent.
  return ::lstat(path.c_str(), &status) == 0 ? -ENOLINK : 0;
}

int64_t FileCalls::statOpen(int fd, PathInfo &info) {
  struct stat status;
  if (::fstat(fd, &status) < 0)
    return -errno;
  fill(status, info);
  return 0;
}

int64_t FileCalls::accessForWrite(const std::string &path) {
  return orError(::access(path.c_str(), W_OK));
}

int64_t FileCalls::rename(const std::string &from, const std::string &to) {
  return orError(::rename(from.c_str(), to.c_str()));
}

int64_t FileCalls::unlink(const std::string &path) { return orError(::unlink(path.c_str())); }

int64_t FileCalls::makeFolder(const std::string &path) {
  return orError(::mkdir(path.c_str(), 0777));
}

int64_t FileCalls::removeFolder(const std::string &path) { return orError(::rmdir(path.c_str())); }

int64_t FileCalls::list(const std::string &path, std::vector<std::string> &names) {
  names.clear();
  DIR *folder = ::opendir(path.c_str());
  if (!folder)
    return -errno;
  int error = 0;
  while (true) {
    errno = 0; // readdir says "end" and "failed" with the same null
    const dirent *entry = ::readdir(folder);
    if (!entry) {
      error = errno;
      break;
    }
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
  }
  ::closedir(folder);
  return -error;
}

int64_t FileCalls::lock(int fd) { return orError(::flock(fd, LOCK_EX | LOCK_NB)); }

int64_t FileCalls::map(int fd, uint64_t size, const void *&data) {
  void *address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED)
    return -errno;
  data = address;
  return 0;
}

} // namespace heddle::runtime
