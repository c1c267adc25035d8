// SPDX-License-Identifier: Apache-2.0
// What the checks of a definition find.

#ifndef HEDDLE_FRONTEND_FIELDERROR_H
#define HEDDLE_FRONTEND_FIELDERROR_H

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

namespace heddle::frontend {

/// What is wrong with which field of a ModelDef ("attention.heads"). Readers of other formats say
/// it in the names of their own files.
struct FieldError {
  std::string field;
  std::string problem;
};

/// Nothing where all is well.
using Found = std::optional<FieldError>;

/// The problem is the parts in a row, as absl::StrCat takes them.
template <typename... Parts> Found wrong(const char *field, const Parts &...parts) {
  return FieldError{field, absl::StrCat(parts...)};
}

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_FIELDERROR_H
