// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/WholeFile.h"

#include <unistd.h>

namespace heddle::runtime {

StatusOr<std::string> readSmallFile(FileLayer &layer, const std::string &path, uint64_t limit) {
  HEDDLE_ASSIGN_OR_RETURN(File file, layer.openForRead(path));
  HEDDLE_ASSIGN_OR_RETURN(uint64_t size, file.size());
  if (size > limit)
    return invalidInput(path, ": ", size, " bytes, more than the limit of ", limit);
  // One byte more than the size shows whether the file grew, or is one of those (in /proc) whose
  // size reads as zero: then go on, up to the limit.
  std::string content;
  size_t step = size + 1;
  while (true) {
    size_t before = content.size();
    content.resize(before + step);
    HEDDLE_ASSIGN_OR_RETURN(size_t count, file.read(content.data() + before, step));
    content.resize(before + count);
    if (content.size() > limit)
      return invalidInput(path, ": more than the limit of ", limit, " bytes");
    if (count < step)
      return content;
    step = 1 << 16;
  }
}

StatusOr<AtomicFile> AtomicFile::create(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo found, layer.info(path));
  if (found.kind == PathKind::Folder)
    return invalidInput("cannot write ", path, ": it is a folder");
  if (found.kind == PathKind::Other) // the rename would replace the device itself
    return invalidInput("cannot write ", path, ": it is a pipe or device, expected a file");
  // The process id keeps two writers of one path apart; a leftover of a dead process is emptied.
  // The longest names are cut, so that what is added still fits into the 255 bytes of a name.
  constexpr size_t kNameKept = 200;
  std::string temporary =
      joinPath(parentFolder(path), absl::StrCat(".", baseName(path).substr(0, kNameKept), ".",
                                                static_cast<int>(getpid()), ".tmp"));
  StatusOr<File> file = layer.createOrEmpty(temporary);
  if (!file.ok()) // in the words of the one who knows only the path
    return withContext(file.status(), absl::StrCat("cannot write ", path));
  return AtomicFile(layer, *std::move(file), path);
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : layer_(std::exchange(other.layer_, nullptr)), file_(std::move(other.file_)),
      path_(std::move(other.path_)) {}

AtomicFile::~AtomicFile() {
  if (layer_) // best effort: there is nobody to tell
    layer_->unlink(file_.path()).IgnoreError();
}

Status AtomicFile::commit(Durability durability) {
  bool flushes = durability == Durability::Flushed;
  if (flushes)
    HEDDLE_RETURN_IF_ERROR(withContext(file_.sync(), path_));
  HEDDLE_RETURN_IF_ERROR(withContext(file_.close(), path_));
  HEDDLE_RETURN_IF_ERROR(withContext(layer_->rename(file_.path(), path_), path_));
  FileLayer *layer = std::exchange(layer_, nullptr);
  return flushes ? withContext(layer->syncFolder(parentFolder(path_)), path_) : absl::OkStatus();
}

Status writeFileAtomically(FileLayer &layer, const std::string &path, std::string_view content,
                           Durability durability) {
  HEDDLE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(layer, path));
  HEDDLE_RETURN_IF_ERROR(withContext(file.write(content), path));
  return file.commit(durability);
}

} // namespace heddle::runtime
