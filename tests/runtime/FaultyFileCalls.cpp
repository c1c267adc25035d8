// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/FaultyFileCalls.h"

#include <algorithm>
#include <cstdlib>

namespace heddle::test {

using runtime::FileCalls;
using runtime::PathInfo;

const char *callName(Call call) {
  constexpr const char *kNames[] = {"open",  "close", "read",   "write",  "fsync",  "cut",
                                    "stat",  "fstat", "access", "rename", "unlink", "mkdir",
                                    "rmdir", "list",  "lock",   "map"};
  return kNames[static_cast<size_t>(call)];
}

uint64_t sweepStride(uint64_t usual) {
  const char *sweep = std::getenv("HEDDLE_SWEEP");
  return sweep && std::string(sweep) == "full" ? 1 : usual;
}

bool FaultyFileCalls::fails(Call call, const std::string &what) {
  trace_.push_back(std::string(callName(call)) + " " + what);
  if (fault_.only && *fault_.only != call)
    return false;
  if (fault_.error == 0 && call != Call::Read && call != Call::Write)
    return false;
  ++count_;
  if (fault_.at == 0 || count_ < fault_.at || (count_ > fault_.at && !fault_.forEver))
    return false;
  last_ = trace_.back();
  return true;
}

int64_t FaultyFileCalls::open(const std::string &path, int flags, uint32_t mode) {
  if (fails(Call::Open, path))
    return -fault_.error;
  int64_t fd = FileCalls::open(path, flags, mode);
  if (fd >= 0)
    paths_[static_cast<int>(fd)] = path;
  return fd;
}

int64_t FaultyFileCalls::close(int fd) {
  // The descriptor goes in any case, as on Linux.
  int64_t result = FileCalls::close(fd);
  return fails(Call::Close, fd) ? -fault_.error : result;
}

int64_t FaultyFileCalls::read(int fd, void *bytes, size_t size) {
  if (!fails(Call::Read, fd))
    return FileCalls::read(fd, bytes, size);
  return fault_.error ? -fault_.error : FileCalls::read(fd, bytes, std::max<size_t>(size / 2, 1));
}

int64_t FaultyFileCalls::write(int fd, const void *bytes, size_t size) {
  if (!fails(Call::Write, fd))
    return FileCalls::write(fd, bytes, size);
  if (fault_.error == 0)
    return FileCalls::write(fd, bytes, std::max<size_t>(size / 2, 1));
  if (fault_.halfThenFail)
    FileCalls::write(fd, bytes, size / 2);
  return -fault_.error;
}

int64_t FaultyFileCalls::sync(int fd) {
  return fails(Call::Sync, fd) ? -fault_.error : FileCalls::sync(fd);
}

int64_t FaultyFileCalls::truncate(int fd, uint64_t size) {
  return fails(Call::Truncate, fd) ? -fault_.error : FileCalls::truncate(fd, size);
}

int64_t FaultyFileCalls::statPath(const std::string &path, PathInfo &info) {
  return fails(Call::StatPath, path) ? -fault_.error : FileCalls::statPath(path, info);
}

int64_t FaultyFileCalls::statOpen(int fd, PathInfo &info) {
  return fails(Call::StatOpen, fd) ? -fault_.error : FileCalls::statOpen(fd, info);
}

int64_t FaultyFileCalls::accessForWrite(const std::string &path) {
  return fails(Call::Access, path) ? -fault_.error : FileCalls::accessForWrite(path);
}

int64_t FaultyFileCalls::rename(const std::string &from, const std::string &to) {
  return fails(Call::Rename, from + " " + to) ? -fault_.error : FileCalls::rename(from, to);
}

int64_t FaultyFileCalls::unlink(const std::string &path) {
  return fails(Call::Unlink, path) ? -fault_.error : FileCalls::unlink(path);
}

int64_t FaultyFileCalls::makeFolder(const std::string &path) {
  return fails(Call::MakeFolder, path) ? -fault_.error : FileCalls::makeFolder(path);
}

int64_t FaultyFileCalls::removeFolder(const std::string &path) {
  return fails(Call::RemoveFolder, path) ? -fault_.error : FileCalls::removeFolder(path);
}

int64_t FaultyFileCalls::list(const std::string &path, std::vector<std::string> &names) {
  return fails(Call::List, path) ? -fault_.error : FileCalls::list(path, names);
}

int64_t FaultyFileCalls::lock(int fd) {
  return fails(Call::Lock, fd) ? -fault_.error : FileCalls::lock(fd);
}

int64_t FaultyFileCalls::map(int fd, uint64_t size, const void *&data) {
  return fails(Call::Map, fd) ? -fault_.error : FileCalls::map(fd, size, data);
}

} // namespace heddle::test
