// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/Textproto.h"

#include <algorithm>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include "runtime/base/Limits.h"
#include "runtime/base/Utf8.h"
#include "runtime/io/WholeFile.h"

namespace heddle::runtime {
namespace {

std::string place(const std::string &file, int64_t line, int64_t column) {
  return absl::StrCat(file, ":", line, ":", column);
}

class Collector : public google::protobuf::io::ErrorCollector {
public:
  explicit Collector(const std::string &file) : file_(file) {}
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string &message) override {
    constexpr int kMostReported = 10;
    if (++count_ > kMostReported)
      return;
    std::string text = message;
    while (!text.empty() && text.back() == '.')
      text.pop_back();
    // Protobuf counts from 0, editors from 1; -1 is the message as a whole.
    absl::StrAppend(&text_, text_.empty() ? "" : "\n",
                    line < 0 ? file_ : place(file_, line + 1, column + 1), ": ", text);
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string &) override {}
  const std::string &text() const { return text_; }

private:
  const std::string &file_;
  std::string text_;
  int count_ = 0;
};

/// The path of a string that is not UTF-8, which escapes can make of text that is: it could be
/// printed, but not read again. Empty where there is none. Recurses as deep as the parser did.
std::string findBadString(const google::protobuf::Message &message) {
  using google::protobuf::FieldDescriptor;
  const auto *reflection = message.GetReflection();
  std::vector<const FieldDescriptor *> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor *field : fields) {
    int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      std::string name = field->name();
      if (field->type() == FieldDescriptor::TYPE_STRING) {
        std::string scratch;
        const std::string &text =
            field->is_repeated()
                ? reflection->GetRepeatedStringReference(message, field, i, &scratch)
                : reflection->GetStringReference(message, field, &scratch);
        if (!isValidUtf8(text))
          return name;
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        std::string below =
            findBadString(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                               : reflection->GetMessage(message, field));
        if (!below.empty())
          return name + "." + below;
      }
    }
  }
  return std::string();
}

} // namespace

Status parseTextproto(const std::string &text, const std::string &file,
                      google::protobuf::Message &message) {
  if (text.size() > limits::kTextprotoBytes)
    return invalidInput(file, ": ", text.size(), " bytes, more than the limit of ",
                        limits::kTextprotoBytes);
  if (size_t valid = utf8ValidPrefix(text); valid != text.size()) {
    size_t lineStart = valid == 0 ? std::string::npos : text.rfind('\n', valid - 1);
    size_t column = lineStart == std::string::npos ? valid + 1 : valid - lineStart;
    return invalidInput(place(file, 1 + std::count(text.begin(), text.begin() + valid, '\n'),
                              static_cast<int64_t>(column)),
                        ": not UTF-8");
  }
  Collector errors(file);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.SetRecursionLimit(limits::kTextprotoDepth);
  if (!parser.ParseFromString(text, &message) || !errors.text().empty())
    return invalidInput(errors.text().empty() ? file + ": not a textproto" : errors.text());
  if (std::string field = findBadString(message); !field.empty())
    return invalidInput(file, ": field \"", field, "\": not UTF-8");
  return absl::OkStatus();
}

Status readTextprotoFile(FileLayer &layer, const std::string &path,
                         google::protobuf::Message &message) {
  HEDDLE_ASSIGN_OR_RETURN(std::string text, readSmallFile(layer, path, limits::kTextprotoBytes));
  return parseTextproto(text, path, message);
}

std::string printTextproto(const google::protobuf::Message &message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  // Fails only when writing to its stream does, and a string takes everything.
  (void)printer.PrintToString(message, &text);
  return text;
}

} // namespace heddle::runtime
