// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/Vocabulary.h"

#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {

StatusOr<Vocabulary> Vocabulary::read(const JsonRef &json) {
  const JsonValue::Object *object = json.value().object();
  if (!object)
    return json.asObject().status();
  Vocabulary vocabulary;
  for (const auto &[token, value] : object->members) {
    auto wrong = [&](const std::string &problem) {
      return json.error(absl::StrCat("token ", jsonString(token.substr(0, 60)), ": ", problem));
    };
    const int64_t *id = value.integer();
    auto end = static_cast<int64_t>(object->members.size() + limits::kVocabularyHoles);
    if (!id || *id < 0 || *id >= end)
      return wrong(
          absl::StrCat("expected an id from 0 to ", end - 1, ", found ", value.describe()));
    if (token.size() > limits::kTokenBytes)
      return wrong(
          absl::StrCat(token.size(), " bytes, more than the limit of ", limits::kTokenBytes));
    if (const std::string *other = vocabulary.token(static_cast<int32_t>(*id)))
      return wrong(absl::StrCat("has the id ", *id, " of ", jsonString(other->substr(0, 60))));
    vocabulary.add(token, static_cast<int32_t>(*id));
  }
  return vocabulary;
}

void Vocabulary::add(std::string_view token, int32_t id) {
  auto index = static_cast<size_t>(id);
  if (index >= tokens_.size()) {
    tokens_.resize(index + 1);
    present_.resize(index + 1);
  }
  tokens_[index] = token;
  present_[index] = true;
  ++count_;
  if (count_ * 2 > slots_.size())
    return grow();
  size_t slot = slotOf(token);
  while (slots_[slot] != kNone && tokens_[static_cast<size_t>(slots_[slot])] != token)
    slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = id;
}

void Vocabulary::grow() {
  std::vector<int32_t> former(slots_.size() * 4, kNone);
  slots_.swap(former);
  for (size_t id = 0; id < tokens_.size(); ++id) {
    if (!present_[id])
      continue;
    size_t slot = slotOf(tokens_[id]);
    while (slots_[slot] != kNone && tokens_[static_cast<size_t>(slots_[slot])] != tokens_[id])
      slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = static_cast<int32_t>(id);
  }
}

} // namespace heddle::runtime
