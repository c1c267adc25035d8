// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/OpenSource.h"

#include "frontend/Dimensions.h"
#include "frontend/PatchGrid.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/Limits.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/WholeFile.h"
#include "runtime/train/Checkpoint.h"

namespace heddle::tools {
namespace {

runtime::FileLayer &files() { return runtime::FileLayer::system(); }

bool endsWith(const std::string &text, const std::string &ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

/// Does --tokenizer name one that is there already, rather than one to be made from text?
bool isExplicit(const SourceOptions &options) {
  return !options.tokenizer.empty() && !runtime::isMadeFromText(options.tokenizer);
}

/// The tokenizer that settles a vocabulary left open: the one given, else the model's own. Null
/// where there is none.
StatusOr<std::unique_ptr<runtime::Tokenizer>> tokenizerOf(const SourceOptions &options,
                                                          const frontend::Model &model) {
  if (isExplicit(options))
    return runtime::openTokenizer(files(), options.tokenizer);
  // Only an open vocabulary needs the tokenizer of a model.
  if (!model.file(runtime::kTokenizerFile) && model.definition.has_vocab_size())
    return std::unique_ptr<runtime::Tokenizer>();
  return runtime::tokenizerAmong(
      [&](const std::string &name) -> StatusOr<std::optional<std::string>> {
        const frontend::ModelFile *file = model.file(name);
        return file ? std::optional<std::string>(file->content) : std::nullopt;
      },
      model.path + ": ");
}

/// Takes the tokenizer in among the model's files, for executables and checkpoints. One that is not
/// the model's own replaces it.
void keepTokenizer(const runtime::Tokenizer &tokenizer, bool isOther, frontend::Model &model) {
  std::string name = tokenizer.fileName(), json = tokenizer.toJson();
  if (const frontend::ModelFile *same = model.file(name); same && same->content == json)
    return;
  std::erase_if(model.files, [&](const frontend::ModelFile &file) {
    return file.name == name ||
           (isOther &&
            (runtime::isTokenizerFile(file.name) || file.name == "tokenizer_config.json" ||
             file.name == "special_tokens_map.json" || file.name == "added_tokens.json"));
  });
  model.files.push_back({name, std::move(json)});
}

Status settleVocabulary(const SourceOptions &options, frontend::Model &model) {
  if (frontend::readsImages(model.definition)) {
    if (!options.tokenizer.empty())
      return invalidInput("--tokenizer: ", model.path, " reads images, no text");
    return absl::OkStatus();
  }
  std::unique_ptr<runtime::Tokenizer> opened;
  const runtime::Tokenizer *tokenizer = options.vocabulary.get();
  if (!tokenizer) {
    HEDDLE_ASSIGN_OR_RETURN(opened, tokenizerOf(options, model));
    tokenizer = opened.get();
  }
  if (tokenizer) {
    if (options.vocabulary || isExplicit(options))
      keepTokenizer(*tokenizer, !options.tokenizer.empty(), model);
    return frontend::bindVocabulary(model, tokenizer->vocabSize());
  }
  if (model.definition.has_vocab_size())
    return absl::OkStatus();
  std::unique_ptr<runtime::Tokenizer> bytes = runtime::makeByteTokenizer();
  runtime::remark(absl::StrCat(model.path, ": vocab_size is left out and no tokenizer is given: ",
                               bytes->vocabSize(), " tokens, one a byte"));
  return frontend::bindVocabulary(model, bytes->vocabSize());
}

StatusOr<std::unique_ptr<frontend::Model>> openModel(const std::string &path,
                                                     const SourceOptions &options) {
  HEDDLE_ASSIGN_OR_RETURN(runtime::ModelFolder folder, runtime::resolveModelFolder(files(), path));
  for (const runtime::SkippedCheckpoint &skipped : folder.skipped)
    runtime::remark(absl::StrCat("skipped ", skipped.path, ": ", skipped.reason));
  frontend::ModelOverrides overrides;
  if (!options.familyFile.empty())
    overrides.familyFile = options.familyFile;
  if (!options.weights.empty())
    overrides.weightsPath = options.weights;
  overrides.dropout = options.dropout;
  overrides.embeds = options.embeds;
  overrides.frozen = options.frozen;
  if (!options.lora.empty())
    overrides.adapters = options.lora;
  HEDDLE_ASSIGN_OR_RETURN(frontend::Model model,
                          frontend::loadModel(files(), folder.path, overrides));
  HEDDLE_RETURN_IF_ERROR(settleVocabulary(options, model));
  return std::make_unique<frontend::Model>(std::move(model));
}

} // namespace

int64_t Source::longestSequence() const {
  if (executable)
    return executable->manifest().max_positions();
  return model ? frontend::longestSequence(model->definition) : 0;
}

int64_t Source::fixedSequence() const {
  return model ? frontend::fixedSequence(model->definition) : 0;
}

StatusOr<Source> openSource(const std::string &path, const SourceOptions &options) {
  Source source;
  source.path = path;
  if (endsWith(path, ".heddle")) {
    HEDDLE_ASSIGN_OR_RETURN(source.executable, runtime::Executable::load(files(), path));
  } else if (endsWith(path, ".mlir")) {
    HEDDLE_ASSIGN_OR_RETURN(source.mlirText,
                            runtime::readSmallFile(files(), path, limits::kMlirBytes));
  } else {
    HEDDLE_ASSIGN_OR_RETURN(source.model, openModel(path, options));
  }
  return source;
}

StatusOr<Compilation> startCompilation(const Source &source, CompileRequest request) {
  if (source.executable)
    return invalidInput(source.path, ": is compiled already");
  if (source.model)
    return Compilation::start(*source.model, std::move(request));
  return Compilation::start(source.mlirText, source.path, std::move(request));
}

std::string modelFolder(const std::string &path) {
  StatusOr<bool> folder = files().isFolder(path);
  return folder.ok() && *folder ? path : "";
}

} // namespace heddle::tools
