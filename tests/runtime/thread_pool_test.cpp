// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <numeric>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/plan/Arena.h"
#include "runtime/plan/ThreadPool.h"
#include "tests/runtime/Sanitized.h"

namespace heddle::runtime {
namespace {

TEST(ThreadPool, EveryTaskRunsOnceInContiguousShares) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (int64_t tasks : {0, 1, 2, 3, 5, 6, 7, 8, 100, 101}) {
      std::vector<int> runs(tasks);
      std::atomic<int> calls{0};
      pool.parallelFor(tasks, [&](int64_t begin, int64_t end, int thread) {
        ASSERT_LT(begin, end);
        ASSERT_LT(thread, threads);
        ++calls;
        for (int64_t i = begin; i < end; ++i)
          ++runs[i];
      });
      EXPECT_THAT(runs, testing::Each(1));
      EXPECT_LE(calls, std::min<int64_t>(threads, tasks));
    }
  }
}

TEST(ThreadPool, WorkersWakeAfterSleep) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum{0};
  for (int round = 0; round < 5; ++round) {
    pool.parallelFor(2, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
    std::this_thread::sleep_for(std::chrono::milliseconds(2)); // longer than they spin
  }
  EXPECT_EQ(sum, 10);
}

TEST(ThreadPool, ManyShortLoops) {
  ThreadPool pool(2);
  std::vector<int64_t> values(64);
  for (int round = 0; round < 20000; ++round)
    pool.parallelFor(64, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i)
        ++values[i];
    });
  EXPECT_THAT(values, testing::Each(20000));
}

TEST(ThreadPool, GivesTheAffinityBack) {
  auto count = [] {
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    return CPU_COUNT(&set);
  };
  int before = count();
  {
    ThreadPool pool(2);
  }
  EXPECT_EQ(count(), before);
  EXPECT_GE(ThreadPool::defaultThreads(), 1);
  EXPECT_LE(ThreadPool::defaultThreads(), before);
}

/// Exit code 0 if all tasks run where address space is left for a few stacks only.
[[noreturn]] void runWithFewStacks() {
  rlimit limit = {uint64_t{1} << 27, uint64_t{1} << 27};
  setrlimit(RLIMIT_AS, &limit);
  ThreadPool pool(64);
  std::atomic<int64_t> sum{0};
  pool.parallelFor(100, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
  _exit(pool.threads() < 64 && sum == 100 ? 0 : 1);
}

TEST(ThreadPool, MakesDoWithTheThreadsGranted) {
  if (test::kSanitized)
    GTEST_SKIP() << "sanitizers need address space without limit";
  EXPECT_EXIT(runWithFewStacks(), testing::ExitedWithCode(0), "");
}

TEST(Arena, IsAlignedAndZero) {
  for (uint64_t bytes : {uint64_t{1}, uint64_t{4096}, uint64_t{5} << 20}) {
    auto arena = Arena::allocate(bytes, "a test");
    ASSERT_TRUE(arena.ok());
    auto address = reinterpret_cast<uintptr_t>(arena->data());
    EXPECT_EQ(address % (bytes >= 2 << 20 ? 2 << 20 : 64), 0u);
    const char *data = static_cast<const char *>(arena->data());
    EXPECT_EQ(data[0], 0);
    EXPECT_EQ(data[bytes - 1], 0);
  }
  EXPECT_TRUE(Arena::allocate(0, "nothing").ok());
}

TEST(Arena, RefusesTheImpossible) {
  for (uint64_t bytes : {~uint64_t{0}, uint64_t{1} << 62}) {
    auto arena = Arena::allocate(bytes, "the arena");
    EXPECT_FALSE(arena.ok());
    EXPECT_NE(std::string(arena.status().message()).find("the arena"), std::string::npos);
  }
  EXPECT_GT(availableMemory(), uint64_t{1} << 20);
}

} // namespace
} // namespace heddle::runtime
