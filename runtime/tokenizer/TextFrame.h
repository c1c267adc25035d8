// SPDX-License-Identifier: Apache-2.0
// What stands where when one text or two become one sequence of tokens.

#ifndef HEDDLE_RUNTIME_TOKENIZER_TEXTFRAME_H
#define HEDDLE_RUNTIME_TOKENIZER_TEXTFRAME_H

#include <cstdint>
#include <vector>

namespace heddle::runtime {

struct FramePart {
  enum class Kind { First, Second, Token }; // the first text, the second, a special token
  Kind kind = Kind::First;
  int32_t id = 0;   // of the token
  int32_t type = 0; // token_type_ids of all that stands there
};
using TextFrame = std::vector<FramePart>;

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_TEXTFRAME_H
