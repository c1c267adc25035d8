// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/Weights.h"

#include <algorithm>

#include "runtime/base/Limits.h"
#include "runtime/io/Json.h"
#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {
namespace {

constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";

bool isPickle(const std::string &name) {
  for (const char *ending : {".bin", ".pt", ".pth", ".ckpt", ".pkl"})
    if (name.ends_with(ending))
      return true;
  return false;
}

std::string shellQuoted(const std::string &text) {
  std::string quoted = "'";
  for (char c : text)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

Status pickleError(const std::string &folder) {
  return invalidInput(
      folder,
      ": has only PyTorch pickles and no *.safetensors; pickles are never read, convert them once "
      "with: python3 -c 'import sys,glob,torch; from safetensors.torch import save_file; d={}; "
      "[d.update(torch.load(p,map_location=\"cpu\",weights_only=True)) for p in "
      "sorted(glob.glob(sys.argv[1]+\"/pytorch_model*.bin\"))]; save_file({k:v.clone()."
      "contiguous() for k,v in d.items()},sys.argv[1]+\"/model.safetensors\","
      "metadata={\"format\":\"pt\"})' ",
      shellQuoted(folder));
}

/// The name in a folder of the file to begin with: the index, the single file, or nothing.
StatusOr<std::optional<std::string>> chooseFile(FileLayer &layer, const std::string &folder) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<std::string> names, layer.list(folder));
  std::vector<std::string> found;
  bool pickles = false;
  for (const std::string &name : names) {
    if (name == kSingleFile)
      return std::optional(name);
    if (name.ends_with(".safetensors"))
      found.push_back(name);
    pickles |= name.starts_with("pytorch_model") && name.ends_with(".bin");
  }
  if (std::binary_search(names.begin(), names.end(), kIndexFile))
    return std::optional<std::string>(kIndexFile);
  if (found.size() == 1)
    return std::optional(found.front());
  if (found.size() > 1)
    return invalidInput(folder, ": ", found.size(), " safetensors files (", found[0], ", ",
                        found[1], found.size() > 2 ? ", ..." : "", ") and no ", kIndexFile,
                        " that says which tensor is in which");
  if (pickles)
    return pickleError(folder);
  return std::optional<std::string>();
}

Status checkShardName(const JsonRef &entry, const std::string &shard) {
  if (shard.empty() || shard == "." || shard.find('/') != std::string::npos ||
      shard.find("..") != std::string::npos || shard.find('\0') != std::string::npos)
    return entry.error(absl::StrCat("expected the name of a file in the same folder, found ",
                                    jsonString(shard.substr(0, 200))));
  return absl::OkStatus();
}

} // namespace

StatusOr<bool> folderHasWeights(FileLayer &layer, const std::string &folder) {
  HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> name, chooseFile(layer, folder));
  return name.has_value();
}

StatusOr<Weights> Weights::open(FileLayer &layer, const std::string &path,
                                const std::vector<std::string> &folders) {
  HEDDLE_ASSIGN_OR_RETURN(Weights weights, openAlone(layer, path));
  if (folders.empty())
    return weights;
  HEDDLE_ASSIGN_OR_RETURN(bool isFolder, layer.isFolder(path));
  for (const std::string &folder : folders) {
    const std::string beside = joinPath(isFolder ? path : parentFolder(path), folder);
    HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(beside));
    if (!exists)
      return invalidInput(beside, ": no such folder, and the model has weights there");
    HEDDLE_ASSIGN_OR_RETURN(Weights more, openAlone(layer, beside));
    HEDDLE_RETURN_IF_ERROR(weights.add(std::move(more), folder));
  }
  std::sort(weights.names_.begin(), weights.names_.end());
  return weights;
}

