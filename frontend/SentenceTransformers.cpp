// SPDX-License-Identifier: Apache-2.0
#include "frontend/SentenceTransformers.h"

#include <algorithm>
#include <set>

#include "frontend/DenseModule.h"
#include "frontend/Validate.h"
#include "runtime/base/Limits.h"
#include "runtime/io/Json.h"
#include "runtime/io/Textproto.h"
#include "runtime/io/WholeFile.h"

namespace heddle::frontend {
namespace {

using proto::Head;
using runtime::JsonDocument;
using runtime::JsonRef;

/// The ways to pool by their name, and by the key that switches them on in older files.
struct PoolingMode {
  const char *name;
  const char *key;
  std::optional<Head::Pooling> pooling; // none: known, and not supported
};
constexpr PoolingMode kModes[] = {
    {"cls", "pooling_mode_cls_token", Head::FIRST},
    {"mean", "pooling_mode_mean_tokens", Head::MEAN},
    {"max", "pooling_mode_max_tokens", Head::MAX},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Head::MEAN_SQRT},
    {"weightedmean", "pooling_mode_weightedmean_tokens", std::nullopt},
    {"lasttoken", "pooling_mode_lasttoken", std::nullopt},
};

Status checkWidth(const JsonRef &width, const Model &model) {
  HEDDLE_ASSIGN_OR_RETURN(int64_t value, width.asInteger());
  if (value != model.definition.width())
    return width.error(
        absl::StrCat(value, ", but the transformer's vectors have ", model.definition.width()));
  return absl::OkStatus();
}

/// "pooling_mode": "mean", of files since version 5.
StatusOr<const PoolingMode *> namedMode(const JsonRef &mode) {
  HEDDLE_ASSIGN_OR_RETURN(std::string name, mode.asString());
  for (const PoolingMode &known : kModes)
    if (name == known.name)
      return &known;
  return mode.error(absl::StrCat(mode.value().describe(),
                                 " is not supported, expected cls, mean, max or "
                                 "mean_sqrt_len_tokens"));
}

StatusOr<Head::Pooling> readPooling(const JsonRef &config, const Model &model) {
  std::vector<const PoolingMode *> modes;
  HEDDLE_ASSIGN_OR_RETURN(auto members, config.asObject());
  for (const auto &[key, value] : members) {
    auto mode = std::find_if(std::begin(kModes), std::end(kModes),
                             [&name = key](const PoolingMode &known) { return name == known.key; });
    if (mode != std::end(kModes)) {
      HEDDLE_ASSIGN_OR_RETURN(bool on, value.asBool());
      if (on)
        modes.push_back(&*mode);
    } else if (key == "word_embedding_dimension" || key == "embedding_dimension") {
      HEDDLE_RETURN_IF_ERROR(checkWidth(value, model));
    } else if (key == "pooling_mode") {
      HEDDLE_ASSIGN_OR_RETURN(const PoolingMode *named, namedMode(value));
      modes.push_back(named);
    } else if (key == "include_prompt") {
      HEDDLE_ASSIGN_OR_RETURN(bool included, value.asBool());
      if (!included)
        return value.error("false is not supported, expected true");
    } else {
      return value.error("is not known");
    }
  }
  if (modes.empty())
    return config.error("no pooling_mode is on");
  if (modes.size() > 1)
    return config.error(absl::StrCat("pooling ", modes[0]->name, " and ", modes[1]->name,
                                     ": several ways to pool are not supported"));
  if (!modes[0]->pooling)
    return config.error(absl::StrCat("pooling ", modes[0]->name, " is not supported"));
  return *modes[0]->pooling;
}

/// A file of the folder, kept with the model.
StatusOr<JsonDocument> takeFile(runtime::FileLayer &layer, const std::string &folder,
                                const std::string &name, Model &model) {
  const std::string path = folder + "/" + name;
  HEDDLE_ASSIGN_OR_RETURN(std::string text,
                          runtime::readSmallFile(layer, path, limits::kConfigJsonBytes));
  model.files.push_back({name, text});
  return runtime::parseJson(text, path);
}

/// The last part of "sentence_transformers.models.Pooling": files name the class at whatever place
/// it had in the package.
std::string className(const std::string &type) { return type.substr(type.rfind('.') + 1); }

/// The head makes way; its tensors may be in a checkpoint all the same.
void replaceHead(Model &model, const Head &head) {
  proto::ModelDef before = model.definition;
  *model.definition.mutable_head() = head;
  model.definition.mutable_loss()->clear_kind();
  model.shiftLabels = false;
  std::vector<std::string> kept;
  if (!before.has_vocab_size())
    return;
  for (const ParameterSpec &spec : parametersOf(model.definition).all())
    kept.push_back(spec.name);
  for (const ParameterSpec &spec : parametersOf(before).all())
    if (std::find(kept.begin(), kept.end(), spec.name) == kept.end()) {
      model.ignoredTensors.push_back(spec.name);
      model.ignoredTensors.insert(model.ignoredTensors.end(), spec.aliases.begin(),
                                  spec.aliases.end());
    }
}

/// The modules one after the other, as a head of kind EMBEDDING: a Transformer, a Pooling, any
/// number of Dense, perhaps a Normalize.
class ModuleReader {
public:
  ModuleReader(runtime::FileLayer &layer, const std::string &folder, Model &model)
      : layer_(layer), folder_(folder), model_(model) {
    head_.set_kind(Head::EMBEDDING);
    head_.set_normalize(false);
  }

