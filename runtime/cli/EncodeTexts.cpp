// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/EncodeTexts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "runtime/base/Limits.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Outputs.h"
#include "runtime/cli/TaskOfModel.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Json.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/io/LineReader.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/io/WholeFile.h"
#include "runtime/train/TextRows.h"

namespace heddle::runtime {
namespace {

constexpr char kLengthFile[] = "sentence_bert_config.json";
constexpr char kOutput[] = "sentence_embedding";

/// The texts of --text, then the lines of --file.
StatusOr<std::vector<std::string>> readTexts(FileLayer &layer, const RunFlags &flags) {
  std::vector<std::string> texts = flags.texts;
  auto tooMany = [&] {
    return flags.similarity && static_cast<int64_t>(texts.size()) > kSimilarityTexts;
  };
  if (!flags.textFile.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(File file, layer.openForRead(flags.textFile));
    LineReader lines(std::move(file), limits::kTokenizeLineBytes);
    while (!tooMany()) {
      HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> line, lines.next());
      if (!line)
        break;
      texts.push_back(*std::move(line));
    }
  }
  if (tooMany())
    return invalidInput("--similarity: more than the limit of ", kSimilarityTexts, " texts");
  if (texts.empty())
    return invalidInput("--file ", flags.textFile, ": holds no text");
  return texts;
}

/// "max_seq_length" of a sentence-transformers folder; 0 where it says nothing.
StatusOr<int64_t> longestText(const FileLookup &files) {
  HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> text, files(kLengthFile));
  if (!text)
    return 0;
  HEDDLE_ASSIGN_OR_RETURN(JsonDocument document, parseJson(*text, kLengthFile));
  HEDDLE_RETURN_IF_ERROR(document.ref().asObject().status());
  auto length = document.ref().find("max_seq_length");
  if (!length)
    return 0;
  return length->asInteger(1, INT32_MAX);
}

FileLookup filesOf(const Executable &executable) {
  return [&executable](const std::string &name) -> StatusOr<std::optional<std::string>> {
    const proto::EmbeddedFile *file = executable.file(name);
    return file ? std::optional<std::string>(file->content()) : std::nullopt;
  };
}

/// Texts as rows of the compiled shape, and their vectors.
class Encoder {
public:
  Encoder(PreparedEntry &entry, const proto::Manifest &manifest, int32_t padId)
      : entry_(entry), batch_(manifest.batch()), seq_(manifest.seq()), padId_(padId) {}

  /// Appends the vectors of at most B rows.
  Status run(const std::vector<Example> &rows, std::vector<float> &vectors) {
    const auto size = static_cast<size_t>(batch_ * seq_);
    std::vector<int32_t> ids(size, padId_), mask(size), types(size);
    for (int64_t b = 0; b < batch_; ++b) { // rows that are left over repeat the last one
      const Example &row = rows[std::min(rows.size() - 1, static_cast<size_t>(b))];
      std::copy(row.ids.begin(), row.ids.end(), ids.begin() + b * seq_);
      std::copy(row.types.begin(), row.types.end(), types.begin() + b * seq_);
      std::fill_n(mask.begin() + b * seq_, row.ids.size(), 1);
    }
    for (auto [name, values] : {std::pair("input_ids", &ids), std::pair("attention_mask", &mask),
                                std::pair("token_type_ids", &types)})
      if (entry_.argument(name))
        HEDDLE_RETURN_IF_ERROR(
            entry_.setInput(name, Tensor::of(DType::I32, {batch_, seq_}, *values)));
    HEDDLE_RETURN_IF_ERROR(entry_.run());
    HEDDLE_ASSIGN_OR_RETURN(Tensor output, entry_.output(kOutput));
    width_ = output.shape.back();
    vectors.insert(vectors.end(), output.as<float>(),
                   output.as<float>() + static_cast<int64_t>(rows.size()) * width_);
    return absl::OkStatus();
  }
  int64_t width() const { return width_; }

private:
  PreparedEntry &entry_;
  int64_t batch_, seq_, width_ = 0;
  int32_t padId_;
};

