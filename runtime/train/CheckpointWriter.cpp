// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "runtime/base/Limits.h"
#include "runtime/io/Sha256.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointManifest.h"
#include "runtime/train/CheckpointNames.h"
#include "runtime/train/RunError.h"

namespace heddle::runtime {
namespace {

/// Collects small writes, so that a writer of many small pieces makes few system calls.
class BufferedSink : public ByteSink {
public:
  explicit BufferedSink(ByteSink &next) : next_(next) {}
  Status write(const void *bytes, size_t size) override {
    if (buffer_.size() + size > kSize)
      HEDDLE_RETURN_IF_ERROR(flush());
    if (size >= kSize)
      return next_.write(bytes, size);
    buffer_.append(static_cast<const char *>(bytes), size);
    return absl::OkStatus();
  }
  Status flush() {
    if (buffer_.empty())
      return absl::OkStatus();
    HEDDLE_RETURN_IF_ERROR(next_.write(buffer_.data(), buffer_.size()));
    buffer_.clear();
    return absl::OkStatus();
  }

private:
  static constexpr size_t kSize = size_t{1} << 18;
  ByteSink &next_;
  std::string buffer_;
};

StatusOr<FileDigest> writeOne(FileLayer &layer, const std::string &path,
                              const std::function<Status(ByteSink &)> &write) {
  HEDDLE_ASSIGN_OR_RETURN(File file, layer.createNew(path));
  HashingSink hashing(file);
  BufferedSink buffered(hashing);
  HEDDLE_RETURN_IF_ERROR(write(buffered));
  HEDDLE_RETURN_IF_ERROR(buffered.flush());
  HEDDLE_RETURN_IF_ERROR(file.sync());
  HEDDLE_RETURN_IF_ERROR(file.close());
  return hashing.finish();
}

} // namespace

CheckpointFile CheckpointFile::fromText(std::string name, std::string content) {
  return {std::move(name), [content = std::move(content)](ByteSink &sink) {
            return sink.write(content.data(), content.size());
          }};
}

StatusOr<CheckpointWriter> CheckpointWriter::open(FileLayer &layer, const std::string &out,
                                                  int keep) {
  HEDDLE_RETURN_IF_ERROR(withContext(layer.makeFolders(out), out));
  HEDDLE_ASSIGN_OR_RETURN(File lock, layer.lock(joinPath(out, kCheckpointLock)));
  CheckpointWriter writer(layer, out, std::move(lock), std::max(keep, 2));
  HEDDLE_RETURN_IF_ERROR(withContext(writer.cleanUp(), out));
  return writer;
}

Status CheckpointWriter::cleanUp() {
  // What a dead process renamed may not be durable yet, and what is emptied now must not come back
  // under its old name.
  HEDDLE_RETURN_IF_ERROR(layer_->syncFolder(out_));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<std::string> names, layer_->list(out_));
  for (const std::string &name : names)
    if (name.starts_with(kTemporaryPrefix))
      HEDDLE_RETURN_IF_ERROR(layer_->removeAll(joinPath(out_, name)));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<CheckpointEntry> entries, listCheckpoints(*layer_, out_));
  for (const CheckpointEntry &entry : entries) {
    if (!entry.replaced)
      continue;
    std::string name = checkpointName(entry.step);
    HEDDLE_ASSIGN_OR_RETURN(bool succeeded, layer_->exists(joinPath(out_, name)));
    if (!succeeded) {
      HEDDLE_RETURN_IF_ERROR(layer_->rename(joinPath(out_, entry.name), joinPath(out_, name)));
      continue;
    }
    // The successor was whole and durable when it got its name; if it was damaged since, the old
    // one is what is left of this step, and the search takes it.
    Status whole = verifyCheckpoint(*layer_, joinPath(out_, name), entry.step);
    if (absl::IsResourceExhausted(whole)) // which says nothing of the checkpoint
      return whole;
    if (whole.ok())
      HEDDLE_RETURN_IF_ERROR(dropFolder(entry.name));
  }
  return layer_->syncFolder(out_);
}

Status CheckpointWriter::write(uint64_t step, const std::vector<CheckpointFile> &files) {
  std::string context = absl::StrCat("checkpoint of step ", step);
  std::string temporary = joinPath(out_, absl::StrCat(kTemporaryPrefix, checkpointName(step)));
  Status status = writeFolder(temporary, step, files);
  if (status.ok())
    status = publish(temporary, step);
  if (!status.ok()) {
    // Best effort: what stays is removed by the next open(), and the first error is the one to
    // tell.
    if (StatusOr<bool> there = layer_->exists(temporary); there.ok() && *there)
      layer_->removeAll(temporary).IgnoreError();
    return withRunContext(status, context);
  }
  good_.insert(step);
  if (Status dropped = dropOld(step); !dropped.ok())
    return withRunContext(dropped, context + " is written, but an old one cannot be dropped");
  return absl::OkStatus();
}

Status CheckpointWriter::writeBeside(const std::string &name, uint64_t step,
                                     const std::vector<CheckpointFile> &files) {
  std::string temporary = joinPath(out_, kTemporaryPrefix + name);
  HEDDLE_RETURN_IF_ERROR(withContext(writeFolder(temporary, step, files), name));
  HEDDLE_ASSIGN_OR_RETURN(bool exists, layer_->exists(joinPath(out_, name)));
  if (exists)
    HEDDLE_RETURN_IF_ERROR(dropFolder(name));
  HEDDLE_RETURN_IF_ERROR(layer_->rename(temporary, joinPath(out_, name)));
  return layer_->syncFolder(out_);
}

