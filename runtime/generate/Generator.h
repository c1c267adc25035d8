// SPDX-License-Identifier: Apache-2.0
// Text from a causal language model: one pass over the prompts, then token by token with a cache of
// keys and values. The encoder of an encoder-decoder reads the prompts, or sound.

#ifndef HEDDLE_RUNTIME_GENERATE_GENERATOR_H
#define HEDDLE_RUNTIME_GENERATE_GENERATOR_H

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/generate/BeamSearch.h"
#include "runtime/generate/Sampler.h"

namespace heddle::runtime {

class Session;
class Tokenizer;
struct Tensor;

struct GenerateOptions {
  SamplingOptions sampling;
  int64_t maxNewTokens = 100;
  std::vector<int32_t> endIds;        // a token of these ends an answer, as its last one
  std::vector<std::string> stopTexts; // text that ends an answer, and is cut off
  std::vector<int32_t> decoderStart;  // of an encoder-decoder: what comes before its first token
  /// If there are any: the likeliest of these comes behind decoderStart's first token, for each
  /// source by itself, as the language that it is in.
  std::vector<int32_t> decoderChoices;
  TokenRules rules;
  /// With more than one beam nothing is sampled. What the fields above say too is taken from there.
  BeamOptions beams;
};

struct Generation {
  std::vector<int32_t> ids; // new ones only, those of a stop text too
  std::string text; // of the new ids alone, cut before a stop text; empty without a tokenizer
  std::string continuation; // as the text follows the prompt's; without a tokenizer the ids: "5,7"
  double score = 0;         // sum of log probabilities; of beams: with the length penalty
};

/// Called with each new piece of a prompt's continuation, in order: whole characters, and nothing
/// that may yet be cut off. Beam search has no pieces.
using TextListener = std::function<void(size_t prompt, const std::string &piece)>;

/// Answers to prompts of 1 to T tokens each, as many at a time as the batch compiled has rows: one
/// a prompt, or one a beam. An answer does not depend on the other prompts, but of equal prompts
/// each draws anew. Where prompt and answer outgrow T, each further token is computed from the last
/// T tokens alone. The prompts of an encoder-decoder are sources of 1 to S tokens, and T is for
/// decoderStart, which has a token then, and the answer. `tokenizer` may be null if there are no
/// stop texts. Runs the session's entries `prefill` and `decode`.
StatusOr<std::vector<Generation>> generate(Session &session, const Tokenizer *tokenizer,
                                           const std::vector<std::vector<int32_t>> &prompts,
                                           const GenerateOptions &options,
                                           const TextListener &listener = {});

/// InvalidArgument where the shape is not [N, bins, 1 to `frames` of them].
Status checkFitsEncoder(const std::vector<int64_t> &features, int64_t bins, int64_t frames);

/// As generate() for an encoder that reads frames: `features` is f32 [N, bins, frames] for N
/// prompts, with zeros behind them where the executable is compiled for more. InvalidArgument where
/// they are of another shape or too long, or where the encoder reads tokens.
StatusOr<std::vector<Generation>> generateFromFeatures(Session &session, const Tokenizer *tokenizer,
                                                       const Tensor &features,
                                                       const GenerateOptions &options,
                                                       const TextListener &listener = {});

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_GENERATOR_H
