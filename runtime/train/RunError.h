// SPDX-License-Identifier: Apache-2.0
// Errors in the middle of a run.

#ifndef HEDDLE_RUNTIME_TRAIN_RUNERROR_H
#define HEDDLE_RUNTIME_TRAIN_RUNERROR_H

#include <string>

#include "runtime/base/Status.h"

namespace heddle::runtime {

/// The same with `context: ` before the message, and never bad input: what was fine when the run
/// began (a folder that could be written) is not the user's mistake when it fails later.
inline Status withRunContext(const Status &status, const std::string &context) {
  Status failed = withContext(status, context);
  return absl::IsInvalidArgument(failed) ? absl::InternalError(failed.message()) : failed;
}

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_RUNERROR_H
