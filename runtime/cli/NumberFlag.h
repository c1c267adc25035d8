// SPDX-License-Identifier: Apache-2.0
// Flags that take a number. CLI11's own conversion wraps a negative number into an unsigned one,
// takes the largest number for one that is larger, and reads 010 as 8; here each is an error.

#ifndef HEDDLE_RUNTIME_CLI_NUMBERFLAG_H
#define HEDDLE_RUNTIME_CLI_NUMBERFLAG_H

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include <CLI/CLI.hpp>

namespace heddle::runtime {

template <typename T> struct NumberOf {
  using Type = T;
};
template <typename T> struct NumberOf<std::optional<T>> {
  using Type = T;
};

/// `target` is an integer, a double, or an optional of one, which outlives the parse.
template <typename Target>
CLI::Option *addNumber(CLI::App &verb, const std::string &flag, Target &target,
                       const std::string &description) {
  using Number = typename NumberOf<Target>::Type;
  auto read = [&target, flag](const std::string &text) {
    Number number = {};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range)
      throw CLI::ValidationError(flag + " " + text, "too large a number");
    if (error != std::errc() || end != text.data() + text.size())
      throw CLI::ValidationError(flag + " " + text,
                                 std::is_floating_point_v<Number> ? "expected a number"
                                 : std::is_unsigned_v<Number>     ? "expected a number from 0"
                                                                  : "expected a whole number");
    target = number;
  };
  return verb.add_option_function<std::string>(flag, read, description)
      ->type_name(std::is_floating_point_v<Number> ? "FLOAT"
                  : std::is_unsigned_v<Number>     ? "UINT"
                                                   : "INT");
}

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_NUMBERFLAG_H
