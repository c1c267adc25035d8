// SPDX-License-Identifier: Apache-2.0
#include "frontend/SentenceTransformers.h"

#include <algorithm>

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
void replaceHead(Model &model, Head::Pooling pooling, bool normalize) {
  proto::ModelDef before = model.definition;
  Head &head = *model.definition.mutable_head();
  head.Clear();
  head.set_kind(Head::EMBEDDING);
  head.set_pooling(pooling);
  head.set_normalize(normalize);
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

} // namespace

Status readSentenceTransformers(runtime::FileLayer &layer, const std::string &folder,
                                Model &model) {
  HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(folder + "/" + kModulesFile));
  if (!exists)
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document, takeFile(layer, folder, kModulesFile, model));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> modules, document.ref().asArray());
  std::optional<Head::Pooling> pooling;
  bool normalize = false;
  for (size_t i = 0; i < modules.size(); ++i) {
    HEDDLE_ASSIGN_OR_RETURN(JsonRef type, modules[i].at("type"));
    HEDDLE_ASSIGN_OR_RETURN(std::string name, type.asString());
    HEDDLE_ASSIGN_OR_RETURN(JsonRef place, modules[i].at("path"));
    HEDDLE_ASSIGN_OR_RETURN(std::string path, place.asString());
    const std::string module = className(name);
    const size_t expected = module == "Transformer" ? 0 : module == "Pooling" ? 1 : 2;
    if ((module != "Transformer" && module != "Pooling" && module != "Normalize") || i != expected)
      return type.error(absl::StrCat(type.value().describe(), " is not supported as module ", i,
                                     ", expected a Transformer, a Pooling, and perhaps a "
                                     "Normalize"));
    if (module == "Transformer" && !path.empty())
      return place.error(absl::StrCat(place.value().describe(),
                                      ": the transformer lies in a folder of its own; give ",
                                      folder, "/", path));
    if (module == "Pooling") {
      if (path.empty() || path.front() == '.' || path.find('/') != std::string::npos)
        return place.error(absl::StrCat(place.value().describe(), " is no folder beside it"));
      HEDDLE_ASSIGN_OR_RETURN(JsonDocument config,
                              takeFile(layer, folder, path + "/config.json", model));
      HEDDLE_ASSIGN_OR_RETURN(pooling, readPooling(config.ref(), model));
    }
    normalize = normalize || module == "Normalize";
  }
  if (!pooling)
    return document.ref().error("has no Pooling module");
  replaceHead(model, *pooling, normalize);
  return validateModel(model.definition, folder);
}

void addMeanPooling(Model &model) {
  replaceHead(model, Head::MEAN, false);
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
