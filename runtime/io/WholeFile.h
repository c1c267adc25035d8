// SPDX-License-Identifier: Apache-2.0
// Files read and written as a whole.

#ifndef HEDDLE_RUNTIME_IO_WHOLEFILE_H
#define HEDDLE_RUNTIME_IO_WHOLEFILE_H

#include <string>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

/// The content of a file of at most `limit` bytes; a longer one is an error that names both sizes,
/// found before reading where the size is known.
StatusOr<std::string> readSmallFile(FileLayer &layer, const std::string &path, uint64_t limit);

/// Whether a file outlives a power cut. Without, it may be gone or cut short afterwards: for what
/// is checked when it is read, or read by people at once.
enum class Durability { Flushed, Unflushed };

/// A file that appears under its name with all of its content, or not at all: written under a
/// temporary name beside it, flushed, renamed, and the rename flushed. Without commit() the
/// temporary file goes with the object and an existing file stays as it was.
class AtomicFile : public ByteSink {
public:
  static StatusOr<AtomicFile> create(FileLayer &layer, const std::string &path);
  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile() override;

  using ByteSink::write;
  /// The error does not name the file: the caller knows what it was writing.
  Status write(const void *bytes, size_t size) override { return file_.write(bytes, size); }
  Status commit(Durability durability = Durability::Flushed);

private:
  AtomicFile(FileLayer &layer, File file, std::string path)
      : layer_(&layer), file_(std::move(file)), path_(std::move(path)) {}

  FileLayer *layer_; // null once committed or moved from
  File file_;
  std::string path_;
};

Status writeFileAtomically(FileLayer &layer, const std::string &path, std::string_view content,
                           Durability durability = Durability::Flushed);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_WHOLEFILE_H
