// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/GenerationConfig.h"

#include <limits>

#include "runtime/io/Json.h"
#include "runtime/plan/Executable.h"

namespace heddle::runtime {
namespace {

/// A number or a list of them.
StatusOr<std::vector<int32_t>> tokensOf(const JsonRef &value, int64_t least, int64_t most) {
  std::vector<JsonRef> entries = {value};
  if (value.value().elements()) {
    HEDDLE_ASSIGN_OR_RETURN(entries, value.asArray());
  }
  std::vector<int32_t> ids;
  for (const JsonRef &entry : entries) {
    HEDDLE_ASSIGN_OR_RETURN(int64_t id, entry.asInteger(least, most));
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

StatusOr<std::vector<int32_t>> tokensAt(const JsonRef &config, const char *key,
                                        int64_t vocabulary) {
  auto value = config.find(key);
  return value ? tokensOf(*value, 0, vocabulary - 1) : std::vector<int32_t>();
}

/// A number of tokens, 0 where the key is not there.
StatusOr<int64_t> countAt(const JsonRef &config, const char *key) {
  auto value = config.find(key);
  return value ? value->asInteger(0, INT32_MAX) : 0;
}

/// What may come next, but for forced tokens.
Status takeRules(const JsonRef &config, int64_t vocabulary, TokenRules &rules) {
  HEDDLE_ASSIGN_OR_RETURN(rules.minLength, countAt(config, "min_length"));
  HEDDLE_ASSIGN_OR_RETURN(rules.minNewTokens, countAt(config, "min_new_tokens"));
  HEDDLE_ASSIGN_OR_RETURN(rules.noRepeatNgram, countAt(config, "no_repeat_ngram_size"));
  HEDDLE_ASSIGN_OR_RETURN(rules.suppressed, tokensAt(config, "suppress_tokens", vocabulary));
  HEDDLE_ASSIGN_OR_RETURN(rules.suppressedFirst,
                          tokensAt(config, "begin_suppress_tokens", vocabulary));
  auto words = config.find("bad_words_ids");
  if (!words)
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> entries, words->asArray());
  for (const JsonRef &entry : entries) {
    HEDDLE_RETURN_IF_ERROR(entry.asArray().status());
    HEDDLE_ASSIGN_OR_RETURN(std::vector<int32_t> word, tokensOf(entry, 0, vocabulary - 1));
    if (word.empty())
      return entry.error("expected at least one token");
    rules.badWords.push_back(std::move(word));
  }
  return absl::OkStatus();
}

/// A key and the number that asks for nothing, if there is one; of other values, only null and
/// false do.
struct Wish {
  const char *key;
  double neutral;
};
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr Wish kWishes[] = {{"num_beams", 1},
                            {"encoder_no_repeat_ngram_size", 0},
                            {"encoder_repetition_penalty", 1},
                            {"typical_p", 1},
                            {"epsilon_cutoff", 0},
                            {"eta_cutoff", 0},
                            {"guidance_scale", 1},
                            {"sequence_bias", 0},
                            {"exponential_decay_length_penalty", 0},
                            {"return_timestamps", 0},
                            {"return_token_timestamps", 0},
                            {"no_speech_threshold", kNone},
                            {"logprob_threshold", kNone},
                            {"compression_ratio_threshold", kNone},
                            {"forced_bos_token_id", -1},
                            {"forced_eos_token_id", -1}};

/// What encoder-decoders follow.
bool isForced(std::string_view key) {
  return key == "forced_bos_token_id" || key == "forced_eos_token_id";
}

/// The token of a key where the model has such a token, unless it is known already.
Status takeToken(const JsonRef &config, const char *key, int64_t vocabulary,
                 std::optional<int32_t> &token) {
  auto value = config.find(key);
  if (!value || token)
    return absl::OkStatus();
  // A list of one is one.
  std::vector<JsonRef> entries;
  if (value->value().elements()) {
    HEDDLE_ASSIGN_OR_RETURN(entries, value->asArray());
    if (entries.size() != 1)
      return value->error(absl::StrCat("expected one token, found ", entries.size()));
  }
  HEDDLE_ASSIGN_OR_RETURN(int64_t id,
                          (entries.empty() ? *value : entries[0]).asInteger(0, vocabulary - 1));
  token = static_cast<int32_t>(id);
  return absl::OkStatus();
}

/// true, false or "never".
Status takeEarlyStopping(const JsonRef &config, EarlyStopping &stopping) {
  auto value = config.find("early_stopping");
  if (!value)
    return absl::OkStatus();
  StatusOr<bool> whenFull = value->asBool();
  StatusOr<std::string> text =
      whenFull.ok() ? StatusOr<std::string>(*whenFull ? "true" : "false") : value->asString();
  auto found = text.ok() ? earlyStoppingOf(*text) : std::nullopt;
  if (!found)
    return value->error("expected true, false or \"never\"");
  stopping = *found;
  return absl::OkStatus();
}

/// What flags say too.
Status takeOptions(const JsonRef &config, GenerationConfig &result) {
  SamplingOptions &sampling = result.sampling;
  HEDDLE_ASSIGN_OR_RETURN(result.samples, config.getBool("do_sample", false));
  HEDDLE_ASSIGN_OR_RETURN(sampling.repetitionPenalty, config.getNumber("repetition_penalty", 1));
  HEDDLE_ASSIGN_OR_RETURN(result.lengthPenalty, config.getNumber("length_penalty", 1));
  HEDDLE_RETURN_IF_ERROR(takeEarlyStopping(config, result.earlyStopping));
  if (result.samples) {
    HEDDLE_ASSIGN_OR_RETURN(sampling.temperature, config.getNumber("temperature", 1));
    HEDDLE_ASSIGN_OR_RETURN(sampling.topK, config.getInteger("top_k", 0));
    HEDDLE_ASSIGN_OR_RETURN(sampling.topP, config.getNumber("top_p", 1));
    HEDDLE_ASSIGN_OR_RETURN(sampling.minP, config.getNumber("min_p", 0));
  }
  HEDDLE_RETURN_IF_ERROR(withContext(checkSampling(sampling), config.file()));
  return withContext(checkBeams({.lengthPenalty = result.lengthPenalty}), config.file());
}

bool asksForNothing(const JsonRef &value, double neutral) {
  if (const bool *wanted = value.value().boolean())
    return !*wanted;
  if (const JsonValue::Elements *elements = value.value().elements())
    return elements->empty();
  auto number = value.asNumber();
  return number.ok() && *number == neutral;
}

} // namespace

std::optional<EarlyStopping> earlyStoppingOf(std::string_view text) {
  if (text == "false")
    return EarlyStopping::WhenUnlikely;
  if (text == "true")
    return EarlyStopping::WhenFull;
  if (text == "never")
    return EarlyStopping::Never;
  return std::nullopt;
}

StatusOr<GenerationConfig> generationConfig(const Executable &executable) {
  GenerationConfig result;
  const proto::Manifest &manifest = executable.manifest();
  const bool sources = manifest.source_seq() > 0;
  for (const char *name : {kGenerationFile, "config.json"}) {
    const proto::EmbeddedFile *file = executable.file(name);
    if (!file)
      continue;
    HEDDLE_ASSIGN_OR_RETURN(JsonDocument config, parseJson(file->content(), name));
    HEDDLE_RETURN_IF_ERROR(config.ref().asObject().status());
    const int64_t vocabulary = manifest.vocab_size();
    if (sources)
      HEDDLE_RETURN_IF_ERROR(
          takeToken(config.ref(), "decoder_start_token_id", vocabulary, result.decoderStart));
    // What config.json says of generation counts where there is no other file for it.
    if (name != kGenerationFile && executable.file(kGenerationFile))
      continue;
    HEDDLE_RETURN_IF_ERROR(takeOptions(config.ref(), result));
    HEDDLE_RETURN_IF_ERROR(takeRules(config.ref(), vocabulary, result.rules));
    result.file = name;
    for (const Wish &wish : kWishes)
      if (auto value = config.ref().find(wish.key);
          value && !asksForNothing(*value, wish.neutral) && !(sources && isForced(wish.key)))
        result.notFollowed.push_back(wish.key);
    if (auto value = config.ref().find("eos_token_id")) {
      HEDDLE_ASSIGN_OR_RETURN(result.endIds, tokensOf(*value, INT32_MIN, INT32_MAX));
    }
    if (!sources)
      continue;
    HEDDLE_RETURN_IF_ERROR(
        takeToken(config.ref(), "forced_bos_token_id", vocabulary, result.rules.forcedFirst));
    HEDDLE_RETURN_IF_ERROR(
        takeToken(config.ref(), "forced_eos_token_id", vocabulary, result.rules.forcedLast));
  }
  if (!result.decoderStart && manifest.has_decoder_start_id())
    result.decoderStart = static_cast<int32_t>(manifest.decoder_start_id());
  return result;
}

} // namespace heddle::runtime
