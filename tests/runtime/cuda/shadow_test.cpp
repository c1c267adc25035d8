// SPDX-License-Identifier: Apache-2.0
// The rules by which two accesses of shared memory are in order or not.
#include "runtime/cuda/emulator/Shadow.h"

#include <gtest/gtest.h>

namespace heddle::emulator {
namespace {

constexpr uint32_t kThreads = 8, kWidth = 16, kEngine = 8;

struct Agents {
  Agents() : clocks(kWidth, Clock(2 * kWidth, 0)) {
    for (uint32_t i = 0; i < kWidth; ++i)
      clocks[i][i] = 1;
  }
  Access by(uint32_t agent) {
    return {agent, clocks[agent][agent], &clocks[agent], agent, agent >= kThreads, 100 + agent};
  }
  /// What `from` did is ordered before what `to` does; `fenced`: also for engines.
  void order(uint32_t from, uint32_t to, bool fenced = false) {
    clocks[to][from] = clocks[from][from];
    if (fenced)
      clocks[to][kWidth + from] = clocks[from][from];
    ++clocks[from][from];
  }
  std::vector<Clock> clocks;
};

struct ShadowTest : testing::Test {
  Conflict read(uint32_t agent) { return shadow.read(0, agents.by(agent)).conflict; }
  Conflict write(uint32_t agent) { return shadow.write(0, agents.by(agent), false).conflict; }
  Agents agents;
  Shadow shadow{64, kThreads, kWidth};
};

TEST_F(ShadowTest, nothing_is_read_before_it_is_written) {
  EXPECT_EQ(read(0), Conflict::Uninitialised);
  EXPECT_EQ(write(0), Conflict::None);
  EXPECT_EQ(read(0), Conflict::None);
}

TEST_F(ShadowTest, a_write_and_a_read_need_an_order) {
  write(0);
  EXPECT_EQ(read(1), Conflict::WithWrite);
  agents.order(0, 2);
  EXPECT_EQ(read(2), Conflict::None);
}

TEST_F(ShadowTest, a_read_and_a_later_write_need_an_order) {
  write(0);
  agents.order(0, 1);
  EXPECT_EQ(read(1), Conflict::None);
  EXPECT_EQ(write(0), Conflict::WithRead);
}

TEST_F(ShadowTest, every_one_of_many_readers_counts) {
  write(0);
  for (uint32_t reader = 1; reader < kThreads; ++reader)
    agents.order(0, reader);
  agents.clocks[0][0] = 5;
  for (uint32_t reader = 1; reader < kThreads; ++reader)
    EXPECT_EQ(read(reader), Conflict::None);
  for (uint32_t reader = 1; reader + 1 < kThreads; ++reader)
    agents.order(reader, 0);
  Finding finding = shadow.write(0, agents.by(0), false);
  EXPECT_EQ(finding.conflict, Conflict::WithRead);
  EXPECT_EQ(finding.otherAgent, kThreads - 1);
}

TEST_F(ShadowTest, an_engine_sees_a_store_only_through_a_fence) {
  write(0);
  agents.order(0, kEngine);
  EXPECT_EQ(read(kEngine), Conflict::ProxyFence);
  agents.order(0, kEngine, /*fenced=*/true);
  EXPECT_EQ(read(kEngine), Conflict::None);
}

TEST_F(ShadowTest, a_copy_in_flight_bars_everybody_until_it_lands) {
  EXPECT_EQ(shadow.write(0, agents.by(kEngine), true).conflict, Conflict::None);
  agents.order(kEngine, 1);
  EXPECT_EQ(read(1), Conflict::InFlight);
  EXPECT_EQ(write(1), Conflict::InFlight);
  shadow.write(1, agents.by(kEngine), true);
  shadow.land(1, kEngine, agents.clocks[kEngine][kEngine], agents.clocks[kEngine][kEngine]);
  agents.order(kEngine, 1);
  EXPECT_EQ(shadow.read(1, agents.by(1)).conflict, Conflict::None);
}

TEST_F(ShadowTest, an_mbarrier_is_no_data) {
  write(0);
  shadow.markMbarrier(0);
  EXPECT_EQ(read(0), Conflict::Mbarrier);
  EXPECT_EQ(write(0), Conflict::Mbarrier);
}

} // namespace
} // namespace heddle::emulator
