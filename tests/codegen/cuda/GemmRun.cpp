// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/cuda/GemmRun.h"

namespace heddle::test {
namespace {

using emulator::Swizzle;
using emulator::TensorMapType;

/// A problem of small integers with its exact result, rounded once to bf16.
struct Problem {
  explicit Problem(GemmShape s, bool hasBias)
      : shape(s), a(smallIntegers(size_t(s.m) * s.k, 11, 2)),
        b(smallIntegers(size_t(s.n) * s.k, 12, 2)),
        bias(hasBias ? smallIntegers(s.n, 13, 9) : std::vector<int>(s.n)) {}

  int64_t countWrong(const uint16_t *c) const {
    int64_t wrong = 0;
    for (int i = 0; i < shape.m; ++i)
      for (int j = 0; j < shape.n; ++j) {
        int sum = bias[j];
        for (int k = 0; k < shape.k; ++k)
          sum += a[size_t(i) * shape.k + k] * b[size_t(j) * shape.k + k];
        wrong += c[size_t(i) * shape.n + j] != emulator::toBf16(static_cast<float>(sum));
      }
    return wrong;
  }

  GemmShape shape;
  std::vector<int> a, b, bias;
};

/// A matrix [rows][columns] of bf16 in boxes of 64 columns.
emulator::EncodedTensorMap matrixMap(const uint16_t *base, int rows, int columns,
                                     uint32_t boxRows) {
  emulator::TensorMapShape shape{
      {uint64_t(columns), uint64_t(rows)}, {uint64_t(columns) * 2}, {64, boxRows}};
  return tensorMap(base, TensorMapType::BF16, shape, Swizzle::B128);
}

constexpr uint16_t kUnwritten = 0x7fff;

} // namespace

Outcome runGemmWgmma(const EmulatedKernels &kernels, GemmShape shape, uint32_t blocks,
                     uint32_t cluster, const emulator::EmulatorOptions &options) {
  Problem problem(shape, /*hasBias=*/true);
  Memory memory;
  uint16_t *a = memory.make(asBf16(problem.a)), *b = memory.make(asBf16(problem.b)),
           *bias = memory.make(asBf16(problem.bias)),
           *c = memory.make<uint16_t>(size_t(shape.m) * shape.n, kUnwritten);
  constexpr uint32_t kShared = 3 * 2 * 16384 + 4 * 8192 + 6 * 8; // the kernel's struct Shared
  constexpr uint32_t kSharedAligned = (kShared + 1023) / 1024 * 1024;
  Outcome outcome;
  outcome.result = kernels.launch(cluster == 1 ? "gemm_wgmma" : "gemm_wgmma_cluster2",
                                  {{blocks, 1, 1}, cluster, 384, kSharedAligned}, memory, options,
                                  matrixMap(a, shape.m, shape.k, 128),
                                  matrixMap(b, shape.n, shape.k, 128 / cluster),
                                  matrixMap(c, shape.m, shape.n, 64),
                                  static_cast<const uint16_t *>(bias), shape.m, shape.n, shape.k);
  outcome.wrong = problem.countWrong(c);
  return outcome;
}

Outcome runGemmMma(const EmulatedKernels &kernels, GemmShape shape,
                   const emulator::EmulatorOptions &options) {
  Problem problem(shape, /*hasBias=*/false);
  Memory memory;
  uint16_t *a = memory.make(asBf16(problem.a)), *b = memory.make(asBf16(problem.b)),
           *c = memory.make<uint16_t>(size_t(shape.m) * shape.n, kUnwritten);
  auto blocks = [](int size) { return static_cast<uint32_t>(size + 63) / 64; };
  Outcome outcome;
  outcome.result =
      kernels.launch("gemm_mma", {{blocks(shape.n), blocks(shape.m), 1}, 1, 128, 3 * 2 * 4096},
                     memory, options, a, b, c, shape.m, shape.n, shape.k);
  outcome.wrong = problem.countWrong(c);
  return outcome;
}

} // namespace heddle::test
