// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/TrainingState.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "runtime/io/Json.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/io/Weights.h"
#include "runtime/plan/Session.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/MergedWeights.h"

namespace heddle::runtime {
namespace {

constexpr int64_t kStateFormat = 1;
constexpr char kMoments[] = "adam.";
constexpr char kFirstMoments[] = "adam.m.";

/// Through a copy on the host where the device has memory of its own.
TensorToWrite toWrite(const StoredTensor &tensor, Device &device) {
  if (device.sharesHostMemory())
    return tensorFromMemory(tensor.name, tensor.dtype, tensor.shape, tensor.data());
  return {tensor.name, tensor.dtype, tensor.shape, [&tensor, &device](ByteSink &sink) -> Status {
            std::string copy(tensor.bytes(), '\0');
            HEDDLE_RETURN_IF_ERROR(device.download(copy.data(), tensor.data(), copy.size()));
            return sink.write(copy.data(), copy.size());
          }};
}

/// The parameters; those of adapters only, or without them, where `ofAdapter` says so.
std::vector<TensorToWrite> tensorsOf(const Session &session, Device &device,
                                     std::optional<bool> ofAdapter) {
  std::vector<TensorToWrite> tensors;
  for (int i = 0; i < session.manifest().parameters_size(); ++i)
    if (!ofAdapter || session.manifest().parameters(i).of_adapter() == *ofAdapter)
      tensors.push_back(toWrite(session.parameters()[i], device));
  return tensors;
}

/// The tensors of a folder of weights, under their names there.
std::vector<TensorToWrite> tensorsIn(const std::string &folder, const proto::Manifest &manifest,
                                     std::vector<TensorToWrite> all) {
  std::vector<TensorToWrite> tensors;
  for (TensorToWrite &tensor : all) {
    const std::string own = folderOfParameter(manifest, tensor.name);
    if (own != folder)
      continue;
    tensors.push_back(std::move(tensor));
    if (!own.empty())
      tensors.back().name = tensors.back().name.substr(own.size() + 1);
  }
  return tensors;
}

bool belongsToTokenizer(const std::string &name) {
  return isTokenizerFile(name) || name.starts_with("tokenizer") ||
         name == "special_tokens_map.json" || name == "added_tokens.json";
}

/// Are the tokenizer's files among those of the executable? Then what stands beside them
/// (tokenizer_config.json) goes with them.
bool isOwn(const Tokenizer &tokenizer, const proto::Manifest &manifest) {
  bool older = false;
  for (const proto::EmbeddedFile &file : manifest.files()) {
    if (file.name() == tokenizer.fileName())
      return file.content() == tokenizer.toJson();
    if (file.name() == kTokenizerFile)
      return false;
    older = older || isTokenizerFile(file.name());
  }
  return older && tokenizer.fileName() == kVocabularyFile;
}

} // namespace

std::string printTrainingState(const TrainingState &state) {
  JsonWriter json(2);
  json.beginObject()
      .member("format", kStateFormat)
      .member("step", state.step)
      .member("updates", state.updates)
      .member("skipped", state.skipped)
      .member("seed", std::to_string(state.seed)) // may exceed what JSON's readers keep exact
      .member("batch", state.batch)
      .member("seq", state.seq)
      .member("grad_accum", state.gradAccum)
      .member("val_split", state.valSplit)
      .member("data", state.data)
      .member("objective", state.objective);
  if (!state.lora.empty())
    json.member("lora", state.lora);
  json.endObject();
  return json.take() + "\n";
}

StatusOr<TrainingState> readTrainingState(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document, readJsonFile(layer, path));
  JsonRef json = document.ref();
  HEDDLE_ASSIGN_OR_RETURN(int64_t format, json.getInteger("format"));
  if (format != kStateFormat)
    return invalidInput(path, ": key \"format\": ", format, ", this version reads ", kStateFormat);
  TrainingState state;
  auto count = [&](const char *key, auto &value) -> Status {
    HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at(key));
    HEDDLE_ASSIGN_OR_RETURN(value, member.asInteger(0, limits::kJsonInteger));
    return absl::OkStatus();
  };
  HEDDLE_RETURN_IF_ERROR(count("step", state.step));
  HEDDLE_RETURN_IF_ERROR(count("updates", state.updates));
  HEDDLE_RETURN_IF_ERROR(count("skipped", state.skipped));
  HEDDLE_RETURN_IF_ERROR(count("batch", state.batch));
  HEDDLE_RETURN_IF_ERROR(count("seq", state.seq));
  HEDDLE_RETURN_IF_ERROR(count("grad_accum", state.gradAccum));
  HEDDLE_ASSIGN_OR_RETURN(state.valSplit, json.getNumber("val_split"));
  HEDDLE_ASSIGN_OR_RETURN(state.data, json.getString("data"));
  HEDDLE_ASSIGN_OR_RETURN(state.objective, json.getString("objective", ""));
  HEDDLE_ASSIGN_OR_RETURN(state.lora, json.getString("lora", ""));
  HEDDLE_ASSIGN_OR_RETURN(std::string seed, json.getString("seed"));
  auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), state.seed);
  if (error != std::errc() || end != seed.data() + seed.size())
    return invalidInput(path, ": key \"seed\": expected a number, found \"", seed, "\"");
  return state;
}

