// SPDX-License-Identifier: Apache-2.0
// Reading checkpoints: which are there, which verifies.

#include "runtime/io/Sha256.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointManifest.h"
#include "runtime/train/CheckpointNames.h"

namespace heddle::runtime {
Status verifyCheckpoint(FileLayer &layer, const std::string &path, uint64_t step) {
  HEDDLE_ASSIGN_OR_RETURN(CheckpointManifest manifest,
                          readManifest(layer, joinPath(path, kManifestFile)));
  if (manifest.step != step)
    return invalidInput(joinPath(path, kManifestFile), ": says step ", manifest.step, ", expected ",
                        step);
  // Sizes first: they cost nothing and find most of what is cut short.
  for (const ManifestEntry &entry : manifest.files) {
    std::string file = joinPath(path, entry.name);
    HEDDLE_ASSIGN_OR_RETURN(PathInfo info, layer.info(file));
    if (info.kind != PathKind::File)
      return invalidInput(file, ": missing, expected ", entry.size, " bytes");
    if (info.size != entry.size)
      return invalidInput(file, ": ", info.size, " bytes, expected ", entry.size);
  }
  for (const ManifestEntry &entry : manifest.files) {
    std::string file = joinPath(path, entry.name);
    HEDDLE_ASSIGN_OR_RETURN(FileDigest found, digestFile(layer, file));
    if (found.size != entry.size || toHex(found.digest) != entry.sha256)
      return invalidInput(file, ": its content does not match the SHA-256 in ", kManifestFile);
  }
  return absl::OkStatus();
}

StatusOr<CheckpointSearch> findNewestCheckpoint(FileLayer &layer, const std::string &out) {
  CheckpointSearch search;
  HEDDLE_ASSIGN_OR_RETURN(bool isFolder, layer.isFolder(out));
  if (!isFolder)
    return search;
  HEDDLE_ASSIGN_OR_RETURN(std::vector<CheckpointEntry> entries, listCheckpoints(layer, out));
  for (const CheckpointEntry &entry : entries) {
    std::string path = joinPath(out, entry.name);
    Status status = verifyCheckpoint(layer, path, entry.step);
    if (status.ok()) {
      search.newest = FoundCheckpoint{path, entry.step};
      return search;
    }
    // Out of memory or descriptors: that says nothing of this checkpoint.
    if (absl::IsResourceExhausted(status))
      return status;
    search.skipped.push_back({path, std::string(status.message())});
  }
  return search;
}

StatusOr<ModelFolder> resolveModelFolder(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(bool isFolder, layer.isFolder(path));
  if (!isFolder)
    return ModelFolder{path, {}};
  // A folder with a definition of its own is that model, whatever else lies in it.
  for (const char *definition : {"config.json", "model.textproto"}) {
    HEDDLE_ASSIGN_OR_RETURN(bool there, layer.exists(joinPath(path, definition)));
    if (there)
      return ModelFolder{path, {}};
  }
  HEDDLE_ASSIGN_OR_RETURN(CheckpointSearch search, findNewestCheckpoint(layer, path));
  if (search.newest)
    return ModelFolder{search.newest->path, std::move(search.skipped)};
  if (search.skipped.empty())
    return ModelFolder{path, {}};
  return invalidInput(path, ": none of its ", search.skipped.size(),
                      " checkpoints is whole; the newest: ", search.skipped.front().reason);
}

Status checkNotInUse(FileLayer &layer, const std::string &out) {
  std::string lock = joinPath(out, kCheckpointLock);
  HEDDLE_ASSIGN_OR_RETURN(bool there, layer.exists(lock));
  return there ? layer.lock(lock).status() : absl::OkStatus();
}

Status checkNewOrEmpty(FileLayer &layer, const std::string &out) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo info, layer.info(out));
  if (info.kind == PathKind::Missing)
    return absl::OkStatus();
  if (info.kind != PathKind::Folder)
    return invalidInput("--out ", out, ": is no folder");
  HEDDLE_ASSIGN_OR_RETURN(std::vector<std::string> names, layer.list(out));
  for (const std::string &name : names)
    if (name != kCheckpointLock)
      return invalidInput("--out ", out,
                          ": is not empty; choose a new folder, or go on there with --resume");
  return absl::OkStatus();
}

} // namespace heddle::runtime