  Status add(const JsonRef &module) {
    HEDDLE_ASSIGN_OR_RETURN(JsonRef type, module.at("type"));
    HEDDLE_ASSIGN_OR_RETURN(std::string name, type.asString());
    HEDDLE_ASSIGN_OR_RETURN(JsonRef place, module.at("path"));
    HEDDLE_ASSIGN_OR_RETURN(std::string path, place.asString());
    const std::string kind = className(name);
    const int number = count_++;
    if (kind == "Transformer" && number == 0)
      return path.empty()
                 ? absl::OkStatus()
                 : place.error(absl::StrCat(place.value().describe(),
                                            ": the transformer lies in a folder of its own; give ",
                                            folder_, "/", path));
    if (kind == "Pooling" && number == 1) {
      HEDDLE_ASSIGN_OR_RETURN(JsonDocument config, configOf(place, path));
      HEDDLE_ASSIGN_OR_RETURN(Head::Pooling pooling, readPooling(config.ref(), model_));
      head_.set_pooling(pooling);
      return absl::OkStatus();
    }
    if (kind == "Dense" && number > 1 && !head_.normalize())
      return addDense(place, path);
    if (kind == "Normalize" && number > 1 && !head_.normalize()) {
      head_.set_normalize(true);
      return absl::OkStatus();
    }
    return type.error(absl::StrCat(type.value().describe(), " is not supported as module ", number,
                                   ", expected a Transformer, a Pooling, perhaps Dense modules "
                                   "behind it, and perhaps a Normalize"));
  }

  StatusOr<Head> finish(const JsonRef &modules) const {
    if (!head_.has_pooling())
      return modules.error("has no Pooling module");
    return head_;
  }

private:
  /// The config.json of a module in a folder of its own.
  StatusOr<JsonDocument> configOf(const JsonRef &place, const std::string &path) {
    if (path.empty() || path.front() == '.' || path.find('/') != std::string::npos)
      return place.error(absl::StrCat(place.value().describe(), " is no folder beside it"));
    if (!folders_.insert(path).second)
      return place.error(
          absl::StrCat(place.value().describe(), " is the folder of another module"));
    return takeFile(layer_, folder_, path + "/config.json", model_);
  }

  Status addDense(const JsonRef &place, const std::string &path) {
    HEDDLE_ASSIGN_OR_RETURN(JsonDocument config, configOf(place, path));
    const int before = head_.dense_size();
    const int64_t width = before > 0 ? head_.dense(before - 1).width() : model_.definition.width();
    HEDDLE_ASSIGN_OR_RETURN(*head_.add_dense(), readDenseModule(config.ref(), path, width));
    model_.weightFolders.push_back(path);
    return absl::OkStatus();
  }

  runtime::FileLayer &layer_;
  const std::string &folder_;
  Model &model_;
  Head head_;
  int count_ = 0;
  std::set<std::string> folders_;
};

} // namespace

Status readSentenceTransformers(runtime::FileLayer &layer, const std::string &folder,
                                Model &model) {
  HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(folder + "/" + kModulesFile));
  if (!exists)
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document, takeFile(layer, folder, kModulesFile, model));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> modules, document.ref().asArray());
  ModuleReader reader(layer, folder, model);
  for (const JsonRef &module : modules)
    HEDDLE_RETURN_IF_ERROR(reader.add(module));
  HEDDLE_ASSIGN_OR_RETURN(Head head, reader.finish(document.ref()));
  replaceHead(model, head);
  return validateModel(model.definition, folder);
}

void addMeanPooling(Model &model) {
  Head head;
  head.set_kind(Head::EMBEDDING);
  head.set_pooling(Head::MEAN);
  head.set_normalize(false);
  replaceHead(model, head);
  if (model.family.empty()) {
    for (ModelFile &file : model.files) // the definition as it is kept: without this run's dropout
      if (proto::ModelDef kept;
          file.name == kModelFile && runtime::parseTextproto(file.content, file.name, kept).ok()) {
        *kept.mutable_head() = model.definition.head();
        file.content = runtime::printTextproto(kept);
      }
    return;
  }
  model.files.push_back({kModulesFile,
                         R"([
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
]
)"});
  model.files.push_back(
      {"1_Pooling/config.json",
       absl::StrCat("{\"word_embedding_dimension\": ", model.definition.width(),
                    ", \"pooling_mode_cls_token\": false, \"pooling_mode_mean_tokens\": true, "
                    "\"pooling_mode_max_tokens\": false, "
                    "\"pooling_mode_mean_sqrt_len_tokens\": false}\n")});
}

} // namespace heddle::frontend
