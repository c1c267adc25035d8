// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_TEXT_CHARTOKENIZER_H
#define HEDDLE_RUNTIME_TEXT_CHARTOKENIZER_H

#include "runtime/text/Tokenizer.h"

namespace heddle::runtime {

/// Id i is the i-th distinct code point in ascending order.
class CharTokenizer : public Tokenizer {
public:
  /// From all characters of `text`, in any order and number.
  static StatusOr<std::unique_ptr<CharTokenizer>> create(std::string_view text,
                                                         const std::string &name);

  std::string kind() const override { return "char"; }
  int64_t vocabSize() const override { return static_cast<int64_t>(codePoints_.size()); }
  StatusOr<std::vector<int32_t>> encode(std::string_view text, Framing framing) const override;
  std::string decode(const std::vector<int32_t> &ids) const override;
  std::string toJson() const override;

  /// All of them as one string, ascending.
  std::string characters() const;

private:
  std::vector<uint32_t> codePoints_; // by id
  std::vector<int32_t> idOf_;        // by code point, -1 where there is none
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TEXT_CHARTOKENIZER_H
