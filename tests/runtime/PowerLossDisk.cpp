// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/PowerLossDisk.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>

namespace heddle::test {

using runtime::PathInfo;
using runtime::PathKind;

/// A file or folder. An entry of `pending` is one change of names; a null node is a name removed.
struct PowerLossDisk::Node {
  bool isFolder = false;
  std::string data, flushed;
  Names names, flushedNames;
  std::vector<Names> pending;
  int lockedBy = -1;

  void fill(PathInfo &info) const {
    info.kind = isFolder ? PathKind::Folder : PathKind::File;
    info.size = data.size();
  }
  static void apply(const Names &changes, Names &names) {
    for (const auto &[name, node] : changes)
      if (node)
        names[name] = node;
      else
        names.erase(name);
  }
};

PowerLossDisk::NodeRef PowerLossDisk::Place::node() const {
  if (!folder || !folder->isFolder)
    return nullptr;
  auto found = folder->names.find(name);
  return found == folder->names.end() ? nullptr : found->second;
}

PowerLossDisk::PowerLossDisk() : root_(std::make_shared<Node>()) {
  root_->isFolder = true;
  root_->names["data"] = std::make_shared<Node>();
  root_->names["data"]->isFolder = true;
  root_->flushedNames = root_->names;
}

PowerLossDisk::~PowerLossDisk() = default;

bool PowerLossDisk::dies() {
  if (callsLeft_ > 0) {
    --callsLeft_;
    return false;
  }
  died_ = true;
  return true;
}

void PowerLossDisk::restart() {
  for (auto &[fd, file] : open_)
    file.node->lockedBy = -1;
  open_.clear();
  callsLeft_ = std::numeric_limits<uint64_t>::max();
  died_ = false;
}

void PowerLossDisk::cutPower(Survival survival, std::mt19937_64 &random) {
  restart();
  survive(root_, survival, random);
}

void PowerLossDisk::survive(const NodeRef &node, Survival survival, std::mt19937_64 &random) {
  bool keepsNames = survival != Survival::Nothing;
  for (const Names &changes : node->pending)
    if (survival == Survival::Random ? random() % 2 : keepsNames)
      Node::apply(changes, node->flushedNames);
  node->pending.clear();
  node->names = node->flushedNames;
  bool keepsData = survival == Survival::Everything;
  if (survival == Survival::Random && node->data != node->flushed) {
    keepsData = random() % 4 != 0;
    size_t whole = node->data.size(), least = std::min(node->flushed.size(), whole);
    size_t cut = least + random() % (whole - least + 1);
    if (random() % 2) { // the length may be there before what is in it
      node->data.resize(cut);
      if (random() % 2)
        node->data.resize(whole);
    }
  }
  (keepsData ? node->flushed : node->data) = keepsData ? node->data : node->flushed;
  for (const auto &[name, child] : node->names)
    survive(child, survival, random);
}

PowerLossDisk::Place PowerLossDisk::find(const std::string &path) const {
  if (path.empty() || path[0] != '/')
    std::abort(); // a relative path would be another disk's
  Place place{nullptr, ""};
  NodeRef node = root_;
  for (size_t begin = 1; begin < path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) {
      place = {node, path.substr(begin, end - begin)};
      node = place.node();
    }
    begin = end + 1;
  }
  return place;
}

void PowerLossDisk::change(const NodeRef &folder, Names changes) {
  Node::apply(changes, folder->names);
  folder->pending.push_back(std::move(changes));
}

int64_t PowerLossDisk::open(const std::string &path, int flags, uint32_t) {
  if (dies())
    return -EIO;
  Place place = find(path);
  NodeRef node = path == "/" ? root_ : place.node();
  if (node && flags & O_CREAT && flags & O_EXCL)
    return -EEXIST;
  if (node && flags & O_DIRECTORY && !node->isFolder)
    return -ENOTDIR;
  if (!node) {
    if (!(flags & O_CREAT) || !place.folder || !place.folder->isFolder)
      return -ENOENT;
    node = std::make_shared<Node>();
    change(place.folder, {{place.name, node}});
  }
  if (flags & O_TRUNC)
    node->data.clear();
  open_[nextDescriptor_] = {node, path, flags, 0};
  return nextDescriptor_++;
}

int64_t PowerLossDisk::close(int fd) {
  auto file = open_.find(fd);
  if (file == open_.end()) // of a process that died
    return -EBADF;
  if (file->second.node->lockedBy == fd)
    file->second.node->lockedBy = -1;
  open_.erase(file);
  return dies() ? -EIO : 0;
}

