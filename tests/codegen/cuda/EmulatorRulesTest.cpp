// SPDX-License-Identifier: Apache-2.0
// Rules of the emulator that the whole kernels do not come upon, a few lines of kernel each.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/codegen/cuda/EmulatedKernel.h"

namespace heddle::test {
namespace {

using emulator::FaultKind;
using testing::HasSubstr;

/// Runs `body` with buffers `in` and `out` of 64 words, 64 threads and 1 KiB of shared memory.
struct Small {
  explicit Small(const std::string &body) {
    EmulatedKernels kernels("GK_KERNEL(64, 1) small(const u32 *in, u32 *out) {\n"
                            "  u32 *shared = (u32 *)gk_shared();\n"
                            "  u32 t = gk_thread(), base = gk_shared_address(shared);\n"
                            "  (void)shared; (void)t; (void)base;\n" +
                                body + "}\nGK_EXPORT(small)\n",
                            "small.cu");
    std::vector<uint32_t> words(64);
    for (uint32_t i = 0; i < 64; ++i)
      words[i] = 1000 + i;
    out = memory.make<uint32_t>(64);
    emulator::EmulatorOptions options;
    options.stepLimit = 100000;
    result =
        kernels.launch("small", {{1, 1, 1}, 1, 64, 1024}, memory, options, memory.make(words), out);
  }
  bool has(FaultKind kind) const {
    return std::any_of(result.faults.begin(), result.faults.end(),
                       [&](const emulator::Fault &fault) { return fault.kind == kind; });
  }
  Memory memory;
  uint32_t *out;
  emulator::LaunchResult result;
};

TEST(EmulatorRules, a_cp_async_counts_from_its_wait_on_and_not_from_its_issue) {
  // Warp 1 reads after the copy has landed, but no barrier tells it so.
  Small small("  if (t < 32) {\n"
              "    gk_cp_async_4(base + 4 * t, in + t, 4);\n"
              "    gk_cp_async_commit();\n"
              "    gk_barrier_sync(1, 64);\n"
              "    gk_cp_async_wait<0>();\n"
              "  } else {\n"
              "    gk_barrier_sync(1, 64);\n"
              "    for (int i = 0; i < 3; i++) gk_barrier_sync(2, 32);\n"
              "    out[t] = shared[t - 32];\n"
              "  }\n");
  EXPECT_TRUE(small.has(FaultKind::Race) && !small.has(FaultKind::InFlight)) << small.result.text();
  EXPECT_EQ(small.out[40], 1008u) << "it had landed";
}

TEST(EmulatorRules, a_bulk_store_is_not_in_global_memory_when_its_source_has_been_read) {
  const std::string body = "  shared[t] = 7 + t;\n"
                           "  gk_proxy_fence();\n"
                           "  gk_syncthreads();\n"
                           "  if (t == 0) {\n"
                           "    gk_bulk_store(out, base, 128);\n"
                           "    gk_bulk_commit();\n"
                           "    WAIT<0>();\n"
                           "    out[63] = out[5];\n"
                           "  }\n";
  auto with = [&](const std::string &wait) {
    std::string text = body;
    return Small(text.replace(text.find("WAIT"), 4, wait)).out[63];
  };
  EXPECT_EQ(with("gk_bulk_wait"), 12u);
  EXPECT_EQ(with("gk_bulk_wait_read"), 0u);
}

TEST(EmulatorRules, lanes_in_different_instructions_are_a_divergence) {
  Small small("  if (t & 1) gk_syncwarp(); else out[t] = gk_shuffle_xor(t, 2);\n");
  EXPECT_TRUE(small.has(FaultKind::Divergence)) << small.result.text();
  EXPECT_FALSE(small.result.isFinished);
}

TEST(EmulatorRules, lanes_that_stay_away_are_a_deadlock_that_says_who_waits) {
  Small small("  if (t != 5) out[t] = gk_shuffle_xor(t, 2);\n");
  ASSERT_TRUE(small.has(FaultKind::Deadlock)) << small.result.text();
  EXPECT_THAT(small.result.text(), HasSubstr("31 threads from 0 wait for shuffle of its warp"));
}

TEST(EmulatorRules, a_thread_that_waits_in_a_loop_of_its_own_is_stopped) {
  Small small("  if (t == 0) while (*(volatile u32 *)(out + 1) == 0) {}\n");
  ASSERT_TRUE(small.has(FaultKind::Deadlock)) << small.result.text();
  EXPECT_THAT(small.result.text(), HasSubstr("small.cu:5"));
  EXPECT_THAT(small.result.text(), HasSubstr("100000 memory accesses"));
}

TEST(EmulatorRules, vectors_must_be_aligned) {
  Small small(
      "  if (t == 0) gk_store((gk_u32x4 *)(out + 4), gk_load((const gk_u32x4 *)(in + 1)));\n");
  EXPECT_TRUE(small.has(FaultKind::Alignment)) << small.result.text();
  Small good(
      "  if (t == 0) gk_store((gk_u32x4 *)(out + 4), gk_load((const gk_u32x4 *)(in + 8)));\n");
  EXPECT_TRUE(good.result.faults.empty()) << good.result.text();
  EXPECT_EQ(good.out[5], 1009u);
}

TEST(EmulatorRules, shared_memory_ends_where_the_launch_says) {
  Small small("  shared[192 + t] = t;\n  if (t == 63) shared[193 + t] = 0;\n");
  ASSERT_TRUE(small.has(FaultKind::SharedBounds)) << small.result.text();
  EXPECT_THAT(small.result.text(), HasSubstr("4 bytes at byte 1024 of 1024 bytes"));
}

TEST(EmulatorRules, named_barriers_agree_on_their_threads) {
  Small two("  gk_barrier_sync(1, t < 32 ? 64 : 32);\n");
  EXPECT_TRUE(two.has(FaultKind::Barrier)) << two.result.text();
  Small odd("  gk_barrier_sync(1, 48);\n");
  EXPECT_TRUE(odd.has(FaultKind::Barrier)) << odd.result.text();
  Small beyond("  gk_barrier_sync(16, 64);\n");
  EXPECT_TRUE(beyond.has(FaultKind::Barrier)) << beyond.result.text();
}

TEST(EmulatorRules, copies_that_nobody_waits_for_are_reported_at_the_end) {
  Small small("  gk_cp_async_4(base + 4 * t, in + t, 4);\n  gk_cp_async_commit();\n");
  EXPECT_TRUE(small.has(FaultKind::UnfinishedCopies)) << small.result.text();
}

} // namespace
} // namespace heddle::test
