// SPDX-License-Identifier: Apache-2.0
// Every barrier, fence, wait, commit and arrival that a generated kernel spells, removed alone: a
// fault is reported or the values are wrong; or it is listed here as one that may go, with the
// reason. The calls are found in the text, so that what a generator adds is tried as well.
#include <map>
#include <regex>

#include <gtest/gtest.h>

#include "tests/codegen/cuda/GeneratedGemm.h"

namespace heddle::test {
namespace {

using codegen::CudaGemm;
using codegen::CudaKernel;
using codegen::CudaType;

struct SyncCall {
  size_t begin, end; ///< of the call without its semicolon
  std::string text;
};

std::vector<SyncCall> syncCalls(const std::string &text) {
  static const std::regex pattern(
      "gk_(mbarrier_(wait|expect|arrive|init_fence)|proxy_fence|barrier_(sync|arrive)|syncthreads|"
      "syncwarp|cluster_sync|wgmma_(fence|wait|commit)|bulk_(wait|commit)|cp_async_(wait|commit))"
      "[a-z_]*(<[^>]*>)?\\(");
  std::vector<SyncCall> calls;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), last; it != last; ++it) {
    size_t begin = it->position(), end = begin + it->length();
    for (int depth = 1; depth > 0; ++end)
      depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
    calls.push_back({begin, end, text.substr(begin, end - begin)});
  }
  return calls;
}

/// Calls that may go, and why.
const std::map<std::string, std::string> kMayGo = {
    {"gk_syncwarp()", "gk_cluster_sync orders memory, too; but its .aligned form asks that the "
                      "lanes of a warp come together, which the emulator does not model"},
};

void removeEach(const CudaGemm &gemm, const CudaKernel &kernel) {
  Outcome whole = runGemm(gemm, kernel, kernel.text);
  ASSERT_TRUE(whole.result.isFinished && whole.result.faults.empty() && whole.wrong == 0)
      << whole.result.text();
  std::vector<SyncCall> calls = syncCalls(kernel.text);
  EXPECT_GE(calls.size(), 3u);
  for (const SyncCall &call : calls) {
    std::string text = kernel.text;
    text.replace(call.begin, call.end - call.begin, "(void)0");
    Outcome outcome = runGemm(gemm, kernel, text);
    bool isNoticed = !outcome.result.faults.empty() || outcome.wrong > 0;
    auto line = 1 + std::count(kernel.text.begin(), kernel.text.begin() + call.begin, '\n');
    EXPECT_NE(isNoticed, kMayGo.count(call.text) > 0)
        << kernel.name << ".cu:" << line << ": without " << call.text << "\n"
        << outcome.result.text();
  }
}

TEST(SyncRemoval, wgmma_in_clusters) {
  // Two tiles of three steps through four slots.
  CudaGemm gemm{256, 512, 192};
  gemm.multiprocessors = 2;
  removeEach(gemm, *codegen::gemmByWgmma(gemm));
}

TEST(SyncRemoval, wgmma_without_clusters_to_f32) {
  // Two tiles of four steps through four slots: 256 columns each, MN-major operands.
  CudaGemm gemm{128, 512, 256, codegen::CudaGemmLayout::TN, CudaType::BF16, CudaType::F32, true};
  gemm.multiprocessors = 1;
  removeEach(gemm, *codegen::gemmByWgmma(gemm));
}

TEST(SyncRemoval, mma) {
  // Six steps through three slots.
  for (CudaType type : {CudaType::BF16, CudaType::F32}) {
    CudaGemm gemm{70, 64, type == CudaType::BF16 ? 184 : 92, codegen::CudaGemmLayout::NN, type};
    removeEach(gemm, codegen::gemmByMma(gemm));
  }
}

} // namespace
} // namespace heddle::test
