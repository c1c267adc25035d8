// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/Generator.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "runtime/generate/EntryRunner.h"
#include "runtime/generate/Search.h"
#include "runtime/io/Sha256.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/Session.h"

namespace heddle::runtime {
namespace {

/// A prompt's search, and the number of the prompt.
struct Task {
  std::unique_ptr<Search> search;
  size_t prompt = 0;
  Source source;
};

/// As many searches at a time as the batch has rows for.
class GroupRunner {
public:
  GroupRunner(Session &session, int64_t rowsEach)
      : session_(session), runner_(session), rowsEach_(rowsEach) {}

  Status run(const std::vector<Task> &tasks) {
    HEDDLE_RETURN_IF_ERROR(runner_.prepare());
    std::vector<const Task *> all;
    for (const Task &task : tasks)
      if (!task.search->done())
        all.push_back(&task);
    HEDDLE_RETURN_IF_ERROR(inGroups(all));
    // Those that outgrew the cache go on by themselves: a prompt's numbers must not depend on
    // whether it shares the batch with one that did.
    return inGroups(std::exchange(outgrown_, {}));
  }

private:
  Status inGroups(const std::vector<const Task *> &tasks) {
    size_t size = runner_.batch() / rowsEach_;
    for (size_t first = 0; first < tasks.size(); first += size) {
      size_t end = std::min(tasks.size(), first + size);
      HEDDLE_RETURN_IF_ERROR(runGroup({tasks.begin() + static_cast<ptrdiff_t>(first),
                                       tasks.begin() + static_cast<ptrdiff_t>(end)}));
    }
    return absl::OkStatus();
  }

  Status runGroup(const std::vector<const Task *> &group) {
    std::vector<bool> active(group.size(), true);
    bool beyond = !fits(*group[0]);
    HEDDLE_ASSIGN_OR_RETURN(Tensor logits, runner_.prefill(rowsOf(group)));
    while (true) {
      for (size_t i = 0; i < group.size(); ++i) {
        if (!active[i])
          continue;
        HEDDLE_RETURN_IF_ERROR(advance(*group[i], i * rowsEach_, logits));
        active[i] = !group[i]->search->done();
        if (active[i] && !beyond && !fits(*group[i])) {
          outgrown_.push_back(group[i]);
          active[i] = false;
        }
      }
      if (std::none_of(active.begin(), active.end(), [](bool a) { return a; }))
        return absl::OkStatus();
      if (beyond) {
        HEDDLE_ASSIGN_OR_RETURN(logits, runner_.prefill(rowsOf(group)));
      } else {
        HEDDLE_RETURN_IF_ERROR(copyRows(group, active));
        HEDDLE_ASSIGN_OR_RETURN(logits, runner_.decode(rowsOf(group)));
      }
    }
  }

  /// Whether the newest token's position lies within the cache. A search's rows may differ in
  /// length where one has no beam.
  bool fits(const Task &task) const {
    size_t longest = 0;
    for (const std::vector<int32_t> &row : task.search->rows())
      longest = std::max(longest, row.size());
    return static_cast<int64_t>(longest) <= runner_.window();
  }

  RowTokens rowsOf(const std::vector<const Task *> &group) const {
    RowTokens tokens;
    for (const Task *task : group)
      for (const std::vector<int32_t> &row : task->search->rows()) {
        tokens.rows.push_back(&row);
        tokens.sources.push_back(task->source);
      }
    return tokens;
  }

  Status advance(const Task &task, int64_t firstRow, const Tensor &logits) {
    int64_t V = logits.shape.back();
    std::vector<const float *> rows;
    for (int64_t row = 0; row < rowsEach_; ++row)
      rows.push_back(logits.as<float>() + (firstRow + row) * V);
    Status status = task.search->advance(rows, V);
    return status.ok() ? status : runner_.explain(status, task.prompt);
  }

