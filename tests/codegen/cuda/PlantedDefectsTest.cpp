// SPDX-License-Identifier: Apache-2.0
// Each barrier, fence, wait, count and coordinate of two complete kernels, removed or changed once:
// the emulator must name the fault, or the values must be wrong. The shapes use every slot of the
// rings several times; with fewer steps than slots most of these defects do no harm.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/codegen/cuda/ExchangeRun.h"
#include "tests/codegen/cuda/GemmRun.h"

namespace heddle::test {
namespace {

using emulator::FaultKind;

enum class Kernel { Wgmma, WgmmaCluster, Mma, Ring, Exchange };

const char *fileOf(Kernel kernel) {
  switch (kernel) {
  case Kernel::Wgmma:
  case Kernel::WgmmaCluster:
    return "GemmWgmma.cu";
  case Kernel::Mma:
    return "GemmMma.cu";
  case Kernel::Ring:
    return "Mbarrier.cu";
  case Kernel::Exchange:
    return "Cluster.cu";
  }
  return "";
}

/// What a defect must lead to.
enum class Verdict {
  Fault,      ///< a fault of the kind beside it
  WrongValue, ///< no fault: every access is in order, but C is wrong
  Harmless,   ///< the program is still a correct one; `why` says so
};

struct Defect {
  const char *name;
  Kernel kernel;
  const char *from, *to; ///< `from` stands once in the kernel's text
  Verdict verdict = Verdict::Fault;
  FaultKind kind = FaultKind::Race;
  const char *why = "";
};

void PrintTo(const Defect &defect, std::ostream *out) { *out << defect.name; }

constexpr Verdict kFault = Verdict::Fault;

const Defect kDefects[] = {
#include "tests/codegen/cuda/PlantedDefects.inc"
};

std::string planted(const Defect &defect) {
  std::string text = kernelText(fileOf(defect.kernel));
  std::string from = defect.from;
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << "not in the kernel any more: " << from;
  if (at == std::string::npos)
    return text;
  EXPECT_EQ(text.find(from, at + 1), std::string::npos) << "stands there twice: " << from;
  return text.replace(at, from.size(), defect.to);
}

Outcome run(const EmulatedKernels &kernels, Kernel kernel) {
  switch (kernel) {
  case Kernel::Wgmma: // 2 tiles of 5 steps a block, 3 slots
    return runGemmWgmma(kernels, {256, 256, 320}, 2, 1);
  case Kernel::WgmmaCluster: // 4 tiles of 5 steps in one cluster
    return runGemmWgmma(kernels, {512, 256, 320}, 2, 2);
  case Kernel::Mma: // 6 steps, 3 slots
    return runGemmMma(kernels, {100, 64, 184});
  case Kernel::Ring:
    return runRing(kernels, 8);
  case Kernel::Exchange:
    return runExchange(kernels, 2);
  }
  return {};
}

class PlantedDefect : public testing::TestWithParam<Defect> {};

TEST_P(PlantedDefect, is_found) {
  const Defect &defect = GetParam();
  EmulatedKernels kernels(planted(defect), "planted.cu");
  Outcome outcome = run(kernels, defect.kernel);
  std::string seen = outcome.result.text() + std::to_string(outcome.wrong) + " wrong values";
  const auto &faults = outcome.result.faults;
  switch (defect.verdict) {
  case Verdict::Fault:
    EXPECT_TRUE(std::any_of(faults.begin(), faults.end(),
                            [&](const auto &fault) { return fault.kind == defect.kind; }))
        << "expected: " << emulator::faultName(defect.kind) << "\n"
        << seen;
    for (const emulator::Fault &fault : faults)
      EXPECT_EQ(fault.at.file, "planted.cu") << fault.text();
    return;
  case Verdict::WrongValue:
    EXPECT_TRUE(faults.empty() && outcome.wrong > 0) << seen;
    return;
  case Verdict::Harmless:
    EXPECT_TRUE(faults.empty() && outcome.wrong == 0) << defect.why << "\n" << seen;
    return;
  }
}

INSTANTIATE_TEST_SUITE_P(all, PlantedDefect, testing::ValuesIn(kDefects), [](const auto &info) {
  std::string name = info.param.name;
  std::replace_if(name.begin(), name.end(), [](char c) { return !isalnum(c); }, '_');
  return name;
});

} // namespace
} // namespace heddle::test
