// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/Target.h"

#include <algorithm>

#include <cpuid.h>

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

namespace heddle::codegen {
namespace {

struct DataCaches {
  int64_t l1Bytes = 32 << 10;
  int l1Ways = 8;
  int64_t l2Bytes = 512 << 10;
};

/// Intel's deterministic cache leaf is 4, AMD's 0x8000001D; both have the same layout.
DataCaches readCaches() {
  DataCaches caches;
  for (unsigned leaf : {0x4u, 0x8000001Du}) {
    bool found = false;
    for (unsigned index = 0; index < 8; ++index) {
      unsigned a = 0, b = 0, c = 0, d = 0;
      if (!__get_cpuid_count(leaf, index, &a, &b, &c, &d) || (a & 31) == 0)
        break;
      if ((a & 31) == 2) // instructions only
        continue;
      int ways = static_cast<int>((b >> 22) + 1);
      int64_t bytes =
          int64_t{ways} * (((b >> 12) & 1023) + 1) * ((b & 4095) + 1) * (int64_t{c} + 1);
      found = true;
      if (((a >> 5) & 7) == 1) {
        caches.l1Bytes = bytes;
        caches.l1Ways = ways;
      } else if (((a >> 5) & 7) == 2) {
        caches.l2Bytes = bytes;
      }
    }
    if (found)
      return caches;
  }
  return caches;
}

Isa hostIsa() {
  // Includes the check that the operating system saves the registers (XCR0).
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto has = [&](std::initializer_list<const char *> names) {
    return std::all_of(names.begin(), names.end(),
                       [&](const char *name) { return features.lookup(name); });
  };
  if (!has({"avx2", "fma"}))
    return Isa::Scalar;
  return has({"avx512f", "avx512bw", "avx512dq", "avx512vl"}) ? Isa::Avx512 : Isa::Avx2;
}

Target targetWithHostCaches(Isa isa) {
  DataCaches caches = readCaches();
  return Target(isa, caches.l1Bytes, caches.l1Ways, caches.l2Bytes);
}

} // namespace

int Target::lanes() const { return isa_ == Isa::Avx512 ? 16 : isa_ == Isa::Avx2 ? 8 : 4; }

int Target::maxRows(int vectors) const {
  // A step holds the accumulators, one vector of B each, a broadcast of A and, without FMA, a
  // product; one register stays free for the allocator.
  int free = registers() - 1 - vectors - 1 - (hasFma() ? 0 : 1);
  return std::max(1, std::min(free / vectors, l1Ways_));
}

RegisterTile Target::gemmTile() const {
  if (isa_ == Isa::Avx512)
    return {std::min(8, maxRows(3)), 3};
  return {std::min(6, maxRows(2)), 2};
}

RegisterTile Target::attentionTile() const { return {isa_ == Isa::Avx512 ? 8 : 4, 2}; }

std::string Target::name() const {
  return isa_ == Isa::Avx512 ? "cpu:avx512" : isa_ == Isa::Avx2 ? "cpu:avx2" : "cpu:scalar";
}

std::string Target::cacheText() const {
  return absl::StrCat(name(), " l1 ", l1Bytes_, " ways ", l1Ways_, " l2 ", l2Bytes_);
}

std::vector<std::string> Target::requiredFeatures() const {
  switch (isa_) {
  case Isa::Avx512:
    return {"avx", "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"};
  case Isa::Avx2:
    return {"avx", "avx2", "fma"};
  case Isa::Scalar:
    return {};
  }
  return {};
}

MachineOptions Target::machineOptions() const {
  MachineOptions options;
  for (const std::string &feature : requiredFeatures())
    options.features += (options.features.empty() ? "+" : ",+") + feature;
  options.vectorWidth = lanes() * 32;
  return options;
}

Target hostTarget() { return targetWithHostCaches(hostIsa()); }

StatusOr<Target> parseTarget(const std::string &text) {
  if (text == "cpu")
    return hostTarget();
  for (Isa isa : {Isa::Scalar, Isa::Avx2, Isa::Avx512}) {
    Target target = targetWithHostCaches(isa);
    if (text == target.name())
      return target;
  }
  return invalidInput("target ", text, ": expected cpu, cpu:avx512, cpu:avx2 or cpu:scalar");
}

} // namespace heddle::codegen
