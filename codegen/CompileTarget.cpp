// SPDX-License-Identifier: Apache-2.0
#include "codegen/CompileTarget.h"

namespace heddle::codegen {

StatusOr<CompileTarget> parseCompileTarget(const std::string &text) {
  if (text == "cuda:emulated")
    return CompileTarget::emulatedCuda();
  if (text == "cuda" || text.starts_with("cuda:"))
    return invalidInput("--target ", text,
                        ": CUDA devices are not supported yet, only cuda:emulated, which runs CUDA "
                        "kernels on the processor and checks them");
  HEDDLE_ASSIGN_OR_RETURN(Target cpu, parseTarget(text));
  return CompileTarget(std::move(cpu));
}

} // namespace heddle::codegen
