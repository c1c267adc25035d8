// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle/PinnedRounds.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <pthread.h>
#include <sched.h>
#include <thread>
#include <vector>

namespace heddle::tools {
namespace {

constexpr int kRounds = 5;

void pinTo(int index) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return;
  for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || seen++ != index)
      continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
    return;
  }
}

} // namespace

double fastestRound(int threads, const std::function<void(int thread)> &work) {
  using Clock = std::chrono::steady_clock;
  double fastest = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> waiting{threads};
    std::vector<double> seconds(threads);
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&, i] {
        pinTo(i);
        --waiting;
        while (waiting > 0)
          std::this_thread::yield();
        Clock::time_point start = Clock::now();
        work(i);
        seconds[i] = std::chrono::duration<double>(Clock::now() - start).count();
      });
    for (std::thread &worker : workers)
      worker.join();
    fastest = std::min(fastest, *std::max_element(seconds.begin(), seconds.end()));
  }
  return fastest;
}

} // namespace heddle::tools
