// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/JsonLog.h"

#include "runtime/base/Limits.h"
#include "runtime/io/Json.h"

namespace heddle::runtime {

StatusOr<JsonLog> JsonLog::append(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(File file, layer.openForAppend(path));
  HEDDLE_RETURN_IF_ERROR(withContext(layer.syncFolder(parentFolder(path)), path));
  return JsonLog(std::move(file));
}

StatusOr<JsonLog> JsonLog::start(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(File file, layer.createOrEmpty(path));
  HEDDLE_RETURN_IF_ERROR(withContext(layer.syncFolder(parentFolder(path)), path));
  return JsonLog(std::move(file));
}

Status JsonLog::write(const std::string &json) {
  if (json.size() >= limits::kLogLineBytes)
    return absl::InternalError(absl::StrCat(file_.path(), ": a log line of ", json.size(),
                                            " bytes, more than the limit of ",
                                            limits::kLogLineBytes));
  return file_.write(json + "\n");
}

Status cutLog(FileLayer &layer, const std::string &path,
              const std::function<bool(std::string_view line)> &keep) {
  HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(path));
  if (!exists)
    return absl::OkStatus();
  uint64_t kept = 0;
  uint64_t size = 0;
  {
    HEDDLE_ASSIGN_OR_RETURN(MappedFile log, layer.map(path));
    size = log.size();
    std::string_view text = log.bytes();
    while (kept < size) {
      size_t end = text.find('\n', kept);
      if (end == std::string_view::npos || !keep(text.substr(kept, end - kept)))
        break;
      kept = end + 1;
    }
  }
  if (kept == size)
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(File file, layer.openForAppend(path));
  HEDDLE_RETURN_IF_ERROR(file.truncate(kept));
  return file.sync();
}

Status cutLogAtStep(FileLayer &layer, const std::string &path, uint64_t step) {
  return cutLog(layer, path, [&](std::string_view line) {
    StatusOr<JsonDocument> entry = parseJson(line, path, limits::kLogLineBytes);
    if (!entry.ok())
      return false;
    const JsonValue *found = entry->root.find("step");
    return found && found->integer() && *found->integer() >= 0 &&
           static_cast<uint64_t>(*found->integer()) < step;
  });
}

} // namespace heddle::runtime
