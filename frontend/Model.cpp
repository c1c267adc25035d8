// SPDX-License-Identifier: Apache-2.0
#include "frontend/Model.h"

#include "frontend/Adapters.h"
#include "frontend/Dimensions.h"
#include "frontend/Families.h"
#include "frontend/Frozen.h"
#include "frontend/HuggingFace.h"
#include "frontend/PatchGrid.h"
#include "frontend/SentenceTransformers.h"
#include "frontend/Validate.h"
#include "frontend/ValidateNames.h"
#include "runtime/base/Limits.h"
#include "runtime/io/Textproto.h"
#include "runtime/io/Weights.h"
#include "runtime/io/WholeFile.h"

namespace heddle::frontend {
namespace {

// Tokenizers, and what transformers and sentence-transformers want to find beside config.json.
constexpr const char *kCompanions[] = {
    "added_tokens.json",
    "chat_template.jinja",
    "config_sentence_transformers.json",
    "generation_config.json",
    "merges.txt",
    "sentence_bert_config.json",
    "spiece.model",
    "special_tokens_map.json",
    "tokenizer.heddle.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
};

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string withoutTrailingSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  return path;
}

/// The text of the definition as it stands takes the place of the file.
void setModelFile(Model &model) {
  std::string text = runtime::printTextproto(model.definition);
  for (ModelFile &file : model.files)
    if (file.name == kModelFile) {
      file.content = text;
      return;
    }
  model.files.push_back({kModelFile, text});
}

Status readModelDef(runtime::FileLayer &layer, const std::string &path, Model &model) {
  HEDDLE_RETURN_IF_ERROR(runtime::readTextprotoFile(layer, path, model.definition));
  HEDDLE_RETURN_IF_ERROR(validateModel(model.definition, path));
  model.shiftLabels = predictsNext(model.definition);
  setModelFile(model);
  return absl::OkStatus();
}

Status readFiles(runtime::FileLayer &layer, const std::string &folder, Model &model) {
  auto take = [&](const std::string &name, uint64_t limit) -> Status {
    const std::string path = folder + "/" + name;
    HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(path));
    if (!exists)
      return absl::OkStatus();
    HEDDLE_ASSIGN_OR_RETURN(std::string content, runtime::readSmallFile(layer, path, limit));
    model.files.push_back({name, std::move(content)});
    return absl::OkStatus();
  };
  if (!model.family.empty())
    HEDDLE_RETURN_IF_ERROR(take(kConfigFile, limits::kConfigJsonBytes));
  for (const char *name : kCompanions)
    HEDDLE_RETURN_IF_ERROR(take(name, limits::kTokenizerJsonBytes));
  return absl::OkStatus();
}

Status readFolder(runtime::FileLayer &layer, const std::string &folder,
                  const std::optional<std::string> &familyFile, Model &model) {
  HEDDLE_ASSIGN_OR_RETURN(bool hasModelDef, layer.exists(folder + "/" + kModelFile));
  HEDDLE_ASSIGN_OR_RETURN(bool hasConfig, layer.exists(folder + "/" + kConfigFile));
  if (hasModelDef) {
    HEDDLE_RETURN_IF_ERROR(readModelDef(layer, folder + "/" + kModelFile, model));
  } else if (hasConfig) {
    HEDDLE_ASSIGN_OR_RETURN(Families families, Families::load(layer, familyFile));
    HEDDLE_RETURN_IF_ERROR(readHuggingFace(layer, folder, families, model));
  } else {
    HEDDLE_ASSIGN_OR_RETURN(bool adapters, layer.exists(folder + "/" + "adapter_config.json"));
    if (adapters)
      return invalidInput(folder, ": holds adapters without the model that they belong to; train ",
                          "with --lora ...,save=merged for checkpoints that are models");
    return invalidInput(folder, ": expected a folder with ", kConfigFile, " or ", kModelFile,
                        ", found neither");
  }
  HEDDLE_RETURN_IF_ERROR(readFiles(layer, folder, model));
  if (!model.family.empty())
    HEDDLE_RETURN_IF_ERROR(readSentenceTransformers(layer, folder, model));
  HEDDLE_ASSIGN_OR_RETURN(bool hasWeights, runtime::folderHasWeights(layer, folder));
  if (hasWeights)
    model.weightsPath = folder;
  return absl::OkStatus();
}

Status fillParameters(Model &model) {
  if (!model.definition.has_vocab_size() && !readsImages(model.definition))
    return absl::OkStatus();
  model.parameters = parametersOf(model.definition).all();
  HEDDLE_RETURN_IF_ERROR(withContext(checkDistinctNames(model.parameters), model.path));
  HEDDLE_RETURN_IF_ERROR(checkAdapters(model.definition, model.parameters));
  return checkFrozen(model.definition, model.parameters);
}

