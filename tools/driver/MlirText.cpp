// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/MlirText.h"

#include <algorithm>
#include <cctype>

#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "passes/autodiff/Gradients.h"
#include "runtime/base/Limits.h"

using namespace mlir;

namespace heddle::tools {
namespace {

// MLIR's parser reads through a null pointer here (LLVM 22.1.8).
constexpr std::string_view kIndexArray = "array<index";

/// Walks over text as MLIR's lexer does, as far as needed to find what its parser does not survive.
class TextScan {
public:
  explicit TextScan(const std::string &text) : text_(text) {}

  /// What is wrong with the text, with its offset; empty where nothing is.
  std::string run() {
    for (at_ = 0; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"')
        skipString();
      else if (c == '/' && next() == '/')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (std::isspace(static_cast<unsigned char>(c)))
        continue;
      else
        count(c);
      if (depth_ + signs_ > limits::kMlirDepth)
        return absl::StrCat("offset ", at_, ": nested more than ", limits::kMlirDepth, " deep");
      if (latest_ == kIndexArray)
        return absl::StrCat("offset ", at_, ": an array of index, expected one of i64");
    }
    return "";
  }

private:
  char next() const { return at_ + 1 < text_.size() ? text_[at_ + 1] : '\0'; }

  void skipString() {
    // A string ends with its line, whatever is missing.
    for (++at_; at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n'; ++at_)
      if (text_[at_] == '\\')
        ++at_;
    signs_ = 0;
  }

  void count(char c) {
    const bool arrow = previous_ == '-' && c == '>';
    signs_ = c == '-' ? signs_ + 1 : 0;
    if (std::string_view("([{<").find(c) != std::string_view::npos && next() != '=')
      ++depth_;
    else if (std::string_view(")]}>").find(c) != std::string_view::npos && !arrow &&
             !(c == '>' && next() == '='))
      depth_ = std::max(0, depth_ - 1);
    previous_ = c;
    latest_.erase(0, 1).push_back(c);
  }

  const std::string &text_;
  size_t at_ = 0;
  int depth_ = 0, signs_ = 0;
  std::string latest_ = std::string(kIndexArray.size(), ' '); // without blanks and comments
  char previous_ = '\0';
};

} // namespace

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registry.insert<ir::HeddleDialect, func::FuncDialect>();
  passes::registerGradients(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

Status checkMlirText(const std::string &text, const std::string &origin) {
  if (text.size() > limits::kMlirBytes)
    return invalidInput(origin, ": ", text.size(), " bytes, more than the limit of ",
                        limits::kMlirBytes);
  std::string problem = TextScan(text).run();
  return problem.empty() ? absl::OkStatus() : invalidInput(origin, ": ", problem);
}

std::string describe(Diagnostic &diagnostic, const std::string &origin) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto place = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>();
      place && place.getLine() > 0 && place.getFilename() == origin)
    stream << "line " << place.getLine() << ", column " << place.getColumn() << ": ";
  stream << diagnostic;
  return text;
}

StatusOr<OwningOpRef<ModuleOp>> parseMlirText(const std::string &text, const std::string &origin,
                                              MLIRContext &context) {
  HEDDLE_RETURN_IF_ERROR(checkMlirText(text, origin));
  std::vector<std::string> errors;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      errors.push_back(describe(diagnostic, origin));
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context, origin);
  if (!module)
    return invalidInput(origin, ": ", errors.empty() ? "is no module" : llvm::join(errors, "\n"));
  return module;
}

} // namespace heddle::tools
