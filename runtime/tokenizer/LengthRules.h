// SPDX-License-Identifier: Apache-2.0
// "truncation" and "padding" of a tokenizer.json.

#ifndef HEDDLE_RUNTIME_TOKENIZER_LENGTHRULES_H
#define HEDDLE_RUNTIME_TOKENIZER_LENGTHRULES_H

#include <optional>
#include <vector>

#include "runtime/io/Json.h"

namespace heddle::runtime {

struct LengthRules {
  std::optional<uint64_t> longest; // with special tokens
  bool cutLeft = false;
  bool pads = false;
  std::optional<uint64_t> padTo; // else to the text's own length
  uint64_t padMultiple = 0;      // 0 for any length
  bool padLeft = false;
  int32_t padId = 0;
};

/// Of the whole file; the error names the key and value that are not supported.
StatusOr<LengthRules> readLengthRules(const JsonRef &json);

/// `special` tokens are still to come.
void cutToLength(const LengthRules &rules, size_t special, std::vector<int32_t> &ids);
void padToLength(const LengthRules &rules, std::vector<int32_t> &ids);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_LENGTHRULES_H
