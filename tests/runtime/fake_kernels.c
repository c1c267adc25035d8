// SPDX-License-Identifier: Apache-2.0
// Kernels of a bigram model, by hand: the runtime's tests need an executable but no compiler.
// Shapes as in FakeModel.h.
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { B = 2, T = 8, V = 256 };

typedef void *const *Operands;

// logits[b, t, :] = (table[id, :] + bias * position) * mask; tasks B * T
void fake_forward(Operands o, int64_t begin, int64_t end, void *scratch) {
  const float *table = o[0], *bias = o[1];
  const int32_t *ids = o[2], *mask = o[3], *positions = o[4];
  float *logits = o[5];
  for (int64_t i = begin; i < end; ++i)
    for (int64_t v = 0; v < V; ++v)
      logits[i * V + v] = (table[ids[i] * V + v] + bias[v] * (float)positions[i]) * (float)mask[i];
}

static float logSumExp(const float *row) {
  float highest = row[0], sum = 0;
  for (int64_t v = 1; v < V; ++v)
    highest = row[v] > highest ? row[v] : highest;
  for (int64_t v = 0; v < V; ++v)
    sum += expf(row[v] - highest);
  return highest + logf(sum);
}

// losses[i] of one token; NaN for the input token 255; tasks B * T
void fake_token_loss(Operands o, int64_t begin, int64_t end, void *scratch) {
  const float *table = o[0];
  const int32_t *ids = o[1], *targets = o[2];
  float *losses = o[3];
  for (int64_t i = begin; i < end; ++i) {
    const float *row = table + ids[i] * V;
    losses[i] = targets[i] < 0 ? 0 : logSumExp(row) - row[targets[i]];
    if (ids[i] == 255)
      losses[i] = NAN;
  }
}

static float counted(const int32_t *targets) {
  float count = 0;
  for (int64_t i = 0; i < B * T; ++i)
    count += targets[i] >= 0;
  return count;
}

void fake_mean(Operands o, int64_t begin, int64_t end, void *scratch) {
  const float *losses = o[0];
  float sum = 0;
  for (int64_t i = 0; i < B * T; ++i)
    sum += losses[i];
  *(float *)o[2] = sum / counted(o[1]);
}

// dtable [V, V], slightly disturbed by step and micro-batch as dropout would; tasks V
void fake_grad(Operands o, int64_t begin, int64_t end, void *scratch) {
  const float *table = o[0];
  const int32_t *ids = o[1], *targets = o[2];
  const int64_t *rng = o[3];
  float *gradient = o[4], *row = scratch;
  float share = (1 + 0.001f * (float)((rng[0] + 7 * rng[1] + rng[2]) % 13)) / counted(targets);
  for (int64_t r = begin; r < end; ++r) {
    memset(row, 0, V * sizeof(float));
    float normalizer = logSumExp(table + r * V);
    for (int64_t i = 0; i < B * T; ++i)
      if (ids[i] == r && targets[i] >= 0) {
        for (int64_t v = 0; v < V; ++v)
          row[v] += share * expf(table[r * V + v] - normalizer);
        row[targets[i]] -= share;
      }
    memcpy(gradient + r * V, row, V * sizeof(float));
  }
}

void fake_norm(Operands o, int64_t begin, int64_t end, void *scratch) {
  const float *gradient = o[0];
  double sum = 0;
  for (int64_t i = 0; i < V * V; ++i)
    sum += (double)gradient[i] * gradient[i];
  *(float *)o[1] = (float)sqrt(sum);
}

// table, gradient, m, v, hyper, norm, clip -> table, m, v; tasks V
void fake_adamw(Operands o, int64_t begin, int64_t end, void *scratch) {
  const float *hyper = o[4];
  float clip = *(const float *)o[6] / (*(const float *)o[5] + 1e-6f);
  float scale = clip < 1 ? clip : 1;
  const float *table = o[0], *gradient = o[1], *m = o[2], *v = o[3];
  float *newTable = o[7], *newM = o[8], *newV = o[9];
  for (int64_t i = begin * V; i < end * V; ++i) {
    float g = gradient[i] * scale;
    newM[i] = hyper[2] * m[i] + hyper[3] * g;
    newV[i] = hyper[4] * v[i] + hyper[5] * g * g;
    newTable[i] = table[i] * (1 - hyper[0] * hyper[1]) -
                  hyper[0] / hyper[7] * newM[i] / (sqrtf(newV[i]) / sqrtf(hyper[8]) + hyper[6]);
  }
}

// accumulator, gradient, loss_scale -> accumulator; tasks V
void fake_accumulate(Operands o, int64_t begin, int64_t end, void *scratch) {
  const float *old = o[0], *gradient = o[1];
  float scale = *(const float *)o[2], *sum = o[3];
  for (int64_t i = begin * V; i < end * V; ++i)
    sum[i] = old[i] + scale * gradient[i];
}

void fake_zero(Operands o, int64_t begin, int64_t end, void *scratch) {
  memset((float *)o[0] + begin * V, 0, (end - begin) * V * sizeof(float));
}

// The row of the table is chosen by the sum of all tokens so far, so that the cache matters.
static void pickRow(const float *table, const float *cache, int64_t length, float *logits) {
  int64_t sum = 0;
  for (int64_t t = 0; t < length; ++t)
    sum += (int64_t)cache[t];
  memcpy(logits, table + sum % V * V, V * sizeof(float));
}

// table, ids [B, T], last_index [B] -> logits [B, V], cache [B, 1, T, 1]; tasks B
void fake_prefill(Operands o, int64_t begin, int64_t end, void *scratch) {
  const int32_t *ids = o[1], *last = o[2];
  float *logits = o[3], *cache = o[4];
  for (int64_t b = begin; b < end; ++b) {
    for (int64_t t = 0; t < T; ++t)
      cache[b * T + t] = (float)ids[b * T + t];
    pickRow(o[0], cache + b * T, last[b] + 1, logits + b * V);
  }
}

// table, cache, ids [B, 1], positions [B] -> logits, cache; tasks B
void fake_decode(Operands o, int64_t begin, int64_t end, void *scratch) {
  const int32_t *ids = o[2], *positions = o[3];
  float *logits = o[4], *cache = o[5];
  for (int64_t b = begin; b < end; ++b) {
    cache[b * T + positions[b]] = (float)ids[b];
    pickRow(o[0], cache + b * T, positions[b] + 1, logits + b * V);
  }
}
