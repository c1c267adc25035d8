// SPDX-License-Identifier: Apache-2.0
// The layer paths that locations carry, and layer numbers in parameter names.

#ifndef HEDDLE_FRONTEND_LAYERNAMES_H
#define HEDDLE_FRONTEND_LAYERNAMES_H

#include <cstdint>
#include <string>

namespace heddle::frontend {

inline constexpr char kEmbeddingsPath[] = "decoder.embeddings";
inline constexpr char kFinalNormPath[] = "decoder.final_norm";
inline constexpr char kConditionPath[] = "condition";
inline constexpr char kPoolerPath[] = "pooler";
inline constexpr char kHeadPath[] = "lm_head";
inline constexpr char kLayerMark[] = "{layer}";

inline std::string layerPrefix(int64_t layer) { return "decoder.layers." + std::to_string(layer); }
inline std::string attentionPath(int64_t layer) { return layerPrefix(layer) + ".attention"; }
inline std::string modulationPath(int64_t layer) { return layerPrefix(layer) + ".modulation"; }
inline std::string ffnPath(int64_t layer) { return layerPrefix(layer) + ".ffn"; }

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
