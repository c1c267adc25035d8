// SPDX-License-Identifier: Apache-2.0
// The files of tests/goldens/generation.

#ifndef HEDDLE_TESTS_RUNTIME_GENERATIONGOLDEN_H
#define HEDDLE_TESTS_RUNTIME_GENERATIONGOLDEN_H

#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/io/FileLayer.h"
#include "runtime/io/Json.h"

namespace heddle::test {

/// Of an array; aborts the test program where it is none.
inline std::vector<runtime::JsonRef> elementsOf(const runtime::JsonRef &array) {
  return array.asArray().value();
}

template <typename T> std::vector<T> numbersOf(const runtime::JsonRef &array) {
  std::vector<T> numbers;
  for (const runtime::JsonRef &element : elementsOf(array))
    numbers.push_back(static_cast<T>(element.asNumber().value()));
  return numbers;
}

class GenerationGolden {
public:
  explicit GenerationGolden(const std::string &name)
      : document_(runtime::readJsonFile(runtime::FileLayer::system(),
                                        std::string(getenv("HEDDLE_SOURCE_DIR")) +
                                            "/tests/goldens/generation/" + name)
                      .value()) {}
  runtime::JsonRef root() const { return document_.ref(); }
  std::vector<runtime::JsonRef> cases() const { return elementsOf(root().at("cases").value()); }

private:
  runtime::JsonDocument document_;
};

} // namespace heddle::test

#endif // HEDDLE_TESTS_RUNTIME_GENERATIONGOLDEN_H