int64_t PowerLossDisk::read(int fd, void *bytes, size_t size) {
  if (dies())
    return -EIO;
  Open &file = open_.at(fd);
  size_t count = std::min(size, file.node->data.size() - file.at);
  memcpy(bytes, file.node->data.data() + file.at, count);
  file.at += count;
  return static_cast<int64_t>(count);
}

int64_t PowerLossDisk::write(int fd, const void *bytes, size_t size) {
  if (dies())
    return -EIO;
  // All our files are written from front to back.
  open_.at(fd).node->data.append(static_cast<const char *>(bytes), size);
  return static_cast<int64_t>(size);
}

int64_t PowerLossDisk::sync(int fd) {
  if (dies())
    return -EIO;
  Open &file = open_.at(fd);
  if (++syncs_ == skippedSync_) {
    if (!file.node->pending.empty() || file.node->flushed != file.node->data)
      skippedPath_ = file.path;
    return 0;
  }
  file.node->flushed = file.node->data;
  file.node->flushedNames = file.node->names;
  file.node->pending.clear();
  return 0;
}

int64_t PowerLossDisk::truncate(int fd, uint64_t size) {
  if (dies())
    return -EIO;
  open_.at(fd).node->data.resize(size);
  return 0;
}

int64_t PowerLossDisk::statPath(const std::string &path, PathInfo &info) {
  if (dies())
    return -EIO;
  info = {};
  if (NodeRef node = path == "/" ? root_ : find(path).node())
    node->fill(info);
  return 0;
}

int64_t PowerLossDisk::statOpen(int fd, PathInfo &info) {
  if (dies())
    return -EIO;
  open_.at(fd).node->fill(info);
  return 0;
}

int64_t PowerLossDisk::accessForWrite(const std::string &path) {
  if (dies())
    return -EIO;
  return path == "/" || find(path).node() ? 0 : -ENOENT;
}

int64_t PowerLossDisk::rename(const std::string &from, const std::string &to) {
  if (dies())
    return -EIO;
  Place source = find(from), target = find(to);
  if (source.folder != target.folder)
    std::abort();
  NodeRef node = source.node(), replaced = target.node();
  if (!node)
    return -ENOENT;
  if (replaced && replaced->isFolder && !replaced->names.empty())
    return -ENOTEMPTY;
  change(source.folder, {{source.name, nullptr}, {target.name, node}});
  return 0;
}

int64_t PowerLossDisk::unlink(const std::string &path) {
  if (dies())
    return -EIO;
  Place place = find(path);
  NodeRef node = place.node();
  if (!node)
    return -ENOENT;
  if (node->isFolder)
    return -EISDIR;
  change(place.folder, {{place.name, nullptr}});
  return 0;
}

int64_t PowerLossDisk::makeFolder(const std::string &path) {
  if (dies())
    return -EIO;
  Place place = find(path);
  if (place.node())
    return -EEXIST;
  if (!place.folder || !place.folder->isFolder)
    return -ENOENT;
  auto node = std::make_shared<Node>();
  node->isFolder = true;
  change(place.folder, {{place.name, node}});
  return 0;
}

int64_t PowerLossDisk::removeFolder(const std::string &path) {
  if (dies())
    return -EIO;
  Place place = find(path);
  NodeRef node = place.node();
  if (!node || !node->isFolder)
    return node ? -ENOTDIR : -ENOENT;
  if (!node->names.empty())
    return -ENOTEMPTY;
  change(place.folder, {{place.name, nullptr}});
  return 0;
}

int64_t PowerLossDisk::list(const std::string &path, std::vector<std::string> &names) {
  if (dies())
    return -EIO;
  names.clear();
  NodeRef node = path == "/" ? root_ : find(path).node();
  if (!node || !node->isFolder)
    return node ? -ENOTDIR : -ENOENT;
  for (const auto &[name, child] : node->names)
    names.push_back(name);
  return 0;
}

int64_t PowerLossDisk::lock(int fd) {
  if (dies())
    return -EIO;
  int &holder = open_.at(fd).node->lockedBy;
  if (holder >= 0)
    return -EWOULDBLOCK;
  holder = fd;
  return 0;
}

int64_t PowerLossDisk::map(int fd, uint64_t size, const void *&data) {
  if (dies())
    return -EIO;
  // MappedFile gives it back with munmap.
  void *copy = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED)
    return -errno;
  memcpy(copy, open_.at(fd).node->data.data(), size);
  data = copy;
  return 0;
}

} // namespace heddle::test
