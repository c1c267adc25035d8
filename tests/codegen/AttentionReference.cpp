// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/AttentionReference.h"

#include <cmath>
#include <limits>

#include "ir/interpreter/Philox.h"
#include "tests/codegen/KernelText.h"

namespace heddle::codegen {
namespace {

constexpr int64_t kRngId = 5;

bool visible(const AttentionCase &c, const AttentionData &data, int64_t b, int64_t i, int64_t j) {
  int64_t shift = c.keys - c.queries;
  return !(c.causal && j > i + shift) && !(c.window && j <= i + shift - c.window) &&
         !(c.keyMask && data.keyMask[b * c.keys + j] == 0) && !(c.lengths && j >= data.lengths[b]);
}

} // namespace

AttentionData randomAttentionData(const AttentionCase &c) {
  AttentionData data;
  data.q = randomFloats(c.qSize(), 1);
  data.k = randomFloats(c.kSize(), 2);
  data.v = randomFloats(c.vSize(), 3);
  data.dO = randomFloats(c.oSize(), 4);
  data.bias = randomFloats(c.biasSize(), 5);
  std::vector<float> coins = randomFloats(c.batches * c.keys, 6);
  for (float coin : coins)
    data.keyMask.push_back(coin > -0.5f);
  for (int64_t b = 0; b < c.batches; ++b) // the first row sees nothing
    data.lengths.push_back(static_cast<int32_t>(b == 0 ? 0 : (c.keys * (b + 1)) / (c.batches + 1)));
  return data;
}

AttentionResults referenceAttention(const AttentionCase &c, const AttentionData &data) {
  AttentionResults r;
  r.o.assign(c.oSize(), 0);
  r.lse.assign(c.lseSize(), 0);
  r.dq.assign(c.qSize(), 0);
  r.dk.assign(c.kSize(), 0);
  r.dv.assign(c.vSize(), 0);
  r.dBias.assign(c.biasSize(), 0);
  ir::DropoutStream stream{static_cast<uint64_t>(data.rng[0]), static_cast<uint32_t>(data.rng[1]),
                           static_cast<uint32_t>(data.rng[2]), kRngId};
  for (int64_t b = 0; b < c.batches; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.queries; ++i) {
        int64_t row = (b * c.heads + h) * c.queries + i, group = h / (c.heads / c.groups);
        int64_t firstKey = (b * c.groups + group) * c.keys;
        const float *q = &data.q[row * c.headSize], *dO = &data.dO[row * c.valueSize];
        std::vector<double> scores(c.keys), slope(c.keys, 1), factor(c.keys, 1);
        double top = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int64_t j = 0; j < c.keys; ++j) {
          const float *k = &data.k[(firstKey + j) * c.headSize];
          double s = 0;
          for (int64_t d = 0; d < c.headSize; ++d)
            s += double{q[d]} * k[d];
          s *= c.scale;
          if (c.bias)
            s += data.bias[c.biasPlace(b, h, i, j)];
          if (c.softCap != 0) {
            slope[j] = 1 - std::pow(std::tanh(s / c.softCap), 2);
            s = c.softCap * std::tanh(s / c.softCap);
          }
          if (!visible(c, data, b, i, j))
            s = -std::numeric_limits<double>::infinity();
          if (c.dropout > 0)
            factor[j] = stream.factor(row * c.keys + j, c.dropout);
          scores[j] = s;
          top = std::max(top, s);
        }
        if (std::isinf(top)) {
          r.lse[row] = top;
          continue;
        }
        for (double s : scores)
          sum += std::exp(s - top);
        r.lse[row] = top + std::log(sum);
        double delta = 0;
        for (int64_t j = 0; j < c.keys; ++j) {
          double weight = std::exp(scores[j] - r.lse[row]) * factor[j];
          for (int64_t e = 0; e < c.valueSize; ++e)
            r.o[row * c.valueSize + e] += weight * data.v[(firstKey + j) * c.valueSize + e];
        }
        for (int64_t e = 0; e < c.valueSize; ++e)
          delta += dO[e] * r.o[row * c.valueSize + e];
        for (int64_t j = 0; j < c.keys; ++j) {
          double weight = std::exp(scores[j] - r.lse[row]), dP = 0;
          for (int64_t e = 0; e < c.valueSize; ++e) {
            dP += double{dO[e]} * data.v[(firstKey + j) * c.valueSize + e];
            r.dv[(firstKey + j) * c.valueSize + e] += weight * factor[j] * dO[e];
          }
          double dS = weight * (dP * factor[j] - delta) * slope[j];
          if (c.bias)
            r.dBias[c.biasPlace(b, h, i, j)] += dS;
          dS *= c.scale;
          for (int64_t d = 0; d < c.headSize; ++d) {
            r.dq[row * c.headSize + d] += dS * data.k[(firstKey + j) * c.headSize + d];
            r.dk[(firstKey + j) * c.headSize + d] += dS * q[d];
          }
        }
      }
  return r;
}

AttentionOptionsText optionsText(const AttentionCase &c, int firstOptional) {
  AttentionOptionsText text;
  auto operand = [&](const char *name, const std::string &type) {
    text.operands += std::string(" ") + name + "(%" + std::to_string(firstOptional++) + ")";
    text.types.push_back(type);
  };
  if (c.bias)
    operand("bias", tensorText(c.biasShape()));
  if (c.keyMask)
    operand("key_mask", tensorText({c.batches, c.keys}, "i32"));
  if (c.lengths)
    operand("kv_lengths", tensorText({c.batches}, "i32"));
  if (c.dropout > 0)
    operand("rng", tensorText({3}, "i64"));
  text.attributes = " {scale = " + std::to_string(c.scale) + " : f64";
  if (c.causal)
    text.attributes += ", causal";
  if (c.window)
    text.attributes += ", window = " + std::to_string(c.window) + " : i64";
  if (c.softCap != 0)
    text.attributes += ", soft_cap = " + std::to_string(c.softCap) + " : f64";
  if (c.dropout > 0)
    text.attributes += ", dropout = " + std::to_string(c.dropout) +
                       " : f64, rng_id = " + std::to_string(kRngId) + " : i64";
  text.attributes += "}";
  return text;
}

} // namespace heddle::codegen
