// SPDX-License-Identifier: Apache-2.0
// What the readers of tokenizer.json's parts share.

#ifndef HEDDLE_RUNTIME_TOKENIZER_READHELPERS_H
#define HEDDLE_RUNTIME_TOKENIZER_READHELPERS_H

#include <initializer_list>
#include <string>
#include <string_view>

#include "runtime/io/Json.h"

namespace heddle::runtime {

/// Every key of the object is one of these: what we do not know may change the ids.
Status expectKeys(const JsonRef &json, std::initializer_list<std::string_view> known);

/// The member "type"; the error of a part that has none of the known types names them.
StatusOr<std::string> typeOf(const JsonRef &json);
Status unknownType(const JsonRef &json, const char *what, const char *known);

/// A member that is one character. `fallback` where it may be absent.
StatusOr<uint32_t> getCharacter(const JsonRef &json, std::string_view key, uint32_t fallback = 0);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_READHELPERS_H
