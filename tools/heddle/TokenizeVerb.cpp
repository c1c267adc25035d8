// SPDX-License-Identifier: Apache-2.0
// heddle tokenize: text to ids and back, a line at a time.
#include <cstdio>

#include "runtime/base/Limits.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Json.h"
#include "runtime/io/LineReader.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Checkpoint.h"
#include "tools/driver/OpenSource.h"
#include "tools/heddle/Verbs.h"

namespace heddle::tools {
namespace {

using runtime::Tokenizer;

/// The model's own tokenizer, else bytes.
StatusOr<std::unique_ptr<Tokenizer>> tokenizerOf(const TokenizeFlags &flags) {
  runtime::FileLayer &files = runtime::FileLayer::system();
  std::unique_ptr<Tokenizer> tokenizer;
  if (!flags.tokenizer.empty())
    return runtime::openTokenizer(files, flags.tokenizer);
  HEDDLE_ASSIGN_OR_RETURN(runtime::ModelFolder folder,
                          runtime::resolveModelFolder(files, flags.model));
  HEDDLE_ASSIGN_OR_RETURN(bool isFolder, files.isFolder(folder.path));
  if (isFolder) {
    HEDDLE_ASSIGN_OR_RETURN(tokenizer, runtime::folderTokenizer(files, folder.path));
  } else if (runtime::isTokenizerFile(runtime::baseName(folder.path))) {
    return runtime::openTokenizer(files, folder.path);
  } else {
    HEDDLE_ASSIGN_OR_RETURN(Source source, openSource(flags.model, {}));
    if (source.executable)
      return runtime::chooseTokenizer(files, "", "", *source.executable);
  }
  return tokenizer ? std::move(tokenizer) : runtime::makeByteTokenizer();
}

Status encodeLine(const Tokenizer &tokenizer, const std::string &line) {
  HEDDLE_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer.encode(line, runtime::Framing::Full));
  std::string text = "[";
  for (size_t i = 0; i < ids.size(); ++i)
    absl::StrAppend(&text, i ? "," : "", ids[i]);
  std::printf("%s]\n", text.c_str());
  return absl::OkStatus();
}

Status decodeLine(const Tokenizer &tokenizer, const std::string &line, const std::string &where) {
  HEDDLE_ASSIGN_OR_RETURN(runtime::JsonDocument document,
                          runtime::parseJson(line, where, limits::kTokenizeLineBytes));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<runtime::JsonRef> elements, document.ref().asArray());
  std::vector<int32_t> ids;
  for (const runtime::JsonRef &element : elements) {
    HEDDLE_ASSIGN_OR_RETURN(int64_t id, element.asInteger(0, tokenizer.vocabSize() - 1));
    ids.push_back(static_cast<int32_t>(id));
  }
  std::printf("%s\n", tokenizer.decode(ids).c_str());
  return absl::OkStatus();
}

} // namespace

StatusOr<int> tokenizeVerb(const TokenizeFlags &flags, const CompilerFlags &) {
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, tokenizerOf(flags));
  bool standard = flags.file.empty() || flags.file == "-";
  StatusOr<runtime::File> file =
      standard ? runtime::standardInput() : runtime::FileLayer::system().openForRead(flags.file);
  HEDDLE_RETURN_IF_ERROR(file.status());
  runtime::LineReader lines(*std::move(file), limits::kTokenizeLineBytes);
  while (true) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> line, lines.next());
    if (!line)
      return 0;
    HEDDLE_RETURN_IF_ERROR(flags.decode
                               ? decodeLine(*tokenizer, *line, lines.place())
                               : withContext(encodeLine(*tokenizer, *line), lines.place()));
  }
}

} // namespace heddle::tools
