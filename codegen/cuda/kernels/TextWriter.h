// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_TEXTWRITER_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_TEXTWRITER_H

#include <string>

#include "llvm/ADT/Twine.h"

namespace heddle::codegen {

/// Indented lines of C++.
class TextWriter {
public:
  void line(const llvm::Twine &text);
  /// A line that ends in `{`; what follows is indented, until close().
  void open(const llvm::Twine &head);
  void close(const llvm::Twine &tail = "");
  /// "name0", "name1", ...: never the same twice.
  std::string fresh(const char *name) { return name + std::to_string(count_++); }
  const std::string &text() const { return text_; }

private:
  std::string text_;
  int depth_ = 0;
  int count_ = 0;
};

/// As C++ spells it: "0.25f", "-gk_infinity()". A NaN is quiet.
std::string floatLiteral(double value);

/// "a + b", leaving out what is "0".
std::string sumText(const std::string &a, const std::string &b);
/// "index * factor"; "0" for factor 0.
std::string productText(const std::string &index, int64_t factor);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_TEXTWRITER_H
