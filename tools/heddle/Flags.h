// SPDX-License-Identifier: Apache-2.0
// The flags that only the compiler's verbs have; the others are runtime/cli/Flags.h.

#ifndef HEDDLE_TOOLS_HEDDLE_FLAGS_H
#define HEDDLE_TOOLS_HEDDLE_FLAGS_H

#include <string>

#include "runtime/cli/Flags.h"

namespace heddle::tools {

/// What steers the compiler, for every verb that compiles.
struct CompilerFlags {
  std::string family;       // --family FILE
  std::string requireFused; // "attention:12,ffn:12"
  std::string dumpFolder;
  bool allowNondeterministic = false;
};

struct CompileFlags : runtime::ModelFlags {
  std::string output, emit, tokenizer;
  bool train = false, listStages = false;
  std::optional<double> dropout;
  std::vector<std::string> freeze;
  std::string lora;
};

struct VerifyFlags : runtime::ModelFlags {
  bool grad = false, passes = false;
  std::string against;
  uint64_t seed = 0;
};

struct InspectFlags : runtime::ModelFlags {
  bool params = false, shapes = false, fusions = false, memory = false, kernels = false;
  bool train = false;
  std::string ir;
};

struct TokenizeFlags {
  std::string model, file, tokenizer;
  bool decode = false;
};

void addCompilerFlags(CLI::App &verb, CompilerFlags &flags);
void addFlags(CLI::App &verb, CompileFlags &flags);
void addFlags(CLI::App &verb, VerifyFlags &flags);
void addFlags(CLI::App &verb, InspectFlags &flags);
void addFlags(CLI::App &verb, TokenizeFlags &flags);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLE_FLAGS_H
