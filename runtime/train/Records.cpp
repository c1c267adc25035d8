// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/Records.h"

#include <algorithm>

#include "runtime/io/LineReader.h"

namespace heddle::runtime {

Status forEachRecord(FileLayer &layer, const std::string &path,
                     const std::function<Status(const JsonRef &record)> &take, uint64_t limit) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo info, layer.info(path));
  if (info.size > limit)
    return invalidInput(path, ": more than the limit of ", limit, " bytes of text in all");
  HEDDLE_ASSIGN_OR_RETURN(File file, layer.openForRead(path));
  LineReader lines(std::move(file), limits::kRecordBytes);
  bool any = false;
  while (true) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> line, lines.next());
    if (!line)
      break;
    if (line->find_first_not_of(" \t\r") == std::string::npos)
      continue;
    HEDDLE_ASSIGN_OR_RETURN(JsonDocument document,
                            parseJson(*line, lines.place(), limits::kRecordBytes));
    HEDDLE_RETURN_IF_ERROR(document.ref().asObject().status());
    HEDDLE_RETURN_IF_ERROR(take(document.ref()));
    any = true;
  }
  return any ? absl::OkStatus() : invalidInput(path, ": holds no records");
}

StatusOr<std::string> readRecordTexts(FileLayer &layer, const std::string &path, uint64_t limit) {
  std::string text;
  auto append = [&](const JsonRef &member) {
    if (const std::string *value = member.value().string())
      absl::StrAppend(&text, *value, "\n");
  };
  HEDDLE_RETURN_IF_ERROR(forEachRecord(
      layer, path,
      [&](const JsonRef &record) -> Status {
        for (const char *key : {"text", "text_pair", "positive", "prompt", "completion", "source",
                                "target", "question", "context"})
          if (auto member = record.find(key))
            append(*member);
        if (auto tokens = record.find("tokens"); tokens && tokens->value().elements()) {
          HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> words, tokens->asArray());
          std::for_each(words.begin(), words.end(), append);
        }
        return absl::OkStatus();
      },
      limit));
  return text;
}

} // namespace heddle::runtime
