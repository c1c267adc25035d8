// SPDX-License-Identifier: Apache-2.0
// From files to tokens.
#include "runtime/io/Safetensors.h"
#include "runtime/io/WholeFile.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Data.h"

namespace heddle::runtime {
namespace {

bool isSafetensors(const std::string &path) { return path.ends_with(".safetensors"); }

Status appendText(FileLayer &layer, const std::string &path, int depth, uint64_t limit,
                  std::string &text) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo info, layer.info(path));
  if (info.kind == PathKind::Folder) {
    if (depth > limits::kFolderDepth)
      return invalidInput(path, ": more than the limit of ", limits::kFolderDepth, " folders deep");
    HEDDLE_ASSIGN_OR_RETURN(std::vector<std::string> names, layer.list(path));
    for (const std::string &name : names)
      if (name.front() != '.')
        HEDDLE_RETURN_IF_ERROR(appendText(layer, joinPath(path, name), depth + 1, limit, text));
    return absl::OkStatus();
  }
  if (info.kind == PathKind::Other || (info.kind == PathKind::Missing && depth > 0))
    return absl::OkStatus(); // a device or a dangling link among the files
  if (info.size > limit - text.size())
    return invalidInput(path, ": more than the limit of ", limit, " bytes of text in all");
  HEDDLE_ASSIGN_OR_RETURN(std::string content, readSmallFile(layer, path, limit - text.size()));
  text += content;
  return absl::OkStatus();
}

StatusOr<std::vector<int32_t>> readIntegers(const TensorView &tensor) {
  std::vector<int32_t> values(tensor.elements());
  HEDDLE_RETURN_IF_ERROR(copyToI32(tensor, values.data()));
  return values;
}

struct OpenedTensors {
  SafetensorsFile file;
  DataInfo info;
};

bool isSpan(const std::string &name) { return name != kNextSentenceInput && isTarget(name); }

/// Tensors [N, B, T], or [N, B] where they may belong to rows.
Status checkBatches(const SafetensorsFile &file) {
  auto ids = file.find("input_ids");
  if (ids->shape().size() != 3 || ids->elements() == 0)
    return ids->error(
        absl::StrCat("has shape ", describeShape(ids->shape()), ", expected [N, B, T]"));
  const std::vector<int64_t> rows = {ids->shape()[0], ids->shape()[1]};
  for (size_t i = 0; i < file.size(); ++i) {
    TensorView tensor = file.at(i);
    const bool perRow = tensor.name() == "labels" || isTarget(tensor.name());
    if (tensor.shape() != ids->shape() && !(perRow && tensor.shape() == rows))
      return tensor.error(absl::StrCat(
          "has shape ", describeShape(tensor.shape()), ", expected that of input_ids, ",
          describeShape(ids->shape()), perRow ? ", or " + describeShape(rows) : ""));
  }
  return absl::OkStatus();
}

/// All batches of a file that checkBatches() accepts.
StatusOr<Batch> readBatches(const SafetensorsFile &file, int64_t seq) {
  Batch batches;
  for (size_t i = 0; i < file.size(); ++i) {
    TensorView tensor = file.at(i);
    HEDDLE_ASSIGN_OR_RETURN(std::vector<int32_t> values, readIntegers(tensor));
    if (isSpan(tensor.name()))
      clampSpans(values.data(), static_cast<int64_t>(values.size()), seq);
    (tensor.name() == "input_ids" ? batches.inputIds
     : tensor.name() == "labels"  ? batches.targets
                                  : batches.others[tensor.name()]) = std::move(values);
  }
  return batches;
}

StatusOr<OpenedTensors> openTensors(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, path));
  DataInfo info;
  auto tokens = file.find("tokens"), ids = file.find("input_ids"), labels = file.find("labels");
  if (tokens) {
    if (tokens->shape().size() != 1)
      return tokens->error(
          absl::StrCat("has shape ", describeShape(tokens->shape()), ", expected one axis"));
    info.kind = DataKind::Tokens;
  } else if (ids && (labels || file.find(kSpanInputs[0]))) {
    HEDDLE_RETURN_IF_ERROR(checkBatches(file));
    info = {DataKind::Batches, ids->shape()[1], ids->shape()[2]};
  } else {
    return invalidInput(path, ": expected a tensor tokens [N], or input_ids and labels [N, B, T]");
  }
  return OpenedTensors{std::move(file), info};
}

} // namespace

StatusOr<DataInfo> inspectData(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo found, layer.info(path));
  if (found.kind == PathKind::Missing)
    return invalidInput("--data ", path, ": no such file or folder");
  if (found.kind == PathKind::Folder || !isSafetensors(path))
    return DataInfo{};
  HEDDLE_ASSIGN_OR_RETURN(OpenedTensors opened, openTensors(layer, path));
  return opened.info;
}

StatusOr<std::string> readTrainingText(FileLayer &layer, const std::string &path, uint64_t limit) {
  std::string text;
  HEDDLE_RETURN_IF_ERROR(appendText(layer, path, 0, limit, text));
  if (text.empty())
    return invalidInput("--data ", path, ": holds no text");
  return text;
}

StatusOr<std::unique_ptr<TrainingData>> openTrainingData(FileLayer &layer, const std::string &path,
                                                         const Tokenizer *tokenizer,
                                                         const DataOptions &options) {
  HEDDLE_ASSIGN_OR_RETURN(DataInfo info, inspectData(layer, path));
  if (info.kind == DataKind::Text) {
    if (!tokenizer)
      return invalidInput("--data ", path, ": text needs a tokenizer; give --tokenizer bytes");
    HEDDLE_ASSIGN_OR_RETURN(std::string text, readTrainingText(layer, path));
    auto tokens = tokenizer->encode(text);
    if (!tokens.ok())
      return withContext(tokens.status(), path);
    return makeTokenWindows(*std::move(tokens), path, options);
  }
  HEDDLE_ASSIGN_OR_RETURN(OpenedTensors opened, openTensors(layer, path));
  if (info.kind == DataKind::Tokens) {
    HEDDLE_ASSIGN_OR_RETURN(auto tokens, readIntegers(*opened.file.find("tokens")));
    return makeTokenWindows(std::move(tokens), path, options);
  }
  if (info.batch != options.batch || info.seq != options.seq)
    return invalidInput(path, ": batches of ", info.batch, " x ", info.seq,
                        " tokens, the executable is compiled for batch ", options.batch,
                        ", sequence ", options.seq);
  HEDDLE_ASSIGN_OR_RETURN(Batch batches, readBatches(opened.file, options.seq));
  int64_t count = opened.file.find("input_ids")->shape()[0];
  return makeReadyBatches(std::move(batches), count, path, options);
}

} // namespace heddle::runtime
