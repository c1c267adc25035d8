// SPDX-License-Identifier: Apache-2.0
// The names in an `--out` folder.

#ifndef HEDDLE_RUNTIME_TRAIN_CHECKPOINTNAMES_H
#define HEDDLE_RUNTIME_TRAIN_CHECKPOINTNAMES_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

inline constexpr char kCheckpointLock[] = ".heddle.lock";
/// What a process that died may leave behind: never worth keeping.
inline constexpr char kTemporaryPrefix[] = ".tmp-";
/// A whole checkpoint that is being replaced by another of the same step.
inline constexpr char kReplacedPrefix[] = ".old-";

struct CheckpointEntry {
  std::string name;
  uint64_t step = 0;
  bool replaced = false; // under kReplacedPrefix
};

/// The step in "step-00000050"; nothing for other names.
std::optional<uint64_t> parseCheckpointName(const std::string &name);

/// Newest first; of one step, the one under its own name first.
StatusOr<std::vector<CheckpointEntry>> listCheckpoints(FileLayer &layer, const std::string &out);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_CHECKPOINTNAMES_H
