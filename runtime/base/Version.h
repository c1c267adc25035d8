// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_BASE_VERSION_H
#define HEDDLE_RUNTIME_BASE_VERSION_H

namespace heddle {

/// What `--version` prints and an executable's manifest records as its compiler.
inline constexpr const char *kVersion = "heddle 0.1";

} // namespace heddle

#endif // HEDDLE_RUNTIME_BASE_VERSION_H
