// SPDX-License-Identifier: Apache-2.0
// libFuzzer's entry points for IR text (see fuzz_mlir.py).
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/fuzz/mlir/Hammer.h"
#include "tests/fuzz/mlir/Mutator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  heddle::fuzz::compileText(text);
  heddle::fuzz::runEachPass(text);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  heddle::fuzz::Mutator mutator(seed);
  std::string text = mutator.mutate({reinterpret_cast<const char *>(data), size});
  text.resize(std::min(text.size(), maxSize));
  text.copy(reinterpret_cast<char *>(data), text.size());
  return text.size();
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
                                            const uint8_t *data2, size_t size2, uint8_t *out,
                                            size_t maxSize, unsigned seed) {
  heddle::fuzz::Mutator mutator(seed);
  std::string text = mutator.crossOver({reinterpret_cast<const char *>(data1), size1},
                                       {reinterpret_cast<const char *>(data2), size2});
  text.resize(std::min(text.size(), maxSize));
  text.copy(reinterpret_cast<char *>(out), text.size());
  return text.size();
}
