// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/Regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace heddle::runtime {
namespace {

// Of one search. Patterns of real tokenizers take some ten steps a character of a match, and none
// of them takes more than one pass over a run of letters or spaces.
constexpr uint32_t kMatchSteps = 20'000'000;
constexpr size_t kStackStart = 32 << 10, kStackLimit = 8 << 20;

std::string messageOf(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<char *>(text);
}

} // namespace

struct RegexScratch::State {
  pcre2_match_data *data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context *context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack *stack = pcre2_jit_stack_create(kStackStart, kStackLimit, nullptr);
  State() {
    pcre2_set_match_limit(context, kMatchSteps);
    pcre2_set_heap_limit(context, 64 << 10); // KiB
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~State() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
};

RegexScratch::RegexScratch() : state_(std::make_unique<State>()) {}
RegexScratch::~RegexScratch() = default;

Regex::Regex(void *code)
    : code_(code, [](void *c) { pcre2_code_free(static_cast<pcre2_code *>(c)); }) {
  auto *pattern = static_cast<pcre2_code *>(code);
  compiled_ = pcre2_jit_compile(pattern, PCRE2_JIT_COMPLETE) == 0;
}

StatusOr<Regex> Regex::compile(std::string_view pattern) {
  HEDDLE_ASSIGN_OR_RETURN(std::string translated, pcreFromOniguruma(pattern));
  return compilePcre(translated);
}

StatusOr<Regex> Regex::compilePcre(const std::string &pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  // Ruby's ^ and $ are those of lines.
  pcre2_code *code = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (!code)
    return invalidInput("not a regular expression: ", messageOf(error), " (written ", pattern,
                        ", at ", offset, ")");
  return Regex(code);
}

StatusOr<Match> Regex::find(std::string_view text, size_t from, RegexScratch &scratch) const {
  auto *code = static_cast<pcre2_code *>(code_.get());
  RegexScratch::State &state = *scratch.state_;
  auto *subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int result = compiled_
                   ? pcre2_jit_match(code, subject, text.size(), from, 0, state.data, state.context)
                   : pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, state.data,
                                 state.context);
  if (result == PCRE2_ERROR_NOMATCH)
    return Match{};
  if (result < 0)
    return invalidInput("the regular expression of the tokenizer does not come to an end on this "
                        "text: ",
                        messageOf(result));
  PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(state.data);
  return Match{true, bounds[0], std::max(bounds[0], bounds[1])};
}

} // namespace heddle::runtime