Status Weights::add(Weights weights, const std::string &folder) {
  for (const std::string &name : weights.names_) {
    const std::string full = folder + "/" + name;
    if (!byName_.emplace(full, *weights.find(name)).second)
      return invalidInput(path_, ": tensor \"", full, "\" is in the folder ", folder, " too");
    names_.push_back(full);
  }
  for (SafetensorsFile &file : weights.files_)
    files_.push_back(std::move(file));
  return absl::OkStatus();
}

StatusOr<Weights> Weights::openAlone(FileLayer &layer, const std::string &path) {
  Weights weights;
  weights.path_ = path;
  HEDDLE_ASSIGN_OR_RETURN(bool isFolder, layer.isFolder(path));
  if (!isFolder) {
    if (isPickle(path))
      return invalidInput(path, ": looks like a PyTorch pickle, which is never read; expected a "
                                "*.safetensors file or a folder with one");
    HEDDLE_RETURN_IF_ERROR(weights.openFile(layer, path));
    weights.indexAll();
    return weights;
  }
  HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> name, chooseFile(layer, path));
  if (!name)
    return invalidInput(path, ": no weights: expected ", kSingleFile, ", ", kIndexFile,
                        " with its shards, or one *.safetensors");
  if (*name == kIndexFile) {
    HEDDLE_RETURN_IF_ERROR(weights.openIndex(layer, path, joinPath(path, *name)));
    return weights;
  }
  HEDDLE_RETURN_IF_ERROR(weights.openFile(layer, joinPath(path, *name)));
  weights.indexAll();
  return weights;
}

Status Weights::openFile(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, path));
  files_.push_back(std::move(file));
  return absl::OkStatus();
}

void Weights::indexAll() {
  const SafetensorsFile &file = files_.front();
  for (size_t i = 0; i < file.size(); ++i) {
    TensorView view = file.at(i);
    names_.push_back(view.name());
    byName_.emplace(view.name(), view);
  }
  std::sort(names_.begin(), names_.end());
}

Status Weights::openIndex(FileLayer &layer, const std::string &folder,
                          const std::string &indexPath) {
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument index,
                          readJsonFile(layer, indexPath, limits::kIndexJsonBytes));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef map, index.ref().at("weight_map"));
  HEDDLE_ASSIGN_OR_RETURN(auto entries, map.asObject());
  if (entries.size() > limits::kTensors)
    return map.error(
        absl::StrCat(entries.size(), " tensors, more than the limit of ", limits::kTensors));
  absl::flat_hash_map<std::string, uint32_t> shards;
  for (const auto &[name, entry] : entries) {
    HEDDLE_ASSIGN_OR_RETURN(std::string shard, entry.asString());
    auto [known, isNew] = shards.emplace(shard, static_cast<uint32_t>(files_.size()));
    if (isNew) {
      HEDDLE_RETURN_IF_ERROR(checkShardName(entry, shard));
      if (files_.size() == limits::kShards)
        return map.error(absl::StrCat("more than the limit of ", limits::kShards, " shards"));
      HEDDLE_RETURN_IF_ERROR(openFile(layer, joinPath(folder, shard)));
    }
    std::optional<TensorView> view = files_[known->second].find(name);
    if (!view)
      return entry.error(absl::StrCat("the tensor is not in ", shard));
    names_.push_back(name);
    byName_.emplace(name, *view);
  }
  std::sort(names_.begin(), names_.end());
  return absl::OkStatus();
}

std::optional<TensorView> Weights::find(std::string_view name) const {
  auto found = byName_.find(std::string(name));
  if (found == byName_.end())
    return std::nullopt;
  return found->second;
}

Sha256Digest Weights::digest() const {
  Sha256 hash;
  for (const std::string &name : names_) {
    TensorView view = *find(name);
    // The header's own text separates the fields: names hold no NUL, and the shape gives the
    // length.
    hash.update(name);
    hash.update(std::string_view("\0", 1));
    hash.update(describeTensor(view.dtype(), view.shape()));
    hash.update(view.content());
  }
  return hash.finish();
}

} // namespace heddle::runtime
