// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/Generator.h"

#include <algorithm>

#include "runtime/plan/Session.h"
#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {
namespace {

/// One prompt and its answer so far.
struct Sequence {
  std::vector<int32_t> tokens; // prompt and answer
  size_t promptLength = 0;
  size_t shown = 0; // bytes of the text given to the listener
  bool done = false;
  Generation answer;
};

/// As many prompts at a time as the executable was compiled for.
class GroupGenerator {
public:
  GroupGenerator(Session &session, const Tokenizer *tokenizer, const GenerateOptions &options,
                 const TextListener &listener)
      : session_(session), tokenizer_(tokenizer), options_(options), listener_(listener),
        batch_(session.manifest().batch()), window_(session.manifest().seq()) {}

  Status prepare() {
    HEDDLE_ASSIGN_OR_RETURN(prefill_, session_.prepare("prefill"));
    HEDDLE_ASSIGN_OR_RETURN(decode_, session_.prepare("decode"));
    return absl::OkStatus();
  }

  /// `first` is the number of the group's first prompt.
  Status run(std::vector<Sequence> &group, size_t first) {
    Tensor logits;
    HEDDLE_ASSIGN_OR_RETURN(logits, runPrefill(group));
    for (int64_t i = 0; i < options_.maxNewTokens; ++i) {
      HEDDLE_RETURN_IF_ERROR(pickTokens(group, first, logits));
      bool last = i + 1 == options_.maxNewTokens;
      for (size_t b = 0; b < group.size(); ++b)
        if (!group[b].done || last)
          show(group[b], first + b, last);
      if (last || std::all_of(group.begin(), group.end(), [](auto &s) { return s.done; }))
        break;
      // The new token's position must lie within the cache.
      bool fits = std::all_of(group.begin(), group.end(), [&](const Sequence &s) {
        return s.done || static_cast<int64_t>(s.tokens.size()) <= window_;
      });
      HEDDLE_ASSIGN_OR_RETURN(logits, fits ? runDecode(group) : runPrefill(group));
    }
    return absl::OkStatus();
  }

private:
  /// The last T tokens of each sequence, from the left of the window.
  StatusOr<Tensor> runPrefill(const std::vector<Sequence> &group) {
    std::vector<int32_t> ids(batch_ * window_), last(batch_);
    for (size_t b = 0; b < group.size(); ++b) {
      const std::vector<int32_t> &tokens = group[b].tokens;
      size_t length = std::min<size_t>(tokens.size(), window_);
      std::copy(tokens.end() - static_cast<ptrdiff_t>(length), tokens.end(),
                ids.begin() + static_cast<ptrdiff_t>(b * window_));
      last[b] = static_cast<int32_t>(length - 1);
    }
    HEDDLE_RETURN_IF_ERROR(
        prefill_->setInput("input_ids", Tensor::of(DType::I32, {batch_, window_}, ids)));
    HEDDLE_RETURN_IF_ERROR(
        prefill_->setInput("last_index", Tensor::of(DType::I32, {batch_}, last)));
    return logitsOf(*prefill_);
  }

  StatusOr<Tensor> runDecode(const std::vector<Sequence> &group) {
    std::vector<int32_t> ids(batch_), positions(batch_);
    for (size_t b = 0; b < group.size(); ++b) {
      ids[b] = group[b].tokens.back();
      // A finished sequence may be longer than the cache: what it computes is not looked at.
      positions[b] = static_cast<int32_t>(
          std::min<int64_t>(static_cast<int64_t>(group[b].tokens.size()), window_) - 1);
    }
    HEDDLE_RETURN_IF_ERROR(
        decode_->setInput("input_ids", Tensor::of(DType::I32, {batch_, 1}, ids)));
    HEDDLE_RETURN_IF_ERROR(
        decode_->setInput("positions", Tensor::of(DType::I32, {batch_}, positions)));
    return logitsOf(*decode_);
  }

  StatusOr<Tensor> logitsOf(PreparedEntry &entry) {
    ran_ = &entry;
    HEDDLE_RETURN_IF_ERROR(entry.run());
    return entry.output("logits");
  }

  /// Why there is no next token: logits that are not finite come from somewhere.
  Status explain(const Status &status, size_t prompt) {
    HEDDLE_ASSIGN_OR_RETURN(NonFiniteOrigin origin, ran_->findNonFinite());
    return Status(status.code(), absl::StrCat("prompt ", prompt + 1, ": ",
                                              std::string(status.message()), "; ", origin.text()));
  }

