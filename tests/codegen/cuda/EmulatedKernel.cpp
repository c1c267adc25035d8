// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/cuda/EmulatedKernel.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "codegen/cuda/HostKernel.h"

namespace heddle::test {

std::string kernelText(const std::string &file) {
  std::string path =
      std::string(getenv("HEDDLE_SOURCE_DIR")) + "/tests/codegen/cuda/kernels/" + file;
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

const std::vector<KernelFile> &kernelFiles() {
  static const std::vector<KernelFile> files = {
      {"Warp.cu", {}, {}, true},      {"Stmatrix.cu", {}, {}, false},
      {"CpAsync.cu", {}, {}, true},   {"Block.cu", {}, {}, true},
      {"Mbarrier.cu", {}, {}, false}, {"Tma.cu", {}, {}, false},
      {"Cluster.cu", {}, {}, false},  {"Wgmma.cu", {64, 128, 192, 256}, {64, 128, 192, 256}, false},
      {"GemmMma.cu", {}, {}, true},   {"GemmWgmma.cu", {128}, {}, false},
  };
  return files;
}

EmulatedKernels::EmulatedKernels(const std::string &text, const std::string &fileName) {
  StatusOr<std::string> compiled = codegen::compileForEmulator(text, fileName);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  if (!compiled.ok())
    return;
  StatusOr<emulator::KernelObject> loaded = emulator::KernelObject::load(*compiled);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  if (loaded.ok())
    object_ = std::make_unique<emulator::KernelObject>(*std::move(loaded));
}

const EmulatedKernels &EmulatedKernels::ofFile(const std::string &file) {
  static std::map<std::string, EmulatedKernels> compiled;
  auto entry = compiled.find(file);
  if (entry == compiled.end())
    entry = compiled.emplace(file, EmulatedKernels(kernelText(file), file)).first;
  return entry->second;
}

emulator::LaunchResult EmulatedKernels::launchWith(const std::string &kernel,
                                                   const emulator::LaunchShape &shape,
                                                   void **parameters, const Memory &memory,
                                                   const emulator::EmulatorOptions &options) const {
  if (!object_)
    return {};
  StatusOr<emulator::LaunchResult> result =
      emulator::launch(*object_, kernel, shape, parameters, memory.regions, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : emulator::LaunchResult{};
}

void EmulatedKernels::expectClean(const emulator::LaunchResult &result) {
  EXPECT_TRUE(result.faults.empty()) << result.text();
  EXPECT_TRUE(result.isFinished);
}

std::vector<int> smallIntegers(size_t count, uint64_t seed, int magnitude) {
  std::mt19937_64 random(seed);
  std::vector<int> values(count);
  for (int &value : values)
    value = static_cast<int>(random() % (2 * magnitude + 1)) - magnitude;
  return values;
}

std::vector<uint16_t> asBf16(const std::vector<int> &values) {
  std::vector<uint16_t> result;
  for (int value : values)
    result.push_back(emulator::toBf16(static_cast<float>(value)));
  return result;
}

emulator::EncodedTensorMap tensorMap(const void *base, emulator::TensorMapType type,
                                     const emulator::TensorMapShape &shape,
                                     emulator::Swizzle swizzle) {
  StatusOr<emulator::EncodedTensorMap> map = encodeTensorMap(base, type, shape, swizzle);
  EXPECT_TRUE(map.ok()) << map.status();
  return map.ok() ? *map : emulator::EncodedTensorMap{};
}

} // namespace heddle::test