std::vector<CheckpointFile> checkpointFiles(const Session &session, const Tokenizer *tokenizer,
                                            const TrainingState &state, bool whole) {
  auto &device = const_cast<Session &>(session).device();
  const proto::Manifest &manifest = session.manifest();
  const bool adapters = manifest.adapters_size() > 0 && !whole;
  const bool apart = adapters && !manifest.merge_adapters();
  std::vector<CheckpointFile> files;
  if (apart) {
    files.push_back({kAdapterFile, [&session, &device](ByteSink &sink) {
                       return writeSafetensors(sink, tensorsOf(session, device, true));
                     }});
    files.push_back(CheckpointFile::fromText(kAdapterConfigFile, manifest.adapter_config()));
  } else {
    std::vector<std::string> folders = weightFolders(manifest);
    folders.emplace_back(); // of all that lies in none of them
    for (const std::string &folder : folders)
      files.push_back(
          {joinPath(folder, kWeightsFile), [&session, &device, adapters, folder](ByteSink &sink) {
             return writeSafetensors(sink, tensorsIn(folder, session.manifest(),
                                                     adapters ? mergedWeights(session)
                                                              : tensorsOf(session, device, {})));
           }});
  }
  bool own = tokenizer && isOwn(*tokenizer, manifest);
  for (const proto::EmbeddedFile &file : manifest.files()) {
    bool replaced = tokenizer && (file.name() == tokenizer->fileName() ||
                                  (!own && belongsToTokenizer(file.name())));
    // The definition goes with the weights.
    if (!replaced && (!apart || belongsToTokenizer(file.name())))
      files.push_back(CheckpointFile::fromText(file.name(), file.content()));
  }
  if (tokenizer)
    files.push_back(CheckpointFile::fromText(tokenizer->fileName(), tokenizer->toJson()));
  files.push_back({kMomentsFile, [&session, &device, merged = adapters && !apart](ByteSink &sink) {
                     std::vector<TensorToWrite> tensors;
                     for (const StoredTensor *moment : session.states(kMoments))
                       tensors.push_back(toWrite(*moment, device));
                     if (merged) // the sum does not tell what it is made of
                       for (TensorToWrite &tensor : tensorsOf(session, device, true))
                         tensors.push_back(std::move(tensor));
                     return writeSafetensors(sink, std::move(tensors));
                   }});
  files.push_back(CheckpointFile::fromText(kStateFile, printTrainingState(state)));
  return files;
}

