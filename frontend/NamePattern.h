// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_FRONTEND_NAMEPATTERN_H
#define HEDDLE_FRONTEND_NAMEPATTERN_H

#include <string_view>

namespace heddle::frontend {

/// Whether `text` is `pattern`, in which `*` stands for any text.
bool matchesPattern(std::string_view pattern, std::string_view text);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_NAMEPATTERN_H
