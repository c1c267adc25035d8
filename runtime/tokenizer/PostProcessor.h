// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TOKENIZER_POSTPROCESSOR_H
#define HEDDLE_RUNTIME_TOKENIZER_POSTPROCESSOR_H

#include <optional>
#include <vector>

#include "runtime/io/Json.h"
#include "runtime/tokenizer/TextFrame.h"

namespace heddle::runtime {

/// "post_processor": the special tokens around those of a text. (What it says about offsets
/// concerns no ids.)
struct SpecialFrame {
  std::vector<int32_t> before, after;
  /// Do the text's own ids stand between them?
  bool text = true;
  /// The same with token types, and that of two texts; absent where the file says nothing of them.
  std::optional<TextFrame> single, pair;
};

/// The error names the key and value that are not supported.
StatusOr<SpecialFrame> readPostProcessor(const JsonRef &json);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_POSTPROCESSOR_H
