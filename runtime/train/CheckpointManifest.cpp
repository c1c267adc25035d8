// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/CheckpointManifest.h"

#include "runtime/base/Limits.h"
#include "runtime/io/Json.h"
#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {
namespace {

constexpr int64_t kFormat = 1;

} // namespace

std::string printManifest(const CheckpointManifest &manifest) {
  JsonWriter json(2);
  json.beginObject().member("format", kFormat).member("step", manifest.step);
  json.key("files").beginArray();
  for (const ManifestEntry &entry : manifest.files) {
    json.beginObject().member("name", entry.name).member("size", entry.size);
    json.member("sha256", entry.sha256).endObject();
  }
  json.endArray().endObject();
  return json.take() + "\n";
}

StatusOr<CheckpointManifest> readManifest(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document, readJsonFile(layer, path, limits::kManifestBytes));
  JsonRef root = document.ref();
  HEDDLE_ASSIGN_OR_RETURN(int64_t format, root.getInteger("format"));
  if (format != kFormat)
    return root.error(absl::StrCat("format ", format, ", expected ", kFormat));
  CheckpointManifest manifest;
  HEDDLE_ASSIGN_OR_RETURN(JsonRef step, root.at("step"));
  HEDDLE_ASSIGN_OR_RETURN(int64_t number, step.asInteger(0, limits::kJsonInteger));
  manifest.step = static_cast<uint64_t>(number);
  HEDDLE_ASSIGN_OR_RETURN(JsonRef list, root.at("files"));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> files, list.asArray());
  if (files.size() > limits::kManifestFiles)
    return list.error(
        absl::StrCat(files.size(), " files, more than the limit of ", limits::kManifestFiles));
  for (const JsonRef &file : files) {
    ManifestEntry entry;
    HEDDLE_ASSIGN_OR_RETURN(entry.name, file.getString("name"));
    if (Status status = checkCheckpointFileName(entry.name); !status.ok())
      return file.error(std::string(status.message()));
    HEDDLE_ASSIGN_OR_RETURN(JsonRef size, file.at("size"));
    HEDDLE_ASSIGN_OR_RETURN(int64_t bytes, size.asInteger(0, limits::kJsonInteger));
    entry.size = static_cast<uint64_t>(bytes);
    HEDDLE_ASSIGN_OR_RETURN(entry.sha256, file.getString("sha256"));
    manifest.files.push_back(std::move(entry));
  }
  return manifest;
}

Status checkCheckpointFileName(const std::string &name) {
  const size_t slash = name.find('/');
  auto isPlain = [](const std::string &part) { return !part.empty() && part.front() != '.'; };
  const bool plain = slash == std::string::npos
                         ? isPlain(name)
                         : isPlain(name.substr(0, slash)) && isPlain(name.substr(slash + 1)) &&
                               name.find('/', slash + 1) == std::string::npos;
  if (!plain || name.find('\0') != std::string::npos || name == kManifestFile)
    return invalidInput("not a name for a checkpoint's file: ", jsonString(name.substr(0, 200)));
  return absl::OkStatus();
}

} // namespace heddle::runtime
