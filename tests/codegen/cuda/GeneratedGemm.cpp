// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/cuda/GeneratedGemm.h"

#include <cmath>
#include <random>

namespace heddle::test {
namespace {

using codegen::CudaGemm;
using codegen::CudaGemmLayout;
using codegen::CudaKernel;
using codegen::CudaType;

/// Values as a kernel reads them, rounded to what its arithmetic keeps: tf32 where they are f32, so
/// that the result depends on the order of the sums alone.
struct Values {
  Values(size_t count, CudaType type, uint64_t seed) : exact(count) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    bytes.resize(count * bytesOf(type));
    for (size_t i = 0; i < count; ++i) {
      float x = normal(random);
      uint16_t narrow = emulator::toBf16(x);
      exact[i] = type == CudaType::BF16 ? emulator::fromBf16(narrow) : emulator::tf32(bits(x));
      auto stored = static_cast<float>(exact[i]);
      memcpy(&bytes[i * bytesOf(type)],
             type == CudaType::BF16 ? static_cast<void *>(&narrow) : &stored, bytesOf(type));
    }
  }
  std::vector<double> exact;
  std::vector<uint8_t> bytes;
};

emulator::EncodedTensorMap encode(const codegen::TensorMapSpec &spec, const void *base) {
  return tensorMap(base,
                   spec.type == CudaType::BF16 ? emulator::TensorMapType::BF16
                                               : emulator::TensorMapType::F32,
                   {spec.dims, spec.strides, spec.box}, emulator::Swizzle::B128);
}

emulator::LaunchResult launchOn(const std::vector<void *> &buffers, const CudaKernel &kernel,
                                const EmulatedKernels &compiled, const Memory &memory,
                                const emulator::EmulatorOptions &options) {
  std::vector<emulator::EncodedTensorMap> maps(kernel.parameters.size());
  std::vector<void *> addresses(kernel.parameters.size()), parameters;
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const codegen::CudaParameter &parameter = kernel.parameters[i];
    addresses[i] = buffers[parameter.buffer];
    if (parameter.isTensorMap)
      maps[i] = encode(parameter.map, addresses[i]);
    parameters.push_back(parameter.isTensorMap ? static_cast<void *>(&maps[i]) : &addresses[i]);
  }
  const codegen::CudaLaunch &shape = kernel.launch;
  return compiled.launchWith(kernel.name,
                             {shape.grid, shape.cluster, shape.threads, shape.sharedBytes},
                             parameters.data(), memory, options);
}

float elementAt(const uint8_t *bytes, size_t index, CudaType type) {
  float value;
  uint16_t narrow;
  if (type == CudaType::F32) {
    memcpy(&value, bytes + 4 * index, 4);
    return value;
  }
  memcpy(&narrow, bytes + 2 * index, 2);
  return emulator::fromBf16(narrow);
}

} // namespace

Outcome runGemm(const CudaGemm &gemm, const CudaKernel &kernel, const std::string &text,
                const emulator::EmulatorOptions &options) {
  EmulatedKernels compiled(text, kernel.name + ".cu");
  Values a(size_t(gemm.m) * gemm.k, gemm.input, 1), b(size_t(gemm.n) * gemm.k, gemm.input, 2),
      bias(gemm.n, gemm.input, 3);
  Memory memory;
  auto *c = memory.make<uint8_t>(size_t(gemm.m) * gemm.n * bytesOf(gemm.output), 0xff); // NaN
  Outcome outcome;
  outcome.result =
      launchOn({memory.make(a.bytes), memory.make(b.bytes), c, memory.make(bias.bytes)}, kernel,
               compiled, memory, options);

  bool isAT = gemm.layout == CudaGemmLayout::TN, isBT = gemm.layout == CudaGemmLayout::NT;
  for (int i = 0; i < gemm.m; ++i)
    for (int j = 0; j < gemm.n; ++j) {
      double sum = gemm.hasBias ? bias.exact[j] : 0, magnitude = std::abs(sum);
      for (int k = 0; k < gemm.k; ++k) {
        double term = a.exact[isAT ? size_t(k) * gemm.m + i : size_t(i) * gemm.k + k] *
                      b.exact[isBT ? size_t(j) * gemm.k + k : size_t(k) * gemm.n + j];
        sum += term;
        magnitude += std::abs(term);
      }
      double rounding = gemm.output == CudaType::BF16 ? 0x1p-8 * std::abs(sum) : 0;
      double bound = (gemm.k + 2) * 0x1p-24 * magnitude + rounding;
      float value = elementAt(c, size_t(i) * gemm.n + j, gemm.output);
      outcome.wrong += !(std::abs(value - sum) <= bound); // NaN is wrong
    }
  return outcome;
}

} // namespace heddle::test
