// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/TaskOfModel.h"

#include "runtime/base/Limits.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Json.h"
#include "runtime/io/WholeFile.h"

namespace heddle::runtime {
namespace {

constexpr const char *kRoleFiles[] = {"tokenizer_config.json", "special_tokens_map.json"};

FileLookup filesOf(FileLayer &layer, const std::string &folder) {
  return [&layer, folder](const std::string &name) -> StatusOr<std::optional<std::string>> {
    const std::string path = joinPath(folder, name);
    HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(path));
    if (!exists)
      return std::optional<std::string>();
    HEDDLE_ASSIGN_OR_RETURN(std::string text,
                            readSmallFile(layer, path, limits::kTokenizerJsonBytes));
    return std::optional<std::string>(std::move(text));
  };
}

} // namespace

StatusOr<SpecialTokens> specialTokens(FileLayer &layer, const Executable &executable,
                                      const Tokenizer &tokenizer,
                                      const std::vector<std::string> &folders) {
  for (const std::string &folder : folders) {
    if (folder.empty())
      continue;
    for (const char *name : kRoleFiles) {
      HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(joinPath(folder, name)));
      if (exists)
        return specialTokensOf(tokenizer, filesOf(layer, folder), folder + "/");
    }
  }
  return specialTokensOf(
      tokenizer,
      [&](const std::string &name) -> StatusOr<std::optional<std::string>> {
        const proto::EmbeddedFile *file = executable.file(name);
        return file ? std::optional<std::string>(file->content()) : std::nullopt;
      },
      executable.origin() + ": ");
}

std::string tokenizerFolder(FileLayer &layer, const std::string &name) {
  if (name.empty() || name == "bytes" || isMadeFromText(name))
    return "";
  StatusOr<bool> folder = layer.isFolder(name);
  return folder.ok() && *folder ? name : parentFolder(name);
}

StatusOr<std::vector<std::string>> labelNames(const Executable &executable) {
  std::vector<std::string> names;
  const proto::EmbeddedFile *config = executable.file("config.json");
  if (!config)
    return names;
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document, parseJson(config->content(), "config.json"));
  auto labels = document.ref().find("id2label");
  if (!labels)
    return names;
  HEDDLE_ASSIGN_OR_RETURN(auto members, labels->asObject());
  names.resize(members.size());
  for (const auto &[id, name] : members)
    for (size_t i = 0; i < names.size(); ++i)
      if (id == std::to_string(i)) {
        HEDDLE_ASSIGN_OR_RETURN(names[i], name.asString());
      }
  return names;
}

StatusOr<TrainingTask> taskOfModel(FileLayer &layer, const Executable &executable,
                                   const PreparedEntry &step, const Tokenizer *tokenizer,
                                   const TrainFlags &flags,
                                   const std::vector<std::string> &folders) {
  const proto::Manifest &manifest = executable.manifest();
  TrainingTask task;
  HEDDLE_ASSIGN_OR_RETURN(task.objective, objectiveFor(manifest, flags.objective));
  task.labels = manifest.task().labels();
  task.classes = manifest.task().classes();
  task.strict = flags.strict;
  task.cosineSchedule = flags.noiseSchedule == "cosine";
  if (manifest.task().has_decoder_start())
    task.decoderStart = static_cast<int32_t>(manifest.task().decoder_start());
  if (manifest.has_needed_token())
    task.neededToken = manifest.needed_token();
  for (const proto::Value &argument : step.plan().arguments()) {
    if (argument.kind() != "input")
      continue;
    task.inputs[argument.name()] = shapeOf(argument);
    if (argument.name() == "timesteps")
      task.timesteps = argument.end();
  }
  HEDDLE_ASSIGN_OR_RETURN(task.labelNames, labelNames(executable));
  if (tokenizer) {
    HEDDLE_ASSIGN_OR_RETURN(task.tokens, specialTokens(layer, executable, *tokenizer, folders));
  }
  return task;
}

} // namespace heddle::runtime
