// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle/PeakLoop.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <thread>
#include <vector>

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

void pinTo(int index) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return;
  for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || seen++ != index)
      continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
    return;
  }
}

} // namespace

double measureF32Peak(codegen::Isa isa, int threads) {
  Loop loop = loopFor(isa);
  using Clock = std::chrono::steady_clock;
  constexpr int kRounds = 5;
  double best = 0;
  std::atomic<double> sink{0};
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> waiting{threads};
    std::vector<double> seconds(threads);
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&, i] {
        pinTo(i);
        --waiting;
        while (waiting > 0)
          std::this_thread::yield();
        Clock::time_point start = Clock::now();
        sink = loop.run(kSteps);
        seconds[i] = std::chrono::duration<double>(Clock::now() - start).count();
      });
    for (std::thread &worker : workers)
      worker.join();
    double slowest = *std::max_element(seconds.begin(), seconds.end());
    best = std::max(best, threads * loop.flopsPerStep * kSteps / slowest / 1e9);
  }
  return best;
}

} // namespace heddle::tools
