// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/cuda/ExchangeRun.h"

namespace heddle::test {

Outcome runRing(const EmulatedKernels &kernels, int rounds,
                const emulator::EmulatorOptions &options) {
  std::vector<uint32_t> in(rounds * 32);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = static_cast<uint32_t>(i * 2654435761u);
  Memory memory;
  uint32_t *out = memory.make<uint32_t>(96);
  Outcome outcome;
  outcome.result = kernels.launch("mbarrier_ring", {{1, 1, 1}, 1, 128, 512}, memory, options,
                                  memory.make(in), out, rounds);
  for (int t = 0; t < 96; ++t) {
    uint32_t sum = 0;
    for (int i = 0; i < rounds; ++i)
      sum = sum * 3 + in[i * 32 + 31 - t % 32];
    outcome.wrong += out[t] != sum;
  }
  return outcome;
}

Outcome runExchange(const EmulatedKernels &kernels, int blocks,
                    const emulator::EmulatorOptions &options) {
  using emulator::Swizzle;
  constexpr int kRows = 64, kBytes = kRows * 128;
  auto count = static_cast<uint32_t>(blocks);
  Memory memory;
  uint16_t *source = memory.make<uint16_t>(kRows * 64);
  for (size_t i = 0; i < kRows * 64; ++i)
    source[i] = static_cast<uint16_t>(1 + i);
  uint16_t *out = memory.make<uint16_t>(count * kBytes / 2);
  uint32_t *words = memory.make<uint32_t>(count * 2);
  emulator::EncodedTensorMap map =
      tensorMap(source, emulator::TensorMapType::BF16, {{64, kRows}, {128}, {64, kRows / count}},
                Swizzle::B128);
  Outcome outcome;
  outcome.result = kernels.launch("cluster_exchange", {{count, 1, 1}, count, 64, kBytes + 24},
                                  memory, options, map, out, kBytes, kRows, words, blocks);
  for (uint32_t b = 0; b < count; ++b) {
    for (uint32_t i = 0; i < kRows * 64; ++i)
      outcome.wrong +=
          out[b * kBytes / 2 + emulator::swizzled(2 * i, Swizzle::B128) / 2] != source[i];
    outcome.wrong += words[2 * b] != 100 + (b + 1) % count;
    outcome.wrong += words[2 * b + 1] != 500 + (b + count - 1) % count;
  }
  return outcome;
}

} // namespace heddle::test
