// SPDX-License-Identifier: Apache-2.0
// Flags that take a number. CLI11's own conversion wraps a negative number into an unsigned one,
// takes the largest number for one that is larger, and reads 010 as 8; here each is an error.

#ifndef HEDDLE_RUNTIME_CLI_NUMBERFLAG_H
#define HEDDLE_RUNTIME_CLI_NUMBERFLAG_H

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include <CLI/CLI.hpp>

namespace heddle::runtime {

/// What a number may be; the verbs themselves check what depends on other flags or on the model.
template <typename Number> struct NumberRange {
  using Limits = std::numeric_limits<Number>;
  static constexpr bool kReal = std::is_floating_point_v<Number>;
  Number least = kReal ? -Limits::infinity() : Limits::lowest();
  Number most = kReal ? Limits::infinity() : Limits::max();

  std::string describe() const {
    if (kReal)
      return "a number";
    if (most < Limits::max())
      return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    return least > Limits::lowest() || least == 0 ? "a whole number from " + std::to_string(least)
                                                  : "a whole number";
  }
};

template <typename T> struct NumberOf {
  using Type = T;
};
template <typename T> struct NumberOf<std::optional<T>> {
  using Type = T;
};

/// `target` is an integer, a double, or an optional of one, which outlives the parse.
template <typename Target, typename Number = typename NumberOf<Target>::Type>
CLI::Option *addNumber(CLI::App &verb, const std::string &flag, Target &target,
                       const std::string &description, NumberRange<Number> range = {}) {
  auto read = [=, &target](const std::string &text) {
    Number number = {};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool isNumber = error == std::errc() && end == text.data() + text.size();
    if (!isNumber || number < range.least || number > range.most)
      throw CLI::ValidationError(flag + " " + text, "expected " + range.describe());
    target = number;
  };
  return verb.add_option_function<std::string>(flag, read, description)
      ->type_name(range.kReal                  ? "FLOAT"
                  : std::is_unsigned_v<Number> ? "UINT"
                                               : "INT");
}

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_NUMBERFLAG_H
