// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/CpuFeatures.h"

#include <algorithm>
#include <cpuid.h>
#include <cstdint>
#include <cstring>
#include <utility>

namespace heddle::runtime {
namespace {

enum Register { Eax, Ebx, Ecx, Edx };
enum class Needs { Nothing, Ymm, Zmm, Tiles };

struct Feature {
  const char *name;
  uint32_t leaf, subleaf;
  Register word;
  int bit;
  Needs needs;
};

// Bits as in the manuals of Intel (volume 2, CPUID) and AMD (volume 3, appendix E).
constexpr Feature kFeatures[] = {
    {"sse3", 1, 0, Ecx, 0, Needs::Nothing},
    {"pclmul", 1, 0, Ecx, 1, Needs::Nothing},
    {"ssse3", 1, 0, Ecx, 9, Needs::Nothing},
    {"fma", 1, 0, Ecx, 12, Needs::Ymm},
    {"cx16", 1, 0, Ecx, 13, Needs::Nothing},
    {"sse4.1", 1, 0, Ecx, 19, Needs::Nothing},
    {"sse4.2", 1, 0, Ecx, 20, Needs::Nothing},
    {"movbe", 1, 0, Ecx, 22, Needs::Nothing},
    {"popcnt", 1, 0, Ecx, 23, Needs::Nothing},
    {"aes", 1, 0, Ecx, 25, Needs::Nothing},
    {"avx", 1, 0, Ecx, 28, Needs::Ymm},
    {"f16c", 1, 0, Ecx, 29, Needs::Ymm},
    {"cmov", 1, 0, Edx, 15, Needs::Nothing},
    {"sse", 1, 0, Edx, 25, Needs::Nothing},
    {"sse2", 1, 0, Edx, 26, Needs::Nothing},
    {"bmi", 7, 0, Ebx, 3, Needs::Nothing},
    {"avx2", 7, 0, Ebx, 5, Needs::Ymm},
    {"bmi2", 7, 0, Ebx, 8, Needs::Nothing},
    {"avx512f", 7, 0, Ebx, 16, Needs::Zmm},
    {"avx512dq", 7, 0, Ebx, 17, Needs::Zmm},
    {"avx512ifma", 7, 0, Ebx, 21, Needs::Zmm},
    {"avx512cd", 7, 0, Ebx, 28, Needs::Zmm},
    {"avx512bw", 7, 0, Ebx, 30, Needs::Zmm},
    {"avx512vl", 7, 0, Ebx, 31, Needs::Zmm},
    {"avx512vbmi", 7, 0, Ecx, 1, Needs::Zmm},
    {"avx512vbmi2", 7, 0, Ecx, 6, Needs::Zmm},
    {"gfni", 7, 0, Ecx, 8, Needs::Nothing},
    {"vaes", 7, 0, Ecx, 9, Needs::Ymm},
    {"vpclmulqdq", 7, 0, Ecx, 10, Needs::Ymm},
    {"avx512vnni", 7, 0, Ecx, 11, Needs::Zmm},
    {"avx512bitalg", 7, 0, Ecx, 12, Needs::Zmm},
    {"avx512vpopcntdq", 7, 0, Ecx, 14, Needs::Zmm},
    {"avx512vp2intersect", 7, 0, Edx, 8, Needs::Zmm},
    {"amx-bf16", 7, 0, Edx, 22, Needs::Tiles},
    {"avx512fp16", 7, 0, Edx, 23, Needs::Zmm},
    {"amx-tile", 7, 0, Edx, 24, Needs::Tiles},
    {"amx-int8", 7, 0, Edx, 25, Needs::Tiles},
    {"avxvnni", 7, 1, Eax, 4, Needs::Ymm},
    {"avx512bf16", 7, 1, Eax, 5, Needs::Zmm},
    {"lzcnt", 0x80000001, 0, Ecx, 5, Needs::Nothing},
    {"sse4a", 0x80000001, 0, Ecx, 6, Needs::Nothing},
    {"64bit", 0x80000001, 0, Edx, 29, Needs::Nothing},
};

/// The register files that the operating system saves (XCR0), 0 without XSAVE.
uint64_t savedState() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27)))
    return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

bool saves(uint64_t state, Needs needs) {
  auto all = [&](uint64_t bits) { return (state & bits) == bits; };
  switch (needs) {
  case Needs::Nothing:
    return true;
  case Needs::Ymm:
    return all(0x6);
  case Needs::Zmm:
    return all(0xE6);
  case Needs::Tiles:
    return all(0x60000);
  }
  return false;
}

std::string modelName() {
  char text[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    uint32_t words[4];
    if (!__get_cpuid(0x80000002 + i, &words[0], &words[1], &words[2], &words[3]))
      return "unknown";
    memcpy(text + 16 * i, words, 16);
  }
  std::string name(text);
  while (!name.empty() && name.back() == ' ')
    name.pop_back();
  return name;
}

} // namespace

CpuFeatures::CpuFeatures() : model_(modelName()) {
  uint64_t state = savedState();
  for (const Feature &feature : kFeatures) {
    uint32_t words[4];
    if (__get_cpuid_count(feature.leaf, feature.subleaf, &words[0], &words[1], &words[2],
                          &words[3]) &&
        (words[feature.word] >> feature.bit & 1) && saves(state, feature.needs))
      names_.push_back(feature.name);
  }
  std::sort(names_.begin(), names_.end());
}

const CpuFeatures &CpuFeatures::host() {
  static const CpuFeatures features;
  return features;
}

bool CpuFeatures::has(const std::string &feature) const {
  // /proc/cpuinfo spells some of LLVM's names its own way.
  static constexpr std::pair<const char *, const char *> kOther[] = {
      {"pni", "sse3"},      {"abm", "lzcnt"},     {"bmi1", "bmi"},
      {"sse4_1", "sse4.1"}, {"sse4_2", "sse4.2"}, {"pclmulqdq", "pclmul"}};
  std::string name = feature;
  for (auto [theirs, ours] : kOther)
    if (name == theirs)
      name = ours;
  if (name.rfind("avx", 0) == 0)
    std::erase(name, '_');
  return std::binary_search(names_.begin(), names_.end(), name);
}

Status CpuFeatures::require(const std::vector<std::string> &required) const {
  std::string missing;
  for (std::string name : required) {
    if (!name.empty() && name.front() == '+')
      name.erase(0, 1);
    if (!has(name))
      missing += (missing.empty() ? "" : ", ") + name;
  }
  if (missing.empty())
    return absl::OkStatus();
  return invalidInput("this machine (", model_, ") lacks ", missing,
                      ", which the executable needs: compile it for this machine");
}

} // namespace heddle::runtime
