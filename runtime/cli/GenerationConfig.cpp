// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/GenerationConfig.h"

#include "runtime/io/Json.h"
#include "runtime/plan/Executable.h"

namespace heddle::runtime {
namespace {

constexpr char kGenerationFile[] = "generation_config.json";

StatusOr<std::vector<int32_t>> endIds(const JsonRef &value) {
  std::vector<JsonRef> entries = {value};
  if (value.value().elements()) {
    HEDDLE_ASSIGN_OR_RETURN(entries, value.asArray());
  }
  std::vector<int32_t> ids;
  for (const JsonRef &entry : entries) {
    HEDDLE_ASSIGN_OR_RETURN(int64_t id, entry.asInteger(INT32_MIN, INT32_MAX));
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

/// A key and the number that asks for nothing; of other values, only null does.
struct Wish {
  const char *key;
  double neutral;
};
constexpr Wish kWishes[] = {{"no_repeat_ngram_size", 0},
                            {"encoder_no_repeat_ngram_size", 0},
                            {"encoder_repetition_penalty", 1},
                            {"min_length", 0},
                            {"min_new_tokens", 0},
                            {"typical_p", 1},
                            {"epsilon_cutoff", 0},
                            {"eta_cutoff", 0},
                            {"guidance_scale", 1},
                            {"bad_words_ids", 0},
                            {"sequence_bias", 0},
                            {"suppress_tokens", 0},
                            {"begin_suppress_tokens", 0},
                            {"exponential_decay_length_penalty", 0},
                            {"forced_bos_token_id", -1},
                            {"forced_eos_token_id", -1}};

bool asksForNothing(const JsonRef &value, double neutral) {
  if (const JsonValue::Elements *elements = value.value().elements())
    return elements->empty();
  auto number = value.asNumber();
  return number.ok() && *number == neutral;
}

} // namespace

StatusOr<GenerationConfig> generationConfig(const Executable &executable) {
  GenerationConfig result;
  for (const char *name : {kGenerationFile, "config.json"}) {
    const proto::EmbeddedFile *file = executable.file(name);
    if (!file)
      continue;
    HEDDLE_ASSIGN_OR_RETURN(JsonDocument config, parseJson(file->content(), name));
    if (name == kGenerationFile)
      for (const Wish &wish : kWishes)
        if (auto value = config.ref().find(wish.key);
            value && !asksForNothing(*value, wish.neutral))
          result.notFollowed.push_back(wish.key);
    if (auto value = config.ref().find("eos_token_id"); value && result.endIds.empty()) {
      HEDDLE_ASSIGN_OR_RETURN(result.endIds, endIds(*value));
    }
  }
  return result;
}

} // namespace heddle::runtime