void setDropout(proto::Dropout &dropout, double share) {
  dropout.set_embedding(share);
  dropout.set_attention(share);
  dropout.set_residual(share);
  // Parts that have a share of their own.
  if (dropout.has_attention_output())
    dropout.set_attention_output(share);
  if (dropout.has_hidden())
    dropout.set_hidden(share);
  if (dropout.has_output())
    dropout.set_output(share);
  if (dropout.has_pooled())
    dropout.set_pooled(share);
  if (dropout.has_classifier())
    dropout.set_classifier(share);
  if (dropout.has_distance())
    dropout.set_distance(share);
}

Status overrideDropout(Model &model, double share) {
  if (!(share >= 0 && share < 1))
    return invalidInput("--dropout: expected a number from 0 to less than 1, found ", share);
  setDropout(*model.definition.mutable_dropout(), share);
  if (model.definition.image().has_dropout())
    setDropout(*model.definition.mutable_image()->mutable_dropout(), share);
  if (model.definition.encoder().has_dropout())
    setDropout(*model.definition.mutable_encoder()->mutable_dropout(), share);
  return absl::OkStatus();
}

Status overrideLabelSmoothing(Model &model, double share) {
  if (!(share >= 0 && share < 1))
    return invalidInput("--label-smoothing: expected a number from 0 to less than 1, found ",
                        share);
  model.definition.mutable_loss()->set_label_smoothing(share);
  if (share > 0 && lossKind(model.definition) != proto::Loss::CROSS_ENTROPY)
    return invalidInput("--label-smoothing: the loss of this model is no cross entropy");
  return absl::OkStatus();
}

Status readAny(runtime::FileLayer &layer, const std::string &path,
               const std::optional<std::string> &familyFile, Model &model) {
  HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(path));
  if (!exists)
    return invalidInput(path, ": no such file or folder");
  HEDDLE_ASSIGN_OR_RETURN(bool folder, layer.isFolder(path));
  if (folder)
    return readFolder(layer, path, familyFile, model);
  if (endsWith(path, ".textproto"))
    return readModelDef(layer, path, model);
  if (endsWith(path, ".onnx"))
    return invalidInput(path, ": ONNX models are not supported yet");
  return invalidInput(path, ": expected a model definition (.textproto) or a Hugging Face folder");
}

} // namespace

const ModelFile *Model::file(const std::string &name) const {
  for (const ModelFile &file : files)
    if (file.name == name)
      return &file;
  return nullptr;
}

StatusOr<Model> loadModel(runtime::FileLayer &layer, const std::string &path,
                          const ModelOverrides &overrides) {
  Model model;
  model.path = path;
  HEDDLE_RETURN_IF_ERROR(readAny(layer, withoutTrailingSlash(path), overrides.familyFile, model));
  if (overrides.weightsPath)
    model.weightsPath = *overrides.weightsPath;
  if (!model.weightsPath.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(runtime::Weights weights,
                            runtime::Weights::open(layer, model.weightsPath));
    dropAbsentParts(weights.names(), model.optionalParts, model.definition);
    takePrefixOf(weights.names(), model.definition);
  }
  // After the definition's own file was written: how one run trains is no part of the model.
  if (overrides.dropout)
    HEDDLE_RETURN_IF_ERROR(overrideDropout(model, *overrides.dropout));
  if (overrides.labelSmoothing)
    HEDDLE_RETURN_IF_ERROR(overrideLabelSmoothing(model, *overrides.labelSmoothing));
  if (overrides.embeds && model.definition.head().kind() == proto::Head::NONE &&
      encodesTexts(model.definition))
    addMeanPooling(model);
  for (const std::string &pattern : overrides.frozen)
    model.definition.add_frozen(pattern);
  if (overrides.adapters) {
    HEDDLE_ASSIGN_OR_RETURN(*model.definition.mutable_adapters(),
                            parseAdapters(*overrides.adapters));
  }
  HEDDLE_RETURN_IF_ERROR(fillParameters(model));
  return model;
}

Status bindVocabulary(Model &model, int64_t vocabSize) {
  if (vocabSize < 1 || vocabSize > kMaxDimension)
    return invalidInput("a tokenizer of ", vocabSize, " ids");
  if (model.definition.has_vocab_size()) {
    if (model.definition.vocab_size() < vocabSize)
      return invalidInput(model.path, ": the model's vocabulary of ", model.definition.vocab_size(),
                          " is smaller than the tokenizer's, ", vocabSize);
    return absl::OkStatus();
  }
  model.definition.set_vocab_size(vocabSize);
  HEDDLE_RETURN_IF_ERROR(validateModel(model.definition, model.path));
  HEDDLE_RETURN_IF_ERROR(fillParameters(model));
  if (model.family.empty()) {
    // The dropout of this run stays out of the file.
    proto::ModelDef stored;
    HEDDLE_RETURN_IF_ERROR(
        runtime::parseTextproto(model.file(kModelFile)->content, kModelFile, stored));
    stored.set_vocab_size(vocabSize);
    for (ModelFile &file : model.files)
      if (file.name == kModelFile)
        file.content = runtime::printTextproto(stored);
  }
  return absl::OkStatus();
}

} // namespace heddle::frontend
