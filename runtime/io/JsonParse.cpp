// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/container/flat_hash_set.h"

#include "runtime/io/Json.h"
#include "runtime/io/JsonEvents.h"
#include "runtime/io/WholeFile.h"

namespace heddle::runtime {
namespace {

/// Builds the tree. Open containers stand on a stack of their own and are moved into their parent
/// when they close.
class TreeBuilder : public JsonEvents {
public:
  Status null() override { return add(JsonValue()); }
  Status boolean(bool value) override { return add(JsonValue(value)); }
  Status integer(int64_t value) override { return add(JsonValue(value)); }
  Status real(double value) override { return add(JsonValue(value)); }
  Status string(std::string &value) override { return add(JsonValue(std::move(value))); }
  Status key(std::string &key) override {
    if (!open_.back().keys.insert(key).second)
      return invalidInput("key \"", key.substr(0, 200), "\" is there twice");
    open_.back().key = std::move(key);
    return absl::OkStatus();
  }
  Status beginObject() override {
    open_.emplace_back().value.makeObject();
    return absl::OkStatus();
  }
  Status beginArray() override {
    open_.emplace_back().value.makeArray();
    return absl::OkStatus();
  }
  Status endObject() override {
    open_.back().value.object()->index();
    return end();
  }
  Status endArray() override { return end(); }

  JsonValue takeRoot() { return std::move(root_); }

private:
  struct Open {
    JsonValue value;
    std::string key; // of the member being read
    absl::flat_hash_set<std::string> keys;
  };

  Status end() {
    JsonValue value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }
  Status add(JsonValue value) {
    if (++values_ > limits::kJsonValues)
      return invalidInput("more than the limit of ", limits::kJsonValues, " values");
    if (open_.empty())
      root_ = std::move(value);
    else if (JsonValue::Elements *elements = open_.back().value.elements())
      elements->push_back(std::move(value));
    else
      open_.back().value.object()->members.emplace_back(std::move(open_.back().key),
                                                        std::move(value));
    return absl::OkStatus();
  }

  std::vector<Open> open_;
  JsonValue root_;
  uint64_t values_ = 0;
};

} // namespace

void JsonValue::Object::index() {
  byKey.resize(members.size());
  for (uint32_t i = 0; i < byKey.size(); ++i)
    byKey[i] = i;
  std::sort(byKey.begin(), byKey.end(),
            [&](uint32_t a, uint32_t b) { return members[a].first < members[b].first; });
}

StatusOr<JsonDocument> parseJson(std::string_view text, const std::string &file, uint64_t limit) {
  if (text.size() > limit)
    return invalidInput(file, ": ", text.size(), " bytes, more than the limit of ", limit);
  TreeBuilder builder;
  HEDDLE_RETURN_IF_ERROR(readJsonEvents(text, file, limits::kJsonDepth, builder));
  return JsonDocument{file, builder.takeRoot()};
}

StatusOr<JsonDocument> readJsonFile(FileLayer &layer, const std::string &path, uint64_t limit) {
  HEDDLE_ASSIGN_OR_RETURN(std::string text, readSmallFile(layer, path, limit));
  return parseJson(text, path, limit);
}

} // namespace heddle::runtime
