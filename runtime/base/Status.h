// SPDX-License-Identifier: Apache-2.0
// Errors of the runtime and of every reader.
//
// InvalidArgument: the user's input or flags are wrong (exit 2). FailedPrecondition: a run found a
// difference or a failed check, a non-finite loss (exit 1). Any other code is a failure of the
// machine, such as a full disk (exit 1). Messages are lower case without a final period; they name
// file, key or offset, what was found and what was expected.

#ifndef HEDDLE_RUNTIME_BASE_STATUS_H
#define HEDDLE_RUNTIME_BASE_STATUS_H

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace heddle {

using absl::Status;
using absl::StatusOr;

/// The packaged Abseil's string_view is not std's: text goes in through std::string.
template <typename... Parts> Status invalidInput(const Parts &...parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

/// The same code with `context: ` before the message.
inline Status withContext(const Status &status, const std::string &context) {
  if (status.ok())
    return status;
  return Status(status.code(), absl::StrCat(context, ": ", std::string(status.message())));
}

/// 0 done, 1 ran and failed, 2 bad input.
inline int exitCode(const Status &status) {
  if (status.ok())
    return 0;
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

} // namespace heddle

// Upstream Abseil's names and meaning, with our prefix, until the packaged version has them.
#define HEDDLE_CONCAT_INNER(a, b) a##b
#define HEDDLE_CONCAT(a, b) HEDDLE_CONCAT_INNER(a, b)

#define HEDDLE_RETURN_IF_ERROR(expression)                                                         \
  do {                                                                                             \
    if (::absl::Status heddleStatus = (expression); !heddleStatus.ok())                            \
      return heddleStatus;                                                                         \
  } while (false)

#define HEDDLE_ASSIGN_OR_RETURN(lhs, expression)                                                   \
  HEDDLE_ASSIGN_OR_RETURN_IMPL(HEDDLE_CONCAT(heddleStatusOr, __LINE__), lhs, expression)
#define HEDDLE_ASSIGN_OR_RETURN_IMPL(statusOr, lhs, expression)                                    \
  auto statusOr = (expression);                                                                    \
  if (!statusOr.ok())                                                                              \
    return std::move(statusOr).status();                                                           \
  lhs = *std::move(statusOr)

#endif // HEDDLE_RUNTIME_BASE_STATUS_H
