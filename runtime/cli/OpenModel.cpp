// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/OpenModel.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_join.h"

#include "runtime/base/CheckedMath.h"
#include "runtime/base/Limits.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Weights.h"
#include "runtime/io/WholeFile.h"
#include "runtime/plan/ByteText.h"
#include "runtime/plan/FiniteScan.h"
#include "runtime/plan/ThreadPool.h"
#include "runtime/train/Checkpoint.h"

namespace heddle::runtime {
namespace {

Status checkVocabulary(const Tokenizer &tokenizer, const Executable &executable) {
  int64_t size = executable.manifest().vocab_size();
  if (size == 0 || tokenizer.vocabSize() <= size)
    return absl::OkStatus();
  return invalidInput("the ", tokenizer.kind(), " tokenizer has ", tokenizer.vocabSize(),
                      " tokens, the model's vocabulary only ", size);
}

} // namespace

StatusOr<std::unique_ptr<Tokenizer>> embeddedTokenizer(const Executable &executable) {
  return tokenizerAmong(
      [&](const std::string &name) -> StatusOr<std::optional<std::string>> {
        const proto::EmbeddedFile *file = executable.file(name);
        return file ? std::optional<std::string>(file->content()) : std::nullopt;
      },
      absl::StrCat(executable.origin(), ": "));
}

Status checkCompiled(const Executable &executable, const ModelFlags &flags) {
  const proto::Manifest &manifest = executable.manifest();
  auto other = [&](const char *flag, auto asked, auto compiled) {
    return invalidInput(flag, " ", asked, ": ", executable.origin(), " is compiled for ", compiled,
                        "; compile the model again with ", flag, " ", asked);
  };
  if (flags.batch && *flags.batch != manifest.batch())
    return other("--batch", *flags.batch,
                 absl::StrCat("batch ", manifest.batch(), ", sequence ", manifest.seq()));
  if (flags.seq && *flags.seq != manifest.seq())
    return other("--seq", *flags.seq,
                 absl::StrCat("batch ", manifest.batch(), ", sequence ", manifest.seq()));
  if (flags.sourceSeq && *flags.sourceSeq != manifest.source_seq())
    return other("--source-seq", *flags.sourceSeq,
                 absl::StrCat("sources of ", manifest.source_seq(), " tokens"));
  if (!flags.dtype.empty() && flags.dtype != manifest.dtype())
    return other("--dtype", flags.dtype, manifest.dtype());
  // "cpu" is whatever this machine has, and the loader has checked that it has it.
  bool here = flags.target == "cpu" && manifest.target().starts_with("cpu:");
  if (!flags.target.empty() && !here && flags.target != manifest.target())
    return other("--target", flags.target, manifest.target());
  return absl::OkStatus();
}

Status checkDropout(const Executable &executable, double dropout) {
  double compiled = executable.manifest().dropout();
  if (dropout == compiled)
    return absl::OkStatus();
  return invalidInput("--dropout ", dropout, ": ", executable.origin(),
                      " is compiled with dropout ", compiled);
}

Status checkFreeze(const Executable &executable, const std::vector<std::string> &patterns) {
  const auto &compiled = executable.manifest().frozen();
  auto holds = [](const auto &list, const std::string &pattern) {
    return std::find(list.begin(), list.end(), pattern) != list.end();
  };
  // A definition may freeze more than the flag says.
  for (const std::string &pattern : patterns)
    if (!holds(compiled, pattern))
      return invalidInput("--freeze ", pattern, ": ", executable.origin(), " is compiled ",
                          compiled.empty()
                              ? "with nothing frozen"
                              : absl::StrCat("with --freeze ", absl::StrJoin(compiled, " ")));
  return absl::OkStatus();
}

Status checkLabelSmoothing(const Executable &executable, std::optional<double> smoothing) {
  double compiled = executable.manifest().label_smoothing();
  if (!smoothing || *smoothing == compiled)
    return absl::OkStatus();
  return invalidInput("--label-smoothing ", *smoothing, ": ", executable.origin(),
                      " is compiled with label smoothing ", compiled);
}

Status checkLora(const Executable &executable, const std::string &lora) {
  if (!lora.empty() && executable.manifest().lora().empty())
    return invalidInput("--lora ", lora, ": ", executable.origin(),
                        " is compiled without adapters");
  return absl::OkStatus();
}

StatusOr<uint64_t> parseBytes(const std::string &flag, const std::string &text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string unit(end, text.data() + text.size());
  std::erase(unit, ' ');
  static constexpr std::pair<const char *, double> kUnits[] = {
      {"", 1},      {"B", 1},        {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
      {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
  for (auto [name, factor] : kUnits)
    if (error == std::errc() && unit == name && value >= 0 && value * factor < 0x1p62)
      return static_cast<uint64_t>(value * factor);
  return invalidInput(flag, " ", text, ": expected a size such as 8GiB");
}

Status checkBudget(const proto::Manifest &manifest, const proto::Plan &plan, int threads,
                   const ModelFlags &flags) {
  if (flags.memoryBudget.empty())
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(uint64_t budget, parseBytes("--memory-budget", flags.memoryBudget));
  uint64_t needed = memoryAlone(manifest, plan, threads);
  if (needed > budget)
    return invalidInput("--memory-budget ", flags.memoryBudget, ": entry ", plan.entry(), " needs ",
                        byteText(needed));
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<Session>> openSession(std::shared_ptr<const Executable> executable,
                                               const ModelFlags &flags, const std::string &entry) {
  HEDDLE_RETURN_IF_ERROR(checkCompiled(*executable, flags));
  HEDDLE_ASSIGN_OR_RETURN(const Entry *asked, executable->entry(entry));
  std::unique_ptr<Device> device = makeDevice(executable->manifest(), flags.threads);
  int wanted = flags.threads > 0 ? flags.threads : ThreadPool::defaultThreads();
  if (device->threads() < wanted)
    remark(absl::StrCat("only ", device->threads(), " of ", wanted,
                        " threads: the system grants no more"));
  HEDDLE_RETURN_IF_ERROR(
      checkBudget(executable->manifest(), *asked->plan, device->threads(), flags));
  return Session::create(std::move(executable), std::move(device));
}

StatusOr<std::string> loadWeights(FileLayer &layer, Session &session, const ModelFlags &flags,
                                  uint64_t seed) {
  const proto::Manifest &manifest = session.manifest();
  if (flags.weights.empty() && manifest.weights_path().empty()) {
    remark(absl::StrCat("no weights given: random ones by seed ", seed));
    HEDDLE_RETURN_IF_ERROR(session.initializeWeights(seed));
    return std::string();
  }
  bool given = !flags.weights.empty();
  std::string path = given ? flags.weights : manifest.weights_path();
  HEDDLE_ASSIGN_OR_RETURN(ModelFolder folder, resolveModelFolder(layer, path));
  for (const SkippedCheckpoint &skipped : folder.skipped)
    remark(absl::StrCat("skipped ", skipped.path, ": ", skipped.reason));
  auto weights = Weights::open(layer, folder.path, weightFolders(manifest));
  if (!weights.ok())
    return given ? weights.status()
                 : withContext(weights.status(), "the weights recorded at compile time");
  if (!given) {
    Sha256Digest digest = weights->digest();
    if (std::string(digest.begin(), digest.end()) != manifest.weights_sha256())
      return invalidInput(path,
                          ": the weights recorded at compile time have changed; give --weights ",
                          path, " to use them as they are now");
  }
  HEDDLE_RETURN_IF_ERROR(session.initializeAdapters(seed));
  HEDDLE_RETURN_IF_ERROR(session.loadWeights(*weights));
  HEDDLE_ASSIGN_OR_RETURN(auto nonFinite, findNonFiniteStored(session));
  if (nonFinite)
    remark(absl::StrCat(folder.path, ": ", nonFinite->text));
  HEDDLE_ASSIGN_OR_RETURN(bool isFolder, layer.isFolder(folder.path));
  return isFolder ? folder.path : parentFolder(folder.path);
}

StatusOr<std::string> problemAfter(Session &session, const std::string &name) {
  HEDDLE_ASSIGN_OR_RETURN(PreparedEntry * entry, session.prepare(name));
  for (const proto::Value &result : entry->plan().results()) {
    if (result.kind() != "output")
      continue;
    HEDDLE_ASSIGN_OR_RETURN(Tensor tensor, entry->output(result.name()));
    auto found = firstNonFinite(tensor.dtype, tensor.bytes.data(), tensor.elements());
    if (!found)
      continue;
    HEDDLE_ASSIGN_OR_RETURN(NonFiniteOrigin origin, entry->findNonFinite());
    if (origin.byDesign)
      return std::string();
    return absl::StrCat("output ", result.name(), ": ",
                        describe(*found, tensor.shape, tensor.elements()), "; ", origin.text());
  }
  return std::string();
}

StatusOr<std::unique_ptr<Tokenizer>> chooseTokenizer(FileLayer &layer, const std::string &name,
                                                     const std::string &folder,
                                                     const Executable &executable) {
  std::unique_ptr<Tokenizer> tokenizer;
  if (!name.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(tokenizer, openTokenizer(layer, name));
  } else if (!folder.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(tokenizer, folderTokenizer(layer, folder));
  }
  if (!tokenizer) {
    HEDDLE_ASSIGN_OR_RETURN(tokenizer, embeddedTokenizer(executable));
  }
  if (!tokenizer) {
    remark("the model has no tokenizer: tokens are bytes");
    tokenizer = makeByteTokenizer();
  }
  HEDDLE_RETURN_IF_ERROR(checkVocabulary(*tokenizer, executable));
  return tokenizer;
}

StatusOr<std::unique_ptr<Tokenizer>> tokenizerToCompileFor(FileLayer &layer,
                                                           const std::string &name,
                                                           const FileLookup &files,
                                                           const std::string &model) {
  if (!name.empty())
    return openTokenizer(layer, name);
  HEDDLE_ASSIGN_OR_RETURN(auto tokenizer, tokenizerAmong(files, model + ": "));
  return tokenizer ? std::move(tokenizer) : makeByteTokenizer();
}

} // namespace heddle::runtime
