// SPDX-License-Identifier: Apache-2.0
// manifest.json of a checkpoint: what its files are.

#ifndef HEDDLE_RUNTIME_TRAIN_CHECKPOINTMANIFEST_H
#define HEDDLE_RUNTIME_TRAIN_CHECKPOINTMANIFEST_H

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

inline constexpr char kManifestFile[] = "manifest.json";

struct ManifestEntry {
  std::string name;
  uint64_t size = 0;
  std::string sha256; // hexadecimal
};

struct CheckpointManifest {
  uint64_t step = 0;
  std::vector<ManifestEntry> files;
};

std::string printManifest(const CheckpointManifest &manifest);
StatusOr<CheckpointManifest> readManifest(FileLayer &layer, const std::string &path);

/// A file that a checkpoint may hold: a plain visible name in the folder, not the manifest's.
Status checkCheckpointFileName(const std::string &name);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_CHECKPOINTMANIFEST_H
