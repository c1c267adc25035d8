// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/TokenModel.h"

#include <cstdio>

#include "runtime/io/JsonWriter.h"
#include "runtime/tokenizer/ReadHelpers.h"

namespace heddle::runtime {

std::vector<int32_t> TokenModel::byteIds() const {
  std::vector<int32_t> ids(256);
  for (unsigned byte = 0; byte < 256; ++byte) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", byte);
    ids[byte] = vocabulary_.find(name);
  }
  return ids;
}

bool TokenModel::appendBytes(std::string_view text, const std::vector<int32_t> &byteIds,
                             std::vector<int32_t> &ids) {
  size_t before = ids.size();
  for (char byte : text) {
    int32_t id = byteIds[static_cast<uint8_t>(byte)];
    if (id == Vocabulary::kNone) {
      ids.resize(before);
      return false;
    }
    ids.push_back(id);
  }
  return true;
}

Status TokenModel::noUnknown(std::string_view piece) const {
  return invalidInput("the tokenizer has no token for ",
                      jsonString(std::string(piece.substr(0, 60))),
                      ", and none that stands for what is unknown");
}

StatusOr<std::unique_ptr<TokenModel>> readTokenModel(const JsonRef &json) {
  std::string type;
  if (json.find("type")) {
    HEDDLE_ASSIGN_OR_RETURN(type, typeOf(json));
  } else if (json.find("merges")) {
    type = "BPE"; // files older than the key
  }
  if (type == "BPE")
    return readBytePairModel(json);
  if (type == "WordPiece")
    return readWordPieceModel(json);
  if (type == "WordLevel")
    return readWordLevelModel(json);
  if (type == "Unigram")
    return readUnigramModel(json);
  return unknownType(json, "model", "BPE, WordPiece, WordLevel, Unigram");
}

} // namespace heddle::runtime
