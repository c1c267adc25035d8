// SPDX-License-Identifier: Apache-2.0
// From files to tokens.
#include <algorithm>

#include "runtime/io/Safetensors.h"
#include "runtime/io/WholeFile.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Data.h"
#include "runtime/train/ImageData.h"
#include "runtime/train/Records.h"
#include "runtime/train/RowSetup.h"
#include "runtime/train/SentencePairs.h"

namespace heddle::runtime {
namespace {

bool isSafetensors(const std::string &path) { return path.ends_with(".safetensors"); }
bool isRecords(const std::string &path) { return path.ends_with(".jsonl"); }

Status appendText(FileLayer &layer, const std::string &path, int depth, uint64_t limit,
                  std::string &text) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo info, layer.info(path));
  if (info.kind == PathKind::File && depth == 0 && isRecords(path)) {
    HEDDLE_ASSIGN_OR_RETURN(text, readRecordTexts(layer, path, limit));
    return absl::OkStatus();
  }
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

/// Labels of a regression, or of several classes at once.
bool isNumbers(const TensorView &tensor) {
  const DType dtype = tensor.dtype();
  return tensor.name() == "labels" && (dtype == DType::F32 || dtype == DType::F64 ||
                                       dtype == DType::F16 || dtype == DType::BF16);
}

bool isOfDecoder(std::string_view name) {
  return name == "decoder_input_ids" || name == "decoder_attention_mask";
}

/// What says how long the sequences of a decoder are, which input_ids need not be.
std::optional<TensorView> decoderTensor(const SafetensorsFile &file) {
  for (const char *name : {"decoder_input_ids", "labels"})
    if (auto found = file.find(name); found && found->shape().size() == 3 && !isNumbers(*found))
      return found;
  return std::nullopt;
}

/// What the model, or its encoder, reads: tokens or frames.
std::optional<TensorView> sourceTensor(const SafetensorsFile &file) {
  auto ids = file.find("input_ids");
  return ids ? ids : file.find(kFeaturesInput);
}

/// input_ids [N, B, T], or input_features [N, B, bins, 2 S].
Status checkSource(const TensorView &source) {
  const std::vector<int64_t> &shape = source.shape();
  const bool frames = source.name() == kFeaturesInput;
  if (shape.size() == (frames ? 4 : 3) && source.elements() > 0 && !(frames && shape[3] % 2 != 0))
    return absl::OkStatus();
  return source.error(
      absl::StrCat("has shape ", describeShape(shape), ", expected ",
                   frames ? "[N, B, bins, frames], an even number of frames" : "[N, B, T]"));
}

/// How long the sequence is that an encoder makes of it.
int64_t sourceLength(const TensorView &source) {
  return source.name() == kFeaturesInput ? source.shape().back() / 2 : source.shape().back();
}

/// Tensors [N, B, T], or [N, B] where they may belong to rows; labels that are numbers may be
/// [N, B, K]. What a decoder reads and learns may have a T of its own.
Status checkBatches(const SafetensorsFile &file) {
  const TensorView source = *sourceTensor(file);
  HEDDLE_RETURN_IF_ERROR(checkSource(source));
  const std::vector<int64_t> rows = {source.shape()[0], source.shape()[1]};
  const std::vector<int64_t> ids = {rows[0], rows[1], source.shape().back()};
  std::vector<int64_t> decoder = ids;
  if (auto tensor = decoderTensor(file); tensor && tensor->elements() > 0)
    decoder.back() = tensor->shape().back();
  else if (source.name() == kFeaturesInput)
    return invalidInput(file.path(), ": holds no tensor labels [N, B, T] beside ", kFeaturesInput);
  for (size_t i = 0; i < file.size(); ++i) {
    TensorView tensor = file.at(i);
    if (source.name() == kFeaturesInput && tensor.name() != kFeaturesInput &&
        tensor.name() != "labels" && !isOfDecoder(tensor.name()))
      return tensor.error(absl::StrCat("is not read beside ", kFeaturesInput,
                                       "; expected labels, decoder_input_ids, "
                                       "decoder_attention_mask"));
    const bool perRow = tensor.name() == "labels" || isTarget(tensor.name());
    const bool several = isNumbers(tensor) && tensor.shape().size() == 3 &&
                         std::equal(rows.begin(), rows.end(), tensor.shape().begin());
    const std::vector<int64_t> &expected = tensor.name() == source.name() ? source.shape()
                                           : tensor.name() == "labels" || isOfDecoder(tensor.name())
                                               ? decoder
                                               : ids;
    if (tensor.shape() != expected && !(perRow && tensor.shape() == rows) && !several)
      return tensor.error(absl::StrCat("has shape ", describeShape(tensor.shape()), ", expected ",
                                       source.name() == kFeaturesInput ? "" : "that of input_ids, ",
                                       describeShape(expected),
                                       perRow ? ", or " + describeShape(rows) : ""));
  }
  return absl::OkStatus();
}

/// All batches of a file that checkBatches() accepts.
StatusOr<Batch> readBatches(const SafetensorsFile &file, const DataOptions &options) {
  Batch batches;
  for (size_t i = 0; i < file.size(); ++i) {
    TensorView tensor = file.at(i);
    if (isNumbers(tensor) || tensor.name() == kFeaturesInput) {
      std::vector<float> &numbers =
          batches.numbers[tensor.name() == kFeaturesInput ? kFeaturesInput : "targets"];
      numbers.resize(tensor.elements());
      HEDDLE_RETURN_IF_ERROR(copyToF32(tensor, numbers.data()));
      continue;
    }
    HEDDLE_ASSIGN_OR_RETURN(std::vector<int32_t> values, readIntegers(tensor));
    if (isSpan(tensor.name()))
      clampSpans(values.data(), static_cast<int64_t>(values.size()), options.seq);
    (tensor.name() == "input_ids" ? batches.inputIds
     : tensor.name() == "labels"  ? batches.targets
                                  : batches.others[tensor.name()]) = std::move(values);
  }
  if (options.rules.neededToken)
    HEDDLE_RETURN_IF_ERROR(withContext(
        checkNeededToken(batches.inputIds.data(), static_cast<int64_t>(batches.inputIds.size()),
                         options.seq, options.rules.neededToken),
        file.path()));
  if (options.rules.encoderDecoder && !batches.others.count("decoder_input_ids")) {
    TensorMap inputs;
    inputs["labels"] = Tensor::of(
        DType::I32, {static_cast<int64_t>(batches.targets.size()) / options.seq, options.seq},
        batches.targets);
    if (Status made = makeEntryInputs(inputs, options.rules); !made.ok())
      return withContext(made, file.path());
    const Tensor &read = inputs["decoder_input_ids"];
    batches.others["decoder_input_ids"].assign(read.as<int32_t>(),
                                               read.as<int32_t>() + read.elements());
  }
  return batches;
}

StatusOr<OpenedTensors> openTensors(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(layer, path));
  DataInfo info;
  auto tokens = file.find("tokens"), source = sourceTensor(file), labels = file.find("labels");
  if (tokens) {
    if (tokens->shape().size() != 1)
      return tokens->error(
          absl::StrCat("has shape ", describeShape(tokens->shape()), ", expected one axis"));
    info.kind = DataKind::Tokens;
  } else if (source && (labels || file.find(kSpanInputs[0]))) {
    HEDDLE_RETURN_IF_ERROR(checkBatches(file));
    const int64_t length = sourceLength(*source);
    info = {DataKind::Batches, source->shape()[1], length, length};
    if (auto tensor = decoderTensor(file))
      info.seq = tensor->shape().back();
  } else if (file.find("images")) {
    info.kind = DataKind::Images;
  } else {
    return invalidInput(path, ": expected a tensor tokens [N], or input_ids and labels [N, B, T], "
                              "or images and labels, or input_features and labels");
  }
  return OpenedTensors{std::move(file), info};
}

} // namespace