/// numpy's format, version 1.0: [rows, columns] of f32.
Status writeNpy(FileLayer &layer, const std::string &path, const std::vector<float> &values,
                int64_t rows, int64_t columns) {
  std::string header = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows,
                                    ", ", columns, "), }");
  constexpr size_t kPrefix = 10, kAlignment = 64;
  while ((kPrefix + header.size() + 1) % kAlignment != 0)
    header += ' ';
  header += '\n';
  std::string content = {'\x93', 'N', 'U', 'M', 'P', 'Y', '\x01', '\x00'};
  content += static_cast<char>(header.size() & 0xFF);
  content += static_cast<char>(header.size() >> 8);
  content += header;
  content.append(reinterpret_cast<const char *>(values.data()), 4 * values.size());
  return writeFileAtomically(layer, path, content);
}

/// [N, N]: the cosine of each text and each other.
std::vector<std::vector<double>> cosines(const std::vector<float> &vectors, int64_t width) {
  const size_t count = vectors.size() / static_cast<size_t>(width);
  auto dot = [&](size_t a, size_t b) {
    double sum = 0;
    for (int64_t c = 0; c < width; ++c)
      sum += static_cast<double>(vectors[a * static_cast<size_t>(width) + c]) *
             vectors[b * static_cast<size_t>(width) + c];
    return sum;
  };
  std::vector<std::vector<double>> matrix(count, std::vector<double>(count));
  for (size_t a = 0; a < count; ++a)
    for (size_t b = 0; b < count; ++b)
      matrix[a][b] = dot(a, b) / std::sqrt(std::max(dot(a, a) * dot(b, b), 1e-24));
  return matrix;
}

void report(const RunFlags &flags, const std::vector<float> &vectors, int64_t width) {
  const auto count = static_cast<int64_t>(vectors.size()) / width;
  std::vector<std::vector<double>> matrix;
  if (flags.similarity)
    matrix = cosines(vectors, width);
  if (!flags.json) {
    printf("%s F32 [%lld, %lld]\n", kOutput, static_cast<long long>(count),
           static_cast<long long>(width));
    for (const std::vector<double> &row : matrix)
      for (size_t b = 0; b < row.size(); ++b)
        printf("%.4f%c", row[b], b + 1 < row.size() ? ' ' : '\n');
    return;
  }
  JsonWriter json;
  json.beginObject().member("entry", flags.entry).member("texts", count).member("width", width);
  if (!flags.outputs.empty())
    json.member("file", flags.outputs);
  if (flags.similarity)
    json.member("similarity", matrix);
  json.endObject();
  printf("%s\n", json.text().c_str());
}

Status write(FileLayer &layer, const RunFlags &flags, const std::vector<float> &vectors,
             int64_t width) {
  const auto count = static_cast<int64_t>(vectors.size()) / width;
  if (flags.outputs.empty())
    return absl::OkStatus();
  if (flags.outputs.ends_with(".npy"))
    return writeNpy(layer, flags.outputs, vectors, count, width);
  return writeSafetensorsFile(
      layer, flags.outputs,
      {tensorFromMemory(kOutput, DType::F32, {count, width}, vectors.data())});
}

} // namespace

StatusOr<bool> givesTexts(const RunFlags &flags) {
  const bool texts = !flags.texts.empty() || !flags.textFile.empty();
  if (!texts && flags.similarity)
    return invalidInput("--similarity: needs --text or --file");
  if (!texts && flags.inputs.empty())
    return invalidInput("--inputs: missing",
                        flags.entry == "encode" ? "; or --text or --file" : "");
  if (!texts)
    return false;
  if (flags.entry != "encode")
    return invalidInput(flags.texts.empty() ? "--file" : "--text",
                        ": goes with --entry encode only");
  if (!flags.inputs.empty())
    return invalidInput("--inputs: does not go with --text and --file");
  if (flags.outputs.empty() && !flags.similarity)
    return invalidInput("--outputs: missing; or --similarity");
  return true;
}

