// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle/PeakLoop.h"

#include <atomic>
#include <immintrin.h>

#include "tools/heddle/PinnedRounds.h"

namespace heddle::tools {
namespace {

// 24 independent chains cover the latency of two pipes (4 cycles each) with room to spare and fit
// the 32 registers of AVX-512; AVX2 has 16 registers, of which 12 chains and 2 factors take 14.
constexpr int kChains512 = 24;
constexpr int kChains256 = 12;
constexpr long kSteps = 1 << 21;

// The sum of all chains is returned so that the compiler must compute them.
__attribute__((target("avx512f"), noinline)) double loopAvx512(long steps) {
  __m512 sums[kChains512];
  for (__m512 &sum : sums)
    sum = _mm512_set1_ps(1.0f);
  __m512 a = _mm512_set1_ps(0.9999f), b = _mm512_set1_ps(1e-4f);
  for (long i = 0; i < steps; ++i) {
#pragma GCC unroll 24
    for (int chain = 0; chain < kChains512; ++chain)
      sums[chain] = _mm512_fmadd_ps(sums[chain], a, b);
    // Keeps the loop a loop: without it GCC may reorder chains across steps and spill.
    asm volatile("" : "+v"(a));
  }
  float lanes[16], total = 0;
  for (__m512 &sum : sums) {
    _mm512_storeu_ps(lanes, sum);
    for (float lane : lanes)
      total += lane;
  }
  return total;
}

__attribute__((target("avx2,fma"), noinline)) double loopAvx2(long steps) {
  __m256 sums[kChains256];
  for (__m256 &sum : sums)
    sum = _mm256_set1_ps(1.0f);
  __m256 a = _mm256_set1_ps(0.9999f), b = _mm256_set1_ps(1e-4f);
  for (long i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains256; ++chain)
      sums[chain] = _mm256_fmadd_ps(sums[chain], a, b);
    asm volatile("" : "+x"(a));
  }
  float lanes[8], total = 0;
  for (__m256 &sum : sums) {
    _mm256_storeu_ps(lanes, sum);
    for (float lane : lanes)
      total += lane;
  }
  return total;
}

__attribute__((noinline)) double loopSse(long steps) {
  __m128 sums[kChains256];
  for (__m128 &sum : sums)
    sum = _mm_set1_ps(1.0f);
  __m128 a = _mm_set1_ps(0.9999f), b = _mm_set1_ps(1e-4f);
  for (long i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains256; ++chain)
      sums[chain] = _mm_add_ps(_mm_mul_ps(sums[chain], a), b);
    asm volatile("" : "+x"(a));
  }
  float lanes[4], total = 0;
  for (__m128 &sum : sums) {
    _mm_storeu_ps(lanes, sum);
    for (float lane : lanes)
      total += lane;
  }
  return total;
}

struct Loop {
  double (*run)(long);
  double flopsPerStep;
};

Loop loopFor(codegen::Isa isa) {
  switch (isa) {
  case codegen::Isa::Avx512:
    return {loopAvx512, 2.0 * 16 * kChains512};
  case codegen::Isa::Avx2:
    return {loopAvx2, 2.0 * 8 * kChains256};
  case codegen::Isa::Scalar:
    break;
  }
  return {loopSse, 2.0 * 4 * kChains256};
}

} // namespace

double measureF32Peak(codegen::Isa isa, int threads) {
  Loop loop = loopFor(isa);
  std::atomic<double> sink{0};
  double seconds = fastestRound(threads, [&](int) { sink = loop.run(kSteps); });
  return threads * loop.flopsPerStep * kSteps / seconds / 1e9;
}

} // namespace heddle::tools
