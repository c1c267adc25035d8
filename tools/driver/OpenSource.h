// SPDX-License-Identifier: Apache-2.0
// What a user names as MODEL: a definition, a folder, IR text, or an executable.

#ifndef HEDDLE_TOOLS_DRIVER_OPENSOURCE_H
#define HEDDLE_TOOLS_DRIVER_OPENSOURCE_H

#include <memory>
#include <string>

#include "frontend/Model.h"
#include "runtime/plan/Executable.h"
#include "runtime/text/Tokenizer.h"
#include "tools/driver/Compile.h"

namespace heddle::tools {

struct SourceOptions {
  std::string familyFile;
  std::string weights; // --weights
  std::optional<double> dropout;
  bool embeds = false;             // see frontend::ModelOverrides
  std::vector<std::string> frozen; // --freeze
  std::string lora;                // --lora
  /// As --tokenizer says; where a definition leaves the vocabulary open it takes the tokenizer's.
  std::string tokenizer;
  /// A tokenizer already made (from training text); goes before `tokenizer`.
  std::unique_ptr<runtime::Tokenizer> vocabulary;
};

/// Exactly one of model, mlirText and executable is there.
struct Source {
  std::string path;
  std::unique_ptr<frontend::Model> model; // on the heap: compilations point to it
  std::string mlirText;
  std::shared_ptr<const runtime::Executable> executable;

  /// The longest sequence that the model takes, 0 for no bound.
  int64_t longestSequence() const;
  /// T where the model settles it, as one that reads images does; else 0.
  int64_t fixedSequence() const;
};

/// Opens MODEL by what it is: `*.heddle`, `*.mlir`, else what frontend::loadModel takes.
StatusOr<Source> openSource(const std::string &path, const SourceOptions &options);

/// The compilation of a source that is no executable. The source outlives it.
StatusOr<Compilation> startCompilation(const Source &source, CompileRequest request);

/// The folder that MODEL is or lies in, where a tokenizer may be; empty for files.
std::string modelFolder(const std::string &path);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_OPENSOURCE_H
