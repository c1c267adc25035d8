// SPDX-License-Identifier: Apache-2.0
// A CUDA kernel's text as a shared object for the emulator (runtime/cuda/emulator), made by the C++
// compiler of this machine.

#ifndef HEDDLE_CODEGEN_CUDA_HOSTKERNEL_H
#define HEDDLE_CODEGEN_CUDA_HOSTKERNEL_H

#include <string>

#include "runtime/base/Status.h"

namespace heddle::codegen {

/// The compiler to use: $HEDDLE_HOST_CXX, else the first of clang++-22, clang++ and g++ on the
/// PATH. FailedPrecondition says which were looked for.
StatusOr<std::string> hostCompiler();

/// `text` is a kernel's own, in the vocabulary of codegen/cuda/device. The object holds a function
/// `NAME__launch` for each GK_EXPORT(NAME) and a line table. Works in a temporary folder that it
/// removes; may be called by several threads at once. An error holds the compiler's log.
StatusOr<std::string> compileForEmulator(const std::string &text, const std::string &fileName);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_HOSTKERNEL_H