namespace {

/// That the parameters that were trained are those that train now.
Status checkSameTrain(const Weights &moments, const std::vector<const StoredTensor *> &states,
                      const Session &session) {
  std::set<std::string> now;
  for (const StoredTensor *state : states)
    now.insert(state->name);
  for (const proto::Parameter &parameter : session.manifest().parameters()) {
    const std::string moment = kFirstMoments + parameter.name();
    const bool before = moments.find(moment).has_value();
    if (before && !now.count(moment))
      return invalidInput("--freeze: the run to be resumed trained \"", parameter.name(),
                          "\", which is frozen now; resume with the same --freeze");
    if (!before && now.count(moment))
      return invalidInput(moments.path(), ": holds no tensor \"", moment, "\": \"",
                          parameter.name(),
                          "\" did not train in the run to be resumed; resume "
                          "with the same --freeze");
  }
  return absl::OkStatus();
}

bool isOfAdapter(const proto::Manifest &manifest, const std::string &name) {
  return std::any_of(
      manifest.adapters().begin(), manifest.adapters().end(),
      [&](const auto &adapter) { return adapter.a() == name || adapter.b() == name; });
}

/// The parameters of adapters, each of which the file must hold.
Status restoreAdapters(const Weights &weights, Session &session) {
  for (const proto::LowRankAdapter &adapter : session.manifest().adapters())
    for (const std::string &name : {adapter.a(), adapter.b()}) {
      const StoredTensor *tensor = session.find(name);
      auto source = weights.find(name);
      if (!source)
        return invalidInput(weights.path(), ": holds no tensor \"", name, "\"");
      if (source->dtype() != tensor->dtype || source->shape() != tensor->shape)
        return source->error(absl::StrCat("is ", describeTensor(source->dtype(), source->shape()),
                                          ", expected ",
                                          describeTensor(tensor->dtype, tensor->shape)));
      HEDDLE_RETURN_IF_ERROR(
          session.device().upload(tensor->data(), source->data, tensor->bytes()));
    }
  return absl::OkStatus();
}

} // namespace

Status restoreMoments(FileLayer &layer, const std::string &folder, Session &session) {
  HEDDLE_ASSIGN_OR_RETURN(Weights moments, Weights::open(layer, joinPath(folder, kMomentsFile)));
  std::vector<const StoredTensor *> states = session.states(kMoments);
  HEDDLE_RETURN_IF_ERROR(checkSameTrain(moments, states, session));
  size_t expected = states.size();
  for (const std::string &name : moments.names())
    expected += isOfAdapter(session.manifest(), name);
  if (moments.names().size() != expected)
    return invalidInput(moments.path(), ": ", moments.names().size(), " tensors, expected ",
                        expected);
  for (const StoredTensor *state : states) {
    auto source = moments.find(state->name);
    if (!source)
      return invalidInput(moments.path(), ": holds no tensor \"", state->name, "\"");
    if (source->dtype() != state->dtype || source->shape() != state->shape)
      return source->error(absl::StrCat("is ", describeTensor(source->dtype(), source->shape()),
                                        ", expected ", describeTensor(state->dtype, state->shape)));
    HEDDLE_RETURN_IF_ERROR(session.device().upload(state->data(), source->data, state->bytes()));
  }
  return absl::OkStatus();
}

Status restoreCheckpoint(FileLayer &layer, const std::string &folder, Session &session) {
  const proto::Manifest &manifest = session.manifest();
  const bool adapters = manifest.adapters_size() > 0;
  const char *file = !adapters                   ? kWeightsFile
                     : manifest.merge_adapters() ? kMomentsFile
                                                 : kAdapterFile;
  const std::vector<std::string> folders =
      adapters ? std::vector<std::string>() : weightFolders(manifest);
  HEDDLE_ASSIGN_OR_RETURN(Weights weights, Weights::open(layer, joinPath(folder, file), folders));
  HEDDLE_RETURN_IF_ERROR(restoreMoments(layer, folder, session));
  return adapters ? restoreAdapters(weights, session) : session.loadWeights(weights);
}

} // namespace heddle::runtime
