// SPDX-License-Identifier: Apache-2.0
// A training log that a resumed run cuts back; each of its lines through the JSON reader.
#include "runtime/io/Json.h"
#include "runtime/io/JsonLog.h"
#include "runtime/io/JsonWriter.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/MemoryFiles.h"

namespace heddle::fuzz {
namespace {

using namespace runtime;

constexpr char kLog[] = "train.jsonl";

void print(const JsonRef &ref, JsonWriter &json) {
  const JsonValue &value = ref.value();
  if (const bool *truth = value.boolean()) {
    json.value(*truth);
  } else if (const int64_t *integer = value.integer()) {
    json.value(*integer);
  } else if (const double *real = value.real()) {
    json.value(*real);
  } else if (const std::string *text = value.string()) {
    json.value(*text);
  } else if (value.elements()) {
    std::vector<JsonRef> elements = *ref.asArray();
    json.beginArray();
    for (const JsonRef &element : elements)
      print(element, json);
    json.endArray();
  } else if (value.object()) {
    auto members = *ref.asObject();
    json.beginObject();
    for (const auto &[key, member] : members) {
      require(ref.value().find(key) == &member.value(), "a member is not found by its key");
      json.key(key);
      print(member, json);
    }
    json.endObject();
  } else {
    json.null();
  }
}

std::string printed(const JsonDocument &document) {
  JsonWriter json;
  print(document.ref(), json);
  return json.take();
}

void checkJson(std::string_view text) {
  StatusOr<JsonDocument> document = parseJson(text, kLog, limits::kLogLineBytes);
  if (!accepted(document))
    return;
  std::string once = printed(*document);
  StatusOr<JsonDocument> again = parseJson(once, "printed");
  require(again.ok() && printed(*again) == once, "printing and reading changes JSON: " + once);
  JsonRef root = document->ref();
  accepted(root.getInteger("step"));
  accepted(root.getNumber("loss", 0.0));
  accepted(root.getString("name"));
}

void checkCut(const std::string &log, uint64_t step) {
  MemoryFiles calls({{kLog, log}});
  FileLayer layer(calls);
  require(cutLogAtStep(layer, kLog, step).ok(), "a log cannot be cut");
  std::string kept = calls.files().at(kLog);
  require(log.starts_with(kept), "cutting changes what it keeps");
  require(kept.empty() || kept.back() == '\n', "a cut log ends within a line");
  require(cutLogAtStep(layer, kLog, step).ok() && calls.files().at(kLog) == kept,
          "cutting twice cuts more");
}

} // namespace

void runInput(std::string_view bytes) {
  for (size_t begin = 0; begin < bytes.size();) {
    size_t end = std::min(bytes.find('\n', begin), bytes.size());
    checkJson(bytes.substr(begin, end - begin));
    begin = end + 1;
  }
  checkJson(bytes);
  for (uint64_t step : {uint64_t{0}, uint64_t{2}, UINT64_MAX})
    checkCut(std::string(bytes), step);
}

} // namespace heddle::fuzz
