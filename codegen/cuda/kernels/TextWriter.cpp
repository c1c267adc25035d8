// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/kernels/TextWriter.h"

#include <cmath>
#include <cstdio>

namespace heddle::codegen {

void TextWriter::line(const llvm::Twine &text) {
  text_.append(static_cast<size_t>(depth_) * 2, ' ');
  text_ += text.str();
  text_ += '\n';
}

void TextWriter::open(const llvm::Twine &head) {
  line(head + " {");
  ++depth_;
}

void TextWriter::close(const llvm::Twine &tail) {
  --depth_;
  line("}" + tail);
}

std::string floatLiteral(double value) {
  auto rounded = static_cast<float>(value);
  if (std::isnan(rounded))
    return "gk_from_bits(0x7fc00000u)";
  if (std::isinf(rounded))
    return rounded < 0 ? "-gk_infinity()" : "gk_infinity()";
  char text[40];
  std::snprintf(text, sizeof(text), "%.9g", static_cast<double>(rounded));
  std::string result = text;
  if (result.find_first_of(".e") == std::string::npos)
    result += ".0";
  return result + "f";
}

std::string sumText(const std::string &a, const std::string &b) {
  return a == "0" ? b : b == "0" ? a : a + " + " + b;
}

std::string productText(const std::string &index, int64_t factor) {
  if (factor == 0 || index == "0")
    return "0";
  return factor == 1 ? index : index + " * " + std::to_string(factor);
}

} // namespace heddle::codegen
