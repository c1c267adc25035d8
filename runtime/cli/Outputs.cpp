// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/Outputs.h"

#include <string_view>

#include "runtime/io/FileLayer.h"
#include "runtime/train/Checkpoint.h"

namespace heddle::runtime {
namespace {

constexpr const char *kModelFiles[] = {"config.json",       "model.textproto",
                                       "model.safetensors", "model.safetensors.index.json",
                                       "tokenizer.json",    "tokenizer.heddle.json",
                                       "tokenizer.model",   "spiece.model",
                                       "vocab.json",        "merges.txt",
                                       "vocab.txt"};

/// Whether writing to `path` would destroy `input`.
StatusOr<bool> replaces(FileLayer &layer, const std::string &path, const std::string &input) {
  if (input.empty())
    return false;
  HEDDLE_ASSIGN_OR_RETURN(PathInfo info, layer.info(input));
  if (info.kind != PathKind::Folder)
    return layer.isSameFile(path, input);
  for (const char *name : kModelFiles) {
    HEDDLE_ASSIGN_OR_RETURN(bool same, layer.isSameFile(path, joinPath(input, name)));
    if (same)
      return true;
  }
  return false;
}

/// A log that is there will be emptied or cut back, so it must be one.
Status checkIsLog(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(bool exists, layer.exists(path));
  if (path.empty() || !exists)
    return absl::OkStatus();
  constexpr std::string_view kStart = "{\"step\":";
  char bytes[kStart.size()];
  HEDDLE_ASSIGN_OR_RETURN(File file, layer.openForRead(path));
  HEDDLE_ASSIGN_OR_RETURN(size_t count, file.read(bytes, sizeof bytes));
  if (!kStart.starts_with(std::string_view(bytes, count)))
    return invalidInput("--log ", path, ": is there already and is no training log");
  return absl::OkStatus();
}

} // namespace

Status checkOutputFile(FileLayer &layer, const char *flag, const std::string &path,
                       const std::vector<std::string> &inputs) {
  if (path.empty())
    return absl::OkStatus();
  auto wrong = [&](const auto &...parts) { return invalidInput(flag, " ", path, ": ", parts...); };
  HEDDLE_ASSIGN_OR_RETURN(PathInfo info, layer.info(path));
  if (info.kind == PathKind::Folder || path.back() == '/')
    return wrong("is a folder, expected a file");
  if (info.kind == PathKind::Other)
    return wrong("is a pipe or device, expected a file");
  std::string folder = parentFolder(path);
  HEDDLE_ASSIGN_OR_RETURN(bool hasFolder, layer.isFolder(folder));
  if (!hasFolder)
    return wrong("there is no folder ", folder);
  if (Status status = layer.checkWritable(folder); !status.ok())
    return withContext(status, absl::StrCat(flag, " ", path));
  for (const std::string &input : inputs) {
    HEDDLE_ASSIGN_OR_RETURN(bool lost, replaces(layer, path, input));
    if (lost)
      return wrong("is an input, which would be lost");
  }
  return absl::OkStatus();
}

Status checkOutputs(FileLayer &layer, const RunFlags &flags) {
  if (flags.outputs.empty())
    return invalidInput("--outputs: missing");
  return checkOutputFile(layer, "--outputs", flags.outputs,
                         {flags.model, flags.weights, flags.inputs});
}

Status checkOutputs(FileLayer &layer, const TrainFlags &flags) {
  HEDDLE_RETURN_IF_ERROR(
      checkOutputFile(layer, "--log", flags.log, {flags.model, flags.weights, flags.data}));
  HEDDLE_RETURN_IF_ERROR(checkIsLog(layer, flags.log));
  if (flags.out.empty())
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(PathInfo info, layer.info(flags.out));
  if (info.kind != PathKind::Missing && info.kind != PathKind::Folder)
    return invalidInput("--out ", flags.out, ": is no folder");
  return flags.resume ? absl::OkStatus() : checkNewOrEmpty(layer, flags.out);
}

Status checkOutputs(FileLayer &layer, const BenchFlags &flags) {
  return checkOutputFile(layer, "--trace", flags.trace, {flags.model, flags.weights});
}

} // namespace heddle::runtime
