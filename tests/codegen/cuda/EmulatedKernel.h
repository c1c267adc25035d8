// SPDX-License-Identifier: Apache-2.0
// Kernels from tests/codegen/cuda/kernels, compiled for the emulator and launched there.

#ifndef HEDDLE_TESTS_CODEGEN_CUDA_EMULATEDKERNEL_H
#define HEDDLE_TESTS_CODEGEN_CUDA_EMULATEDKERNEL_H

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "runtime/cuda/emulator/Bf16.h"
#include "runtime/cuda/emulator/Emulator.h"
#include "runtime/cuda/emulator/TensorMap.h"

namespace heddle::test {

/// The text of a file in tests/codegen/cuda/kernels.
std::string kernelText(const std::string &file);

/// What a kernel of these tests is made for.
struct KernelFile {
  const char *file;
  std::vector<int> bf16, tf32; ///< the N of its wgmmas
  bool isForSm80;              ///< else for sm_90a alone
};
const std::vector<KernelFile> &kernelFiles();

/// Global memory of 16-byte aligned buffers that end exactly where they end for the emulator.
class Memory {
public:
  template <typename T> T *make(size_t count, T value = T{}) {
    size_t bytes = count * sizeof(T);
    blocks_.emplace_back(new uint8_t[bytes + 1024]);
    auto address = reinterpret_cast<uint64_t>(blocks_.back().get());
    T *buffer = reinterpret_cast<T *>((address + 511) / 512 * 512);
    std::fill_n(buffer, count, value);
    regions.add(buffer, bytes);
    return buffer;
  }
  template <typename T> T *make(const std::vector<T> &content) {
    T *buffer = make<T>(content.size());
    std::copy(content.begin(), content.end(), buffer);
    return buffer;
  }
  emulator::GlobalMemory regions;

private:
  std::vector<std::unique_ptr<uint8_t[]>> blocks_;
};

/// A launch and how much of its output is not as it must be.
struct Outcome {
  emulator::LaunchResult result;
  int64_t wrong = 0;
};

class EmulatedKernels {
public:
  /// Compiles a text; a failure fails the test and shows the compiler's log.
  EmulatedKernels(const std::string &text, const std::string &fileName);
  /// A file of the folder, compiled once in a process.
  static const EmulatedKernels &ofFile(const std::string &file);

  template <typename... Arguments>
  emulator::LaunchResult launch(const std::string &kernel, const emulator::LaunchShape &shape,
                                const Memory &memory, const emulator::EmulatorOptions &options,
                                Arguments... arguments) const {
    void *parameters[] = {static_cast<void *>(&arguments)..., nullptr};
    return launchWith(kernel, shape, parameters, memory, options);
  }
  /// The same, expecting that nothing is found.
  template <typename... Arguments>
  void run(const std::string &kernel, const emulator::LaunchShape &shape, const Memory &memory,
           Arguments... arguments) const {
    expectClean(launch(kernel, shape, memory, {}, arguments...));
  }

  /// Parameters as for cuLaunchKernel.
  emulator::LaunchResult launchWith(const std::string &kernel, const emulator::LaunchShape &shape,
                                    void **parameters, const Memory &memory,
                                    const emulator::EmulatorOptions &options) const;

private:
  static void expectClean(const emulator::LaunchResult &result);
  std::unique_ptr<emulator::KernelObject> object_;
};

/// Small integers, the same ones for a seed, whose sums of products are exact in f32.
std::vector<int> smallIntegers(size_t count, uint64_t seed, int magnitude = 3);
/// They as bf16.
std::vector<uint16_t> asBf16(const std::vector<int> &values);

inline uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }

/// encodeTensorMap of what must be accepted.
emulator::EncodedTensorMap tensorMap(const void *base, emulator::TensorMapType type,
                                     const emulator::TensorMapShape &shape,
                                     emulator::Swizzle swizzle);

} // namespace heddle::test

#endif // HEDDLE_TESTS_CODEGEN_CUDA_EMULATEDKERNEL_H
