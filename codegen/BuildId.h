// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_BUILDID_H
#define HEDDLE_CODEGEN_BUILDID_H

#include <string>

namespace heddle::codegen {

/// Identifies the code of the running compiler (the linker's build id), so that a kernel cached by
/// another build is never taken for ours. Empty when the program was linked without one.
std::string buildId();

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_BUILDID_H
