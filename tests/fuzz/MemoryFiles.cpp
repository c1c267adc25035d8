// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/MemoryFiles.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace heddle::fuzz {

using runtime::PathInfo;
using runtime::PathKind;

namespace {

/// The paths in `range` below `folder`, as [first, last).
template <typename Range> auto below(Range &range, const std::string &folder) {
  return std::pair(range.lower_bound(folder + "/"),
                   range.lower_bound(folder + "0")); // '0' is '/' + 1
}

const std::string &keyOf(const std::string &path) { return path; }
const std::string &keyOf(const Folder::value_type &file) { return file.first; }
std::string &keyOf(std::set<std::string>::node_type &node) { return node.value(); }
std::string &keyOf(Folder::node_type &node) { return node.key(); }

} // namespace

MemoryFiles::MemoryFiles(Folder files) : files_(std::move(files)) {
  // A folder outlives the last file in it.
  for (const auto &[path, content] : files_)
    for (size_t end = path.rfind('/'); end != std::string::npos && end > 0;
         end = path.rfind('/', end - 1))
      folders_.insert(path.substr(0, end));
  // What lies below decides: no path is a file and a folder.
  for (const std::string &folder : folders_)
    files_.erase(folder);
}

MemoryFiles::Open *MemoryFiles::opened(int fd) {
  auto found = open_.find(fd);
  return found == open_.end() ? nullptr : &found->second;
}

bool MemoryFiles::isFolder(const std::string &path) const {
  if (path == "." || folders_.contains(path))
    return true;
  auto [files, filesEnd] = below(files_, path);
  auto [folders, foldersEnd] = below(folders_, path);
  return files != filesEnd || folders != foldersEnd;
}

int64_t MemoryFiles::open(const std::string &path, int flags, uint32_t) {
  bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (isFolder(path)) {
    if (writes)
      return -EISDIR;
  } else if (flags & O_DIRECTORY) {
    return files_.contains(path) ? -ENOTDIR : -ENOENT;
  } else if (!files_.contains(path)) {
    if (!(flags & O_CREAT))
      return -ENOENT;
    files_[path];
  } else if ((flags & O_CREAT) && (flags & O_EXCL)) {
    return -EEXIST;
  } else if (flags & O_TRUNC) {
    files_[path].clear();
  }
  open_[next_] = {path, 0, (flags & O_APPEND) != 0};
  return next_++;
}

int64_t MemoryFiles::close(int fd) { return open_.erase(fd) ? 0 : -EBADF; }

int64_t MemoryFiles::read(int fd, void *bytes, size_t size) {
  Open *file = opened(fd);
  if (!file || !files_.contains(file->path))
    return -EBADF;
  const std::string &content = files_[file->path];
  size_t count = std::min(size, content.size() - std::min(file->at, content.size()));
  std::memcpy(bytes, content.data() + file->at, count);
  file->at += count;
  return static_cast<int64_t>(count);
}

int64_t MemoryFiles::write(int fd, const void *bytes, size_t size) {
  Open *file = opened(fd);
  if (!file)
    return -EBADF;
  std::string &content = files_[file->path];
  size_t at = file->append ? content.size() : file->at;
  content.resize(std::max(content.size(), at + size));
  std::memcpy(content.data() + at, bytes, size);
  file->at = at + size;
  return static_cast<int64_t>(size);
}

int64_t MemoryFiles::sync(int fd) { return opened(fd) ? 0 : -EBADF; }

int64_t MemoryFiles::truncate(int fd, uint64_t size) {
  Open *file = opened(fd);
  if (!file)
    return -EBADF;
  files_[file->path].resize(size);
  return 0;
}

int64_t MemoryFiles::statPath(const std::string &path, PathInfo &info) {
  info = {};
  if (auto file = files_.find(path); file != files_.end())
    info = {PathKind::File, file->second.size()};
  else if (isFolder(path))
    info.kind = PathKind::Folder;
  return 0;
}

int64_t MemoryFiles::statOpen(int fd, PathInfo &info) {
  Open *file = opened(fd);
  return file ? statPath(file->path, info) : -EBADF;
}

int64_t MemoryFiles::accessForWrite(const std::string &path) {
  return files_.contains(path) || isFolder(path) ? 0 : -ENOENT;
}

int64_t MemoryFiles::rename(const std::string &from, const std::string &to) {
  if (auto file = files_.extract(from)) {
    if (isFolder(to))
      return -EISDIR;
    files_[to] = std::move(file.mapped());
    return 0;
  }
  if (!isFolder(from))
    return -ENOENT;
  std::vector<std::string> there;
  if (files_.contains(to) || (isFolder(to) && list(to, there) == 0 && !there.empty()))
    return -ENOTEMPTY;
  auto move = [&](auto &range) {
    // What is inserted may lie right behind the range, so its end is looked up again.
    for (auto at = range.lower_bound(from + "/"); at != below(range, from).second;
         at = range.lower_bound(from + "/")) {
      auto node = range.extract(at);
      std::string &path = keyOf(node);
      path = to + path.substr(from.size());
      range.insert(std::move(node));
    }
  };
  move(files_);
  folders_.erase(from);
  move(folders_);
  folders_.insert(to);
  return 0;
}

int64_t MemoryFiles::unlink(const std::string &path) {
  if (files_.erase(path))
    return 0;
  return isFolder(path) ? -EISDIR : -ENOENT;
}

int64_t MemoryFiles::makeFolder(const std::string &path) {
  if (files_.contains(path) || isFolder(path))
    return -EEXIST;
  folders_.insert(path);
  return 0;
}

int64_t MemoryFiles::removeFolder(const std::string &path) {
  std::vector<std::string> names;
  if (int64_t result = list(path, names); result < 0)
    return result;
  if (!names.empty())
    return -ENOTEMPTY;
  folders_.erase(path);
  return 0;
}

int64_t MemoryFiles::list(const std::string &path, std::vector<std::string> &names) {
  names.clear();
  if (!isFolder(path) && !folders_.contains(path))
    return files_.contains(path) ? -ENOTDIR : -ENOENT;
  std::set<std::string> found;
  auto add = [&](const auto &range) {
    for (auto [at, end] = below(range, path); at != end; ++at) {
      std::string rest = keyOf(*at).substr(path.size() + 1);
      found.insert(rest.substr(0, rest.find('/')));
    }
  };
  add(files_);
  add(folders_);
  names.assign(found.begin(), found.end());
  return 0;
}

int64_t MemoryFiles::lock(int fd) { return opened(fd) ? 0 : -EBADF; }

int64_t MemoryFiles::map(int fd, uint64_t size, const void *&data) {
  Open *file = opened(fd);
  if (!file || !files_.contains(file->path))
    return -EBADF;
  // Real memory, because its owner unmaps it by the system's call.
  void *address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED)
    return -errno;
  const std::string &content = files_[file->path];
  std::memcpy(address, content.data(), std::min<size_t>(size, content.size()));
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), tail = (page - size % page) % page;
  ASAN_POISON_MEMORY_REGION(static_cast<char *>(address) + size, tail);
  data = address;
  return 0;
}

} // namespace heddle::fuzz
