// SPDX-License-Identifier: Apache-2.0
// Checkpoints that are whole or absent. `--out` holds one folder a step, `step-00000050`, with the
// step's files and `manifest.json` (size and SHA-256 of each). A folder is written under a name
// that begins with ".tmp-"; its files, the manifest and the folder itself are flushed; then it is
// renamed, the rename flushed, and only then may the oldest go (renamed to ".tmp-" first, so that
// no half folder ever has a step's name). Whatever fails or dies in between, the checkpoints that
// were there are there.

#ifndef HEDDLE_RUNTIME_TRAIN_CHECKPOINT_H
#define HEDDLE_RUNTIME_TRAIN_CHECKPOINT_H

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

/// A file of a checkpoint: its name (not "manifest.json", not hidden; it may lie in a folder,
/// "1_Pooling/config.json") and what writes it.
struct CheckpointFile {
  std::string name;
  std::function<Status(ByteSink &)> write;

  static CheckpointFile fromText(std::string name, std::string content);
};

struct SkippedCheckpoint {
  std::string path;
  std::string reason;
};

struct FoundCheckpoint {
  std::string path;
  uint64_t step = 0;
};

struct CheckpointSearch {
  std::optional<FoundCheckpoint> newest;
  /// Newer ones that did not verify, newest first, for the user to hear of.
  std::vector<SkippedCheckpoint> skipped;
};

/// The newest checkpoint in `out` whose files all have the sizes and hashes of its manifest. Reads
/// it through once. No folder, or none with a checkpoint, is no error: `newest` is empty. A
/// checkpoint that cannot be read is skipped too; an error is a folder that cannot be listed, or
/// running out of memory or descriptors.
StatusOr<CheckpointSearch> findNewestCheckpoint(FileLayer &layer, const std::string &out);

/// Whether all of one checkpoint is as its manifest says; the error says what is not.
Status verifyCheckpoint(FileLayer &layer, const std::string &path, uint64_t step);

/// The model folder that a path means: for an `--out` folder its newest checkpoint (with what was
/// skipped), for anything else the path itself. A folder with checkpoints none of which verifies is
/// an error.
struct ModelFolder {
  std::string path;
  std::vector<SkippedCheckpoint> skipped;
};
StatusOr<ModelFolder> resolveModelFolder(FileLayer &layer, const std::string &path);

/// That no process writes to `out` at the moment. To be asked before its checkpoints are read by
/// one that will write: the writer drops what the reader is at.
Status checkNotInUse(FileLayer &layer, const std::string &out);

/// That training may start afresh in `out`: it does not exist, or is a folder with nothing in it
/// but our lock. Otherwise bad input that says so.
Status checkNewOrEmpty(FileLayer &layer, const std::string &out);

/// The one writer of an `--out` folder. Holds its lock while it lives: a second process gets an
/// error from open(). Move only; one thread at a time.
class CheckpointWriter {
public:
  /// Makes `out` if needed, locks it, and removes or restores what a dead process left half done.
  /// `keep` checkpoints stay, at least 2.
  static StatusOr<CheckpointWriter> open(FileLayer &layer, const std::string &out, int keep = 2);

  /// Writes the files as the checkpoint of `step`, in the order given, then drops the oldest. A
  /// checkpoint of the same step is replaced. An error names step and file; then the earlier
  /// checkpoints are untouched, and this one is whole or absent.
  Status write(uint64_t step, const std::vector<CheckpointFile> &files);

  /// Writes the files as the folder `name`, whole or not at all, in place of an older one of that
  /// name. It is no checkpoint: no search finds it, and it is never dropped.
  Status writeBeside(const std::string &name, uint64_t step,
                     const std::vector<CheckpointFile> &files);

  const std::string &out() const { return out_; }

private:
  CheckpointWriter(FileLayer &layer, std::string out, File lock, int keep)
      : layer_(&layer), out_(std::move(out)), lock_(std::move(lock)), keep_(keep) {}

  Status cleanUp();
  Status writeFolder(const std::string &temporary, uint64_t step,
                     const std::vector<CheckpointFile> &files);
  Status publish(const std::string &temporary, uint64_t step);
  Status dropOld(uint64_t step);
  Status dropFolder(const std::string &name);

  FileLayer *layer_;
  std::string out_;
  File lock_;
  int keep_;
  std::set<uint64_t> good_; // steps written or verified by this writer
};

/// "step-00000050"
std::string checkpointName(uint64_t step);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_CHECKPOINT_H
