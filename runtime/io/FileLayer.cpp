// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/FileLayer.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace heddle::runtime {

FileLayer &FileLayer::system() {
  static FileLayer layer(FileCalls::system());
  return layer;
}

StatusOr<File> FileLayer::open(const std::string &path, int flags, const char *verb) {
  // A NUL would end the path early for the system but not for us.
  if (path.empty() || path.find('\0') != std::string::npos)
    return invalidInput("cannot ", verb, " '", path, "': not a path");
  int64_t fd;
  do
    fd = calls_->open(path, flags, 0666);
  while (fd == -EINTR);
  if (fd < 0)
    return fileError(verb, path, -fd);
  return File(*calls_, static_cast<int>(fd), path);
}

StatusOr<File> FileLayer::openForRead(const std::string &path) {
  // Without O_NONBLOCK, opening a FIFO waits for a writer before we can see that it is one.
  HEDDLE_ASSIGN_OR_RETURN(File file, open(path, O_RDONLY | O_NONBLOCK, "open"));
  PathInfo info;
  if (int64_t result = calls_->statOpen(file.descriptor(), info); result < 0)
    return fileError("inspect", path, -result);
  if (info.kind == PathKind::Folder)
    return invalidInput("cannot read ", path, ": it is a folder, expected a file");
  if (info.kind != PathKind::File)
    return invalidInput("cannot read ", path, ": expected a regular file, found a pipe or device");
  return file;
}

StatusOr<File> FileLayer::createNew(const std::string &path) {
  return open(path, O_WRONLY | O_CREAT | O_EXCL, "create");
}

StatusOr<File> FileLayer::createOrEmpty(const std::string &path) {
  return open(path, O_WRONLY | O_CREAT | O_TRUNC, "create");
}

StatusOr<File> FileLayer::openForAppend(const std::string &path) {
  return open(path, O_WRONLY | O_CREAT | O_APPEND, "open");
}

StatusOr<MappedFile> FileLayer::map(const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(File file, openForRead(path));
  HEDDLE_ASSIGN_OR_RETURN(uint64_t size, file.size());
  const void *data = nullptr;
  if (size > 0) // mmap refuses empty mappings
    if (int64_t result = calls_->map(file.descriptor(), size, data); result < 0)
      return fileError("map", path, -result);
  return MappedFile(path, data, size);
}

StatusOr<PathInfo> FileLayer::info(const std::string &path) {
  PathInfo info;
  int64_t result = calls_->statPath(path, info);
  if (result < 0 && result != -ENOLINK)
    return fileError("inspect", path, -result);
  return info;
}

StatusOr<bool> FileLayer::exists(const std::string &path) {
  PathInfo found;
  // Whoever made a link meant something to be there: no file that may be left out.
  int64_t result = calls_->statPath(path, found);
  if (result == -ENOLINK)
    return invalidInput("cannot open ", path, ": it is a link to nothing");
  if (result < 0)
    return fileError("inspect", path, -result);
  return found.kind != PathKind::Missing;
}

StatusOr<bool> FileLayer::isFolder(const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo found, info(path));
  return found.kind == PathKind::Folder;
}

StatusOr<bool> FileLayer::isSameFile(const std::string &path, const std::string &other) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo a, info(path));
  HEDDLE_ASSIGN_OR_RETURN(PathInfo b, info(other));
  return a.kind != PathKind::Missing && b.kind != PathKind::Missing && a.device == b.device &&
         a.inode == b.inode;
}

Status FileLayer::checkWritable(const std::string &path) {
  int64_t result = calls_->accessForWrite(path);
  return result < 0 ? fileError("write to", path, -result) : absl::OkStatus();
}

StatusOr<std::vector<std::string>> FileLayer::list(const std::string &folder) {
  std::vector<std::string> names;
  int64_t result;
  do
    result = calls_->list(folder, names);
  while (result == -EINTR);
  if (result < 0)
    return fileError("list", folder, -result);
  std::sort(names.begin(), names.end());
  return names;
}

