// SPDX-License-Identifier: Apache-2.0
// Attention and its gradient as plain loops in double precision.

#ifndef HEDDLE_TESTS_CODEGEN_ATTENTIONREFERENCE_H
#define HEDDLE_TESTS_CODEGEN_ATTENTIONREFERENCE_H

#include <cstdint>
#include <string>
#include <vector>

namespace heddle::codegen {

/// Shapes and options of heddle.attention; dense tensors [B, H, T, D], [B, G, S, D], [B, G, S, E].
struct BiasAxes {
  bool batch = false, head = true, query = true, key = true;
};
struct AttentionCase {
  int64_t batches = 1, heads = 1, groups = 1, queries = 1, keys = 1, headSize = 1, valueSize = 1;
  bool causal = false;
  int64_t window = 0; // 0: none
  double softCap = 0; // 0: none
  bool keyMask = false, lengths = false, bias = false;
  double dropout = 0;
  double scale = 0.3;
  /// The axes that the bias is not repeated along.
  BiasAxes biasAxes = {};

  int64_t qSize() const { return batches * heads * queries * headSize; }
  int64_t kSize() const { return batches * groups * keys * headSize; }
  int64_t vSize() const { return batches * groups * keys * valueSize; }
  int64_t oSize() const { return batches * heads * queries * valueSize; }
  int64_t lseSize() const { return batches * heads * queries; }
  std::vector<int64_t> biasShape() const {
    return {biasAxes.batch ? batches : 1, biasAxes.head ? heads : 1, biasAxes.query ? queries : 1,
            biasAxes.key ? keys : 1};
  }
  int64_t biasSize() const {
    std::vector<int64_t> shape = biasShape();
    return shape[0] * shape[1] * shape[2] * shape[3];
  }
  int64_t biasPlace(int64_t b, int64_t h, int64_t i, int64_t j) const {
    std::vector<int64_t> shape = biasShape();
    auto along = [&](int axis, int64_t at) { return shape[axis] == 1 ? 0 : at; };
    return ((along(0, b) * shape[1] + along(1, h)) * shape[2] + along(2, i)) * shape[3] +
           along(3, j);
  }
};

struct AttentionData {
  std::vector<float> q, k, v, bias, dO;
  std::vector<int32_t> keyMask, lengths;
  std::vector<int64_t> rng = {0x123456789abcdef, 7, 3};
};

struct AttentionResults {
  std::vector<double> o, lse, dq, dk, dv, dBias;
};

AttentionData randomAttentionData(const AttentionCase &c);
AttentionResults referenceAttention(const AttentionCase &c, const AttentionData &data);

/// The options as the op's attributes and optional operands, to stand behind q, k, v (and o, lse,
/// dO); optional operands are %<firstOptional>, ... in the order bias, key_mask, kv_lengths, rng.
struct AttentionOptionsText {
  std::string operands, attributes;
  std::vector<std::string> types;
};
AttentionOptionsText optionsText(const AttentionCase &c, int firstOptional);

} // namespace heddle::codegen

#endif // HEDDLE_TESTS_CODEGEN_ATTENTIONREFERENCE_H