StatusOr<DataInfo> inspectData(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(PathInfo found, layer.info(path));
  if (found.kind == PathKind::Missing)
    return invalidInput("--data ", path, ": no such file or folder");
  if (found.kind == PathKind::Other)
    return invalidInput("--data ", path, ": is a pipe or device, expected a file or folder");
  if (found.kind != PathKind::Folder && isRecords(path))
    return DataInfo{DataKind::Records};
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

namespace {

/// What the objective learns from text; it has no labels.
StatusOr<std::unique_ptr<TrainingData>> openText(FileLayer &layer, const std::string &path,
                                                 const Tokenizer &tokenizer,
                                                 const DataOptions &options) {
  const Objective objective = options.task.objective;
  HEDDLE_ASSIGN_OR_RETURN(std::string text, readTrainingText(layer, path));
  if (objective == Objective::NextSentence) {
    std::vector<Document> documents;
    HEDDLE_RETURN_IF_ERROR(appendDocuments(text, tokenizer, path, documents));
    return makeSentencePairs(std::move(documents), path, tokenizer, options);
  }
  auto tokens = tokenizer.encode(text);
  if (!tokens.ok())
    return withContext(tokens.status(), path);
  return objective == Objective::MaskedLm
             ? makeMaskedWindows(*std::move(tokens), path, tokenizer, options)
             : makeTokenWindows(*std::move(tokens), path, options);
}

/// What files hold, for messages.
const char *kindName(DataKind kind) {
  switch (kind) {
  case DataKind::Text:
    return "text";
  case DataKind::Records:
    return "records";
  case DataKind::Tokens:
    return "tokens";
  case DataKind::Images:
    return "images";
  case DataKind::Batches:
    break;
  }
  return "ready batches";
}

} // namespace

Status checkDataKind(const std::string &path, DataKind kind, Objective objective) {
  const bool images = objective == Objective::Images || objective == Objective::Denoising;
  const bool reads = objective == Objective::CausalLm || objective == Objective::MaskedLm;
  const bool any = reads || objective == Objective::NextSentence;
  if (kind == DataKind::Batches || (kind == DataKind::Images && images) ||
      (kind == DataKind::Text && any) || (kind == DataKind::Tokens && reads) ||
      (kind == DataKind::Records && !images && objective != Objective::None))
    return absl::OkStatus();
  const char *expected = "ready batches with labels (a safetensors file with input_ids and labels)";
  if (images)
    expected = "a safetensors file with images [N, channels, height, width] and labels [N]";
  else if (any)
    expected = "text, or records (a .jsonl file)";
  else if (objective != Objective::None)
    expected = "records (a .jsonl file), or ready batches with labels (a safetensors file)";
  return invalidInput("--data ", path, ": holds ", kindName(kind), "; the model",
                      objective == Objective::None
                          ? std::string()
                          : absl::StrCat(" (--objective ", objectiveName(objective), ")"),
                      " needs ", expected);
}

namespace {

/// Whether they are what the model reads.
Status checkModelReads(const TensorView &source, const TrainingTask &task) {
  if (source.name() != kFeaturesInput)
    return absl::OkStatus();
  auto compiled = task.inputs.find(kFeaturesInput);
  if (compiled == task.inputs.end())
    return source.error("is not read: the model reads tokens");
  const std::vector<int64_t> shape(source.shape().begin() + 1, source.shape().end());
  if (shape == std::vector<int64_t>(compiled->second.begin(), compiled->second.end()))
    return absl::OkStatus();
  return source.error(absl::StrCat("has batches of shape ", describeShape(shape), ", expected ",
                                   shapeText(compiled->second), " as compiled"));
}

} // namespace

StatusOr<std::unique_ptr<TrainingData>> openTrainingData(FileLayer &layer, const std::string &path,
                                                         const Tokenizer *tokenizer,
                                                         const DataOptions &options) {
  HEDDLE_ASSIGN_OR_RETURN(DataInfo info, inspectData(layer, path));
  const Objective objective = options.task.objective;
  HEDDLE_RETURN_IF_ERROR(checkDataKind(path, info.kind, objective));
  const bool masks = objective == Objective::MaskedLm;
  if (!tokenizer && (info.kind == DataKind::Text || info.kind == DataKind::Records ||
                     (info.kind == DataKind::Tokens && masks)))
    return invalidInput("--data ", path, ": ", kindName(info.kind),
                        " needs a tokenizer; give --tokenizer bytes");
  if (info.kind == DataKind::Text)
    return openText(layer, path, *tokenizer, options);
  if (info.kind == DataKind::Records)
    return openRecords(layer, path, *tokenizer, options);
  HEDDLE_ASSIGN_OR_RETURN(OpenedTensors opened, openTensors(layer, path));
  if (info.kind == DataKind::Images)
    return openImages(opened.file, options);
  if (info.kind == DataKind::Tokens) {
    HEDDLE_ASSIGN_OR_RETURN(auto tokens, readIntegers(*opened.file.find("tokens")));
    return masks ? makeMaskedWindows(std::move(tokens), path, *tokenizer, options)
                 : makeTokenWindows(std::move(tokens), path, options);
  }
  if (info.batch != options.batch || info.seq != options.seq)
    return invalidInput(path, ": batches of ", info.batch, " x ", info.seq,
                        " tokens, the executable is compiled for batch ", options.batch,
                        ", sequence ", options.seq);
  const TensorView source = *sourceTensor(opened.file);
  HEDDLE_RETURN_IF_ERROR(checkModelReads(source, options.task));
  const int64_t sourceSeq = options.sourceSeq > 0 ? options.sourceSeq : options.seq;
  if (info.sourceSeq != sourceSeq)
    return invalidInput(
        path, ": input_ids are ", info.sourceSeq, " tokens long, expected ", sourceSeq,
        options.sourceSeq > 0 ? ", the source length compiled for" : ", as many as labels");
  HEDDLE_ASSIGN_OR_RETURN(Batch batches, readBatches(opened.file, options));
  return makeReadyBatches(std::move(batches), source.shape()[0], path, options);
}

} // namespace heddle::runtime
