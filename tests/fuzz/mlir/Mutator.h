// SPDX-License-Identifier: Apache-2.0
// Changes IR text by lines and words, so that most of what comes out still parses.

#ifndef HEDDLE_TESTS_FUZZ_MLIR_MUTATOR_H
#define HEDDLE_TESTS_FUZZ_MLIR_MUTATOR_H

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace heddle::fuzz {

class Mutator {
public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  /// One to four changes of `text`.
  std::string mutate(std::string_view text);
  /// `text` with some lines of `other`.
  std::string crossOver(std::string_view text, std::string_view other);

private:
  using Words = std::vector<std::string>;

  size_t below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  std::string mutateOnce(const std::string &text);
  std::string mutateLines(const std::string &text);
  std::string mutateWord(const std::string &text);
  /// Every occurrence of one number becomes another: sizes stay consistent.
  std::string renumber(const std::string &text);
  std::string number();

  std::minstd_rand random_;
};

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_MLIR_MUTATOR_H
