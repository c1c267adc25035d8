// SPDX-License-Identifier: Apache-2.0
// The layer paths that locations carry, and layer numbers in parameter names.

#ifndef HEDDLE_FRONTEND_LAYERNAMES_H
#define HEDDLE_FRONTEND_LAYERNAMES_H

#include <cstdint>
#include <string>
#include <string_view>

namespace heddle::frontend {

// A model of one stack calls it the decoder, whether it looks ahead or not.
inline constexpr char kDecoderStack[] = "decoder";
inline constexpr char kEncoderStack[] = "encoder";
inline constexpr char kImageStack[] = "image";

inline constexpr char kPoolerPath[] = "pooler";
inline constexpr char kHeadPath[] = "lm_head";
inline constexpr char kLayerMark[] = "{layer}";

inline std::string embeddingsPath(std::string_view stack = kDecoderStack) {
  return std::string(stack) + ".embeddings";
}
inline std::string conditionPath(std::string_view stack = kDecoderStack) {
  return std::string(stack) + ".condition";
}
inline std::string finalNormPath(std::string_view stack = kDecoderStack) {
  return std::string(stack) + ".final_norm";
}
inline std::string layerPrefix(int64_t layer, std::string_view stack = kDecoderStack) {
  return std::string(stack) + ".layers." + std::to_string(layer);
}
inline std::string attentionPath(int64_t layer, std::string_view stack = kDecoderStack) {
  return layerPrefix(layer, stack) + ".attention";
}
inline std::string crossAttentionPath(int64_t layer, std::string_view stack = kDecoderStack) {
  return layerPrefix(layer, stack) + ".cross_attention";
}
inline std::string modulationPath(int64_t layer, std::string_view stack = kDecoderStack) {
  return layerPrefix(layer, stack) + ".modulation";
}
inline std::string ffnPath(int64_t layer, std::string_view stack = kDecoderStack) {
  return layerPrefix(layer, stack) + ".ffn";
}

/// `pattern` with every `{layer}` replaced.
inline std::string withLayer(std::string pattern, int64_t layer) {
  const std::string mark = kLayerMark, number = std::to_string(layer);
  for (size_t at = pattern.find(mark); at != std::string::npos;
       at = pattern.find(mark, at + number.size()))
    pattern.replace(at, mark.size(), number);
  return pattern;
}

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_LAYERNAMES_H