  Status copyRows(const std::vector<const Task *> &group, const std::vector<bool> &active) {
    std::vector<RowCopy> copies;
    for (size_t i = 0; i < group.size(); ++i) {
      if (!active[i])
        continue;
      auto first = static_cast<int64_t>(i) * rowsEach_;
      for (const RowCopy &copy : group[i]->search->copies())
        copies.push_back({first + copy.from, first + copy.to, copy.begin, copy.end});
    }
    return copyCacheRows(session_, copies);
  }

  Session &session_;
  EntryRunner runner_;
  int64_t rowsEach_;
  std::vector<const Task *> outgrown_;
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

Status checkOptions(const GenerateOptions &options, bool hasTokenizer, int64_t batch) {
  HEDDLE_RETURN_IF_ERROR(checkSampling(options.sampling));
  HEDDLE_RETURN_IF_ERROR(checkBeams(options.beams));
  if (options.maxNewTokens < 0)
    return invalidInput("--max-new-tokens ", options.maxNewTokens, ": expected a number >= 0");
  if (!options.stopTexts.empty() && !hasTokenizer)
    return invalidInput("--stop: needs a tokenizer");
  for (const std::string &stop : options.stopTexts)
    if (stop.empty())
      return invalidInput("--stop: the text is empty");
  int64_t beams = options.beams.beams;
  if (beams > batch)
    return invalidInput("--beams ", beams, ": each beam is a sequence of the batch, and the ",
                        "executable is compiled for batch ", batch, "; compile it with --batch ",
                        beams, ", or N times that for N prompts at a time");
  return absl::OkStatus();
}

/// A prompt: what its answer goes on from, and what the encoder reads.
struct Question {
  std::vector<int32_t> before;
  Source source;
  std::vector<int32_t> key; // tells it from other prompts
};

StatusOr<std::vector<Generation>> answer(Session &session, const Tokenizer *tokenizer,
                                         const std::vector<Question> &questions,
                                         const GenerateOptions &options,
                                         const TextListener &listener) {
  std::vector<Task> tasks;
  std::map<std::vector<int32_t>, uint64_t> copies;
  for (size_t i = 0; i < questions.size(); ++i) {
    const auto &[before, source, key] = questions[i];
    AnswerText text(tokenizer, before, options.stopTexts);
    if (options.beams.beams > 1) {
      tasks.push_back({makeBeamSearch(options, std::move(text), before), i, source});
      continue;
    }
    std::function<void(const std::string &)> own;
    if (listener)
      own = [&listener, i](const std::string &piece) { listener(i, piece); };
    tasks.push_back(
        {makeSampling(options, std::move(text), before,
                      promptStream(options.sampling.seed, key, copies[key]++), std::move(own)),
         i, source});
  }
  HEDDLE_RETURN_IF_ERROR(GroupRunner(session, options.beams.beams).run(tasks));
  std::vector<Generation> answers;
  for (const Task &task : tasks)
    answers.push_back(task.search->answer());
  return answers;
}

/// Puts the likeliest of the choices behind the first token of each question, which has read
/// nothing else then.
Status choose(Session &session, const GenerateOptions &options, std::vector<Question> &questions) {
  const std::vector<int32_t> &choices = options.decoderChoices;
  if (choices.empty())
    return absl::OkStatus();
  GenerateOptions first;
  first.sampling.temperature = 0;
  first.maxNewTokens = 1;
  for (int32_t id = 0; id < session.manifest().vocab_size(); ++id)
    if (std::find(choices.begin(), choices.end(), id) == choices.end())
      first.rules.suppressed.push_back(id);
  std::vector<Question> alone = questions;
  for (Question &question : alone)
    question.before.resize(1);
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Generation> chosen,
                          answer(session, nullptr, alone, first, {}));
  for (size_t i = 0; i < questions.size(); ++i)
    questions[i].before.insert(questions[i].before.begin() + 1, chosen[i].ids[0]);
  return absl::OkStatus();
}

/// Of an encoder-decoder.
Status checkDecoderStart(const GenerateOptions &options, int64_t T) {
  if (options.decoderStart.empty())
    return invalidInput("the model does not say with which token its decoder starts "
                        "(decoder_start_token_id)");
  const size_t length = options.decoderStart.size() + (options.decoderChoices.empty() ? 0 : 1);
  if (static_cast<int64_t>(length) > T)
    return invalidInput("an answer begins behind ", length,
                        " tokens of the decoder, the executable is compiled for sequences of ", T);
  return absl::OkStatus();
}

/// What tells frames from others.
std::vector<int32_t> keyOf(const float *frames, int64_t count) {
  const Sha256Digest digest =
      Sha256::of(std::string_view(reinterpret_cast<const char *>(frames), count * sizeof(float)));
  std::vector<int32_t> key(digest.size() / sizeof(int32_t));
  memcpy(key.data(), digest.data(), digest.size());
  return key;
}

} // namespace

StatusOr<std::vector<Generation>> generate(Session &session, const Tokenizer *tokenizer,
                                           const std::vector<std::vector<int32_t>> &prompts,
                                           const GenerateOptions &options,
                                           const TextListener &listener) {
  const proto::Manifest &manifest = session.manifest();
  HEDDLE_RETURN_IF_ERROR(checkOptions(options, tokenizer != nullptr, manifest.batch()));
  if (!framesShape(session.executable()).empty())
    return invalidInput("the model's encoder reads ", kFeaturesInput, ", not tokens");
  const bool sources = manifest.source_seq() > 0;
  HEDDLE_RETURN_IF_ERROR(checkPrompts(prompts, sources ? manifest.source_seq() : manifest.seq()));
  if (sources)
    HEDDLE_RETURN_IF_ERROR(checkDecoderStart(options, manifest.seq()));
  std::vector<Question> questions;
  for (const std::vector<int32_t> &prompt : prompts)
    questions.push_back({sources ? options.decoderStart : prompt, {.tokens = &prompt}, prompt});
  if (sources)
    HEDDLE_RETURN_IF_ERROR(choose(session, options, questions));
  return answer(session, tokenizer, questions, options, listener);
}

Status checkFitsEncoder(const std::vector<int64_t> &shape, int64_t bins, int64_t frames) {
  const std::string has = absl::StrCat(kFeaturesInput, ": has shape ", shapeText(shape));
  if (shape.size() != 3 || shape[0] == 0 || shape[2] == 0)
    return invalidInput(has, ", expected [N, bins, frames]");
  if (shape[1] != bins)
    return invalidInput(has, ", ", shape[1], " bins; the model's encoder reads ", bins);
  if (shape[2] > frames)
    return invalidInput(has, ", ", shape[2], " frames; the encoder reads at most ", frames,
                        ", and longer sound is not cut into pieces");
  return absl::OkStatus();
}

StatusOr<std::vector<Generation>> generateFromFeatures(Session &session, const Tokenizer *tokenizer,
                                                       const Tensor &features,
                                                       const GenerateOptions &options,
                                                       const TextListener &listener) {
  const proto::Manifest &manifest = session.manifest();
  HEDDLE_RETURN_IF_ERROR(checkOptions(options, tokenizer != nullptr, manifest.batch()));
  const std::vector<int64_t> compiled = framesShape(session.executable());
  if (compiled.empty())
    return invalidInput("the model reads tokens, not ", kFeaturesInput);
  HEDDLE_RETURN_IF_ERROR(checkDecoderStart(options, manifest.seq()));
  HEDDLE_RETURN_IF_ERROR(checkFitsEncoder(features.shape, compiled[1], compiled[2]));
  const int64_t count = features.shape[2], size = features.shape[1] * count;
  std::vector<Question> questions;
  for (int64_t i = 0; i < features.shape[0]; ++i) {
    const float *frames = features.as<float>() + i * size;
    questions.push_back(
        {options.decoderStart, {.frames = frames, .count = count}, keyOf(frames, size)});
  }
  HEDDLE_RETURN_IF_ERROR(choose(session, options, questions));
  return answer(session, tokenizer, questions, options, listener);
}

} // namespace heddle::runtime