StatusOr<BatchShape> textShape(FileLayer &layer, const RunFlags &flags, const FileLookup &files,
                               int64_t longest) {
  constexpr int64_t kMostRows = 16, kStep = 16;
  HEDDLE_ASSIGN_OR_RETURN(std::vector<std::string> texts, readTexts(layer, flags));
  HEDDLE_ASSIGN_OR_RETURN(auto tokenizer,
                          tokenizerToCompileFor(layer, flags.tokenizer, files, flags.model));
  int64_t tokens = 1;
  for (const std::string &text : texts) {
    HEDDLE_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer->encode(text, Framing::Special));
    tokens = std::max(tokens, static_cast<int64_t>(ids.size()));
  }
  tokens = (tokens + kStep - 1) / kStep * kStep; // other texts find the same kernels compiled
  HEDDLE_ASSIGN_OR_RETURN(int64_t own, longestText(files));
  for (int64_t limit : {own, longest})
    if (limit > 0)
      tokens = std::min(tokens, limit);
  BatchShape shape;
  shape.batch = std::min(static_cast<int64_t>(texts.size()), kMostRows);
  shape.seq = tokens;
  return shape;
}

StatusOr<int> encodeTexts(FileLayer &layer, SharedExecutable executable, const RunFlags &flags) {
  HEDDLE_RETURN_IF_ERROR(checkOutputFile(layer, "--outputs", flags.outputs,
                                         {flags.model, flags.weights, flags.textFile}));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<std::string> texts, readTexts(layer, flags));
  HEDDLE_ASSIGN_OR_RETURN(auto session, openSession(executable, flags, flags.entry));
  HEDDLE_ASSIGN_OR_RETURN(std::string folder, loadWeights(layer, *session, flags, flags.seed));
  HEDDLE_ASSIGN_OR_RETURN(auto tokenizer,
                          chooseTokenizer(layer, flags.tokenizer, folder, *executable));
  HEDDLE_ASSIGN_OR_RETURN(SpecialTokens special,
                          specialTokens(layer, *executable, *tokenizer,
                                        {tokenizerFolder(layer, flags.tokenizer), folder}));
  const proto::Manifest &manifest = executable->manifest();
  HEDDLE_ASSIGN_OR_RETURN(int64_t longest, longestText(filesOf(*executable)));
  const int64_t seq = longest > 0 ? std::min(longest, manifest.seq()) : manifest.seq();
  HEDDLE_ASSIGN_OR_RETURN(TextFramer framer, TextFramer::create(*tokenizer, seq, flags.strict));
  HEDDLE_ASSIGN_OR_RETURN(PreparedEntry * entry, session->prepare(flags.entry));
  Encoder encoder(*entry, manifest, special.pad.value_or(0));
  std::vector<float> vectors;
  std::vector<Example> rows;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string place = absl::StrCat("text ", i + 1);
    HEDDLE_ASSIGN_OR_RETURN(std::vector<int32_t> ids, framer.encode(texts[i], place));
    HEDDLE_ASSIGN_OR_RETURN(FramedTexts framed, framer.frame(std::move(ids), place));
    rows.push_back(std::move(framed.example));
    if (static_cast<int64_t>(rows.size()) < manifest.batch() && i + 1 < texts.size())
      continue;
    HEDDLE_RETURN_IF_ERROR(encoder.run(rows, vectors));
    rows.clear();
  }
  if (framer.cut() > 0)
    remark(absl::StrCat(framer.cut(), " of ", texts.size(), " texts cut to ", seq, " tokens"));
  for (size_t i = 0; i < vectors.size(); ++i)
    if (!std::isfinite(vectors[i]))
      return absl::FailedPreconditionError(
          absl::StrCat("text ", i / encoder.width() + 1, ": its vector is not finite"));
  HEDDLE_RETURN_IF_ERROR(write(layer, flags, vectors, encoder.width()));
  report(flags, vectors, encoder.width());
  return 0;
}

} // namespace heddle::runtime