Status FileLayer::rename(const std::string &from, const std::string &to) {
  int64_t result = calls_->rename(from, to);
  if (result < 0)
    return fileError("rename", absl::StrCat(from, " to ", to), -result);
  return absl::OkStatus();
}

Status FileLayer::unlink(const std::string &path) {
  int64_t result = calls_->unlink(path);
  return result < 0 ? fileError("remove", path, -result) : absl::OkStatus();
}

Status FileLayer::makeFolder(const std::string &path) {
  int64_t result = calls_->makeFolder(path);
  return result < 0 ? fileError("make folder", path, -result) : absl::OkStatus();
}

Status FileLayer::makeFolders(const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(bool there, isFolder(path));
  if (there)
    return syncFolder(parentFolder(path));
  // From the top, one at a time: a folder that is there already is not an error.
  std::string existing;
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    std::string part = path.substr(0, end);
    HEDDLE_ASSIGN_OR_RETURN(PathInfo found, info(part));
    if (found.kind == PathKind::Folder) {
      existing = part;
      continue;
    }
    if (found.kind != PathKind::Missing)
      return invalidInput("cannot make folder ", path, ": ", part, " is no folder");
    if (!existing.empty())
      HEDDLE_RETURN_IF_ERROR(syncFolder(parentFolder(existing)));
    existing.clear();
    int64_t result = calls_->makeFolder(part);
    if (result == -EEXIST)
      continue; // another process was quicker
    if (result < 0)
      return fileError("make folder", part, -result);
    // What will be flushed in the new folder is lost if its own name is.
    HEDDLE_RETURN_IF_ERROR(syncFolder(parentFolder(part)));
  }
  return absl::OkStatus();
}

Status FileLayer::removeAll(const std::string &path, int depthLimit) {
  // Asking first what it is would follow a link; unlink removes the link and refuses a folder.
  int64_t result = calls_->unlink(path);
  if (result != -EISDIR || depthLimit == 0)
    return result < 0 ? fileError("remove", path, -result) : absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(std::vector<std::string> names, list(path));
  for (const std::string &name : names)
    HEDDLE_RETURN_IF_ERROR(removeAll(joinPath(path, name), depthLimit - 1));
  result = calls_->removeFolder(path);
  return result < 0 ? fileError("remove folder", path, -result) : absl::OkStatus();
}

Status FileLayer::syncFolder(const std::string &path) {
  int64_t fd;
  do
    fd = calls_->open(path, O_RDONLY | O_DIRECTORY, 0);
  while (fd == -EINTR);
  if (fd == -EACCES)
    return absl::OkStatus();
  if (fd < 0)
    return fileError("open", path, -fd);
  return File(*calls_, static_cast<int>(fd), path).sync();
}

StatusOr<File> FileLayer::lock(const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(File file, open(path, O_RDWR | O_CREAT, "open"));
  int64_t result;
  do
    result = calls_->lock(file.descriptor());
  while (result == -EINTR);
  if (result == -EWOULDBLOCK)
    return invalidInput(path, " is locked: another process is at work in ", parentFolder(path));
  if (result < 0)
    return fileError("lock", path, -result);
  return file;
}

std::string parentFolder(const std::string &path) {
  size_t end = path.find_last_not_of('/');
  size_t slash = end == std::string::npos ? std::string::npos : path.rfind('/', end);
  if (slash == std::string::npos)
    return end == std::string::npos && !path.empty() ? "/" : ".";
  size_t last = path.find_last_not_of('/', slash);
  return last == std::string::npos ? "/" : path.substr(0, last + 1);
}

std::string baseName(const std::string &path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos)
    return path;
  size_t slash = path.rfind('/', end);
  size_t begin = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(begin, end + 1 - begin);
}

std::string joinPath(const std::string &folder, const std::string &name) {
  if (folder.empty() || folder.back() == '/')
    return folder + name;
  return folder + "/" + name;
}

} // namespace heddle::runtime
