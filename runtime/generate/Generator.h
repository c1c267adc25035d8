// SPDX-License-Identifier: Apache-2.0
// Text from a causal language model: one pass over the prompts, then token by token with a cache of
// keys and values.

#ifndef HEDDLE_RUNTIME_GENERATE_GENERATOR_H
#define HEDDLE_RUNTIME_GENERATE_GENERATOR_H

#include <functional>
#include <string>
#include <vector>

#include "runtime/generate/Sampler.h"

namespace heddle::runtime {

class Session;
class Tokenizer;

struct GenerateOptions {
  SamplingOptions sampling;
  int64_t maxNewTokens = 100;
  std::vector<int32_t> endIds;        // a token of these ends an answer, as its last one
  std::vector<std::string> stopTexts; // text that ends an answer, and is cut off
};

struct Generation {
  std::vector<int32_t> ids; // new ones only
  std::string text;         // of the new ids; empty without a tokenizer
  double score = 0;         // sum of log probabilities
};

/// Called with each new piece of text of a prompt, in order; the pieces make up Generation::text.
using TextListener = std::function<void(size_t prompt, const std::string &piece)>;

/// Answers to prompts of 1 to T tokens each, in groups of the batch compiled; an answer does not
/// depend on its group. Where prompt and answer outgrow T, each further token is computed from the
/// last T tokens alone. `tokenizer` may be null if there are no stop texts. Runs the session's
/// entries `prefill` and `decode`.
StatusOr<std::vector<Generation>> generate(Session &session, const Tokenizer *tokenizer,
                                           const std::vector<std::vector<int32_t>> &prompts,
                                           const GenerateOptions &options,
                                           const TextListener &listener = {});

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_GENERATOR_H