  Status pickTokens(std::vector<Sequence> &group, size_t first, const Tensor &logits) {
    int64_t V = logits.shape.back();
    for (size_t b = 0; b < group.size(); ++b) {
      Sequence &sequence = group[b];
      if (sequence.done)
        continue;
      auto picked =
          sample(options_.sampling, logits.as<float>() + static_cast<int64_t>(b) * V, V,
                 sequence.tokens, first + b, sequence.tokens.size() - sequence.promptLength);
      if (!picked.ok())
        return explain(picked.status(), first + b);
      sequence.tokens.push_back(picked->id);
      sequence.answer.ids.push_back(picked->id);
      sequence.answer.score += picked->logProbability;
      const auto &ends = options_.endIds;
      if (std::find(ends.begin(), ends.end(), picked->id) != ends.end()) {
        sequence.done = true;
        show(sequence, first + b, true);
      }
    }
    return absl::OkStatus();
  }

  /// Updates the text and gives the listener what is certain to stay of it.
  void show(Sequence &sequence, size_t prompt, bool last) {
    if (!tokenizer_)
      return;
    std::string text = tokenizer_->decode(sequence.answer.ids);
    size_t cut = std::string::npos, longest = 0;
    for (const std::string &stop : options_.stopTexts) {
      cut = std::min(cut, text.find(stop));
      longest = std::max(longest, stop.size());
    }
    if (cut != std::string::npos) {
      text.resize(cut);
      sequence.done = last = true;
    }
    // The end may yet turn out to be the beginning of a stop text, or part of a character.
    size_t held = last || longest == 0 ? 0 : longest - 1;
    size_t certain = text.size() > held ? text.size() - held : 0;
    if (!last && listener_)
      certain = std::min(certain, settledBytes(sequence.answer.ids, text));
    if (certain > sequence.shown && listener_) {
      listener_(prompt, text.substr(sequence.shown, certain - sequence.shown));
      sequence.shown = certain;
    }
    sequence.answer.text = std::move(text);
  }

  /// How much of the ids' `text` stays as it is whatever ids follow.
  size_t settledBytes(const std::vector<int32_t> &ids, const std::string &text) const {
    size_t count = tokenizer_->settled(ids);
    if (count == ids.size())
      return text.size();
    std::string settled =
        tokenizer_->decode({ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count)});
    size_t length = std::min(settled.size(), text.size());
    return static_cast<size_t>(
        std::mismatch(text.begin(), text.begin() + static_cast<ptrdiff_t>(length), settled.begin())
            .first -
        text.begin());
  }

  Session &session_;
  const Tokenizer *tokenizer_;
  const GenerateOptions &options_;
  const TextListener &listener_;
  int64_t batch_, window_;
  PreparedEntry *prefill_ = nullptr;
  PreparedEntry *decode_ = nullptr;
  PreparedEntry *ran_ = nullptr; // the one of the two that ran last
};

Status checkPrompts(const std::vector<std::vector<int32_t>> &prompts, int64_t T) {
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].empty())
      return invalidInput("prompt ", i + 1, " is empty: at least one token is needed");
    if (static_cast<int64_t>(prompts[i].size()) > T)
      return invalidInput("prompt ", i + 1, " has ", prompts[i].size(),
                          " tokens, the executable is compiled for sequences of ", T);
  }
  return absl::OkStatus();
}

} // namespace

StatusOr<std::vector<Generation>> generate(Session &session, const Tokenizer *tokenizer,
                                           const std::vector<std::vector<int32_t>> &prompts,
                                           const GenerateOptions &options,
                                           const TextListener &listener) {
  HEDDLE_RETURN_IF_ERROR(checkSampling(options.sampling));
  HEDDLE_RETURN_IF_ERROR(checkPrompts(prompts, session.manifest().seq()));
  if (options.maxNewTokens < 0)
    return invalidInput("--max-new-tokens ", options.maxNewTokens, ": expected a number >= 0");
  if (!options.stopTexts.empty() && !tokenizer)
    return invalidInput("--stop: needs a tokenizer");
  for (const std::string &stop : options.stopTexts)
    if (stop.empty())
      return invalidInput("--stop: the text is empty");
  GroupGenerator generator(session, tokenizer, options, listener);
  HEDDLE_RETURN_IF_ERROR(generator.prepare());
  std::vector<Generation> answers;
  auto B = static_cast<size_t>(session.manifest().batch());
  for (size_t first = 0; first < prompts.size(); first += B) {
    std::vector<Sequence> group;
    for (size_t i = first; i < std::min(prompts.size(), first + B); ++i)
      group.push_back({prompts[i], prompts[i].size(), 0, options.maxNewTokens == 0, {}});
    HEDDLE_RETURN_IF_ERROR(generator.run(group, first));
    for (Sequence &sequence : group)
      answers.push_back(std::move(sequence.answer));
  }
  return answers;
}

} // namespace heddle::runtime