Status CheckpointWriter::writeFolder(const std::string &temporary, uint64_t step,
                                     const std::vector<CheckpointFile> &files) {
  // Left by an earlier failed write of this step whose own cleaning failed too.
  HEDDLE_ASSIGN_OR_RETURN(bool leftover, layer_->exists(temporary));
  if (leftover)
    HEDDLE_RETURN_IF_ERROR(layer_->removeAll(temporary));
  HEDDLE_RETURN_IF_ERROR(layer_->makeFolder(temporary));
  if (files.size() > limits::kManifestFiles)
    return invalidInput(files.size(), " files, more than the limit of ", limits::kManifestFiles);
  CheckpointManifest manifest;
  manifest.step = step;
  std::set<std::string> folders;
  for (const CheckpointFile &file : files) {
    HEDDLE_RETURN_IF_ERROR(checkCheckpointFileName(file.name));
    if (size_t slash = file.name.find('/'); slash != std::string::npos)
      if (std::string folder = joinPath(temporary, file.name.substr(0, slash));
          folders.insert(folder).second)
        HEDDLE_RETURN_IF_ERROR(layer_->makeFolder(folder));
    StatusOr<FileDigest> digest = writeOne(*layer_, joinPath(temporary, file.name), file.write);
    if (!digest.ok())
      return withContext(digest.status(), file.name);
    manifest.files.push_back({file.name, digest->size, toHex(digest->digest)});
  }
  for (const std::string &folder : folders)
    HEDDLE_RETURN_IF_ERROR(layer_->syncFolder(folder));
  std::string text = printManifest(manifest);
  if (text.size() > limits::kManifestBytes)
    return invalidInput(kManifestFile, ": ", text.size(), " bytes, more than the limit of ",
                        limits::kManifestBytes);
  StatusOr<FileDigest> digest =
      writeOne(*layer_, joinPath(temporary, kManifestFile),
               [&](ByteSink &sink) { return sink.write(text.data(), text.size()); });
  HEDDLE_RETURN_IF_ERROR(digest.status());
  return layer_->syncFolder(temporary);
}

Status CheckpointWriter::publish(const std::string &temporary, uint64_t step) {
  std::string target = joinPath(out_, checkpointName(step));
  std::string replaced = joinPath(out_, kReplacedPrefix + checkpointName(step));
  HEDDLE_ASSIGN_OR_RETURN(bool exists, layer_->exists(target));
  if (exists) {
    // A rename cannot replace a full folder. Between these two renames the old one still counts,
    // under its other name. Where that name is taken, by one that outlived a damaged successor, it
    // is the successor that goes.
    HEDDLE_ASSIGN_OR_RETURN(bool kept, layer_->exists(replaced));
    if (kept)
      HEDDLE_RETURN_IF_ERROR(dropFolder(baseName(target)));
    else
      HEDDLE_RETURN_IF_ERROR(layer_->rename(target, replaced));
    good_.erase(step);
  }
  if (Status status = layer_->rename(temporary, target); !status.ok()) {
    if (exists)
      layer_->rename(replaced, target).IgnoreError();
    return status;
  }
  HEDDLE_RETURN_IF_ERROR(layer_->syncFolder(out_));
  return exists ? dropFolder(baseName(replaced)) : absl::OkStatus();
}

Status CheckpointWriter::dropOld(uint64_t step) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<CheckpointEntry> entries, listCheckpoints(*layer_, out_));
  int kept = 0;
  for (const CheckpointEntry &entry : entries) {
    // A later step than the one just written is from a run that was resumed before it: it did not
    // verify, or will be written again. It neither counts nor goes.
    if (entry.step > step)
      continue;
    if (kept >= keep_) {
      HEDDLE_RETURN_IF_ERROR(dropFolder(entry.name));
      good_.erase(entry.step);
      continue;
    }
    // Only a checkpoint that verifies counts as kept. Each is read at most once by this writer.
    bool isGood = good_.contains(entry.step) && !entry.replaced;
    if (!isGood)
      isGood = verifyCheckpoint(*layer_, joinPath(out_, entry.name), entry.step).ok();
    if (isGood && !entry.replaced)
      good_.insert(entry.step);
    kept += isGood;
  }
  return absl::OkStatus();
}

Status CheckpointWriter::dropFolder(const std::string &name) {
  std::string temporary = joinPath(out_, absl::StrCat(kTemporaryPrefix, "drop-", name));
  // Left by an earlier drop that failed half way.
  HEDDLE_ASSIGN_OR_RETURN(bool leftover, layer_->exists(temporary));
  if (leftover)
    HEDDLE_RETURN_IF_ERROR(layer_->removeAll(temporary));
  HEDDLE_RETURN_IF_ERROR(layer_->rename(joinPath(out_, name), temporary));
  HEDDLE_RETURN_IF_ERROR(layer_->syncFolder(out_));
  return layer_->removeAll(temporary);
}

} // namespace heddle::runtime
