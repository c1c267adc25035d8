// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <pthread.h>
#include <sched.h>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace heddle::runtime {
namespace {

// Long enough to bridge the small single-threaded launches of a step, short enough that an idle
// session does not heat a core.
constexpr auto kSpin = std::chrono::microseconds(300);

/// Spins until `value` differs from `old` or the time is up; says whether it changed.
bool spinWhileEqual(const std::atomic<int> &value, int old) {
  auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (value.load(std::memory_order_acquire) != old)
        return true;
      __builtin_ia32_pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

void waitWhileEqual(const std::atomic<int> &value, int old, bool spins) {
  if (spins && spinWhileEqual(value, old))
    return;
  value.wait(old, std::memory_order_acquire); // returns only once it differs
}

void pinCallingThread(const std::vector<int> &cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu : cpus)
    CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set,
                         &set); // refused in some sandboxes: then slower
}

std::vector<int> affinity() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set))
        cpus.push_back(cpu);
  if (cpus.empty())
    cpus.push_back(0);
  return cpus;
}

int readNumber(const std::string &path, int fallback) {
  int value = fallback;
  if (FILE *file = fopen(path.c_str(), "re")) {
    if (fscanf(file, "%d", &value) != 1)
      value = fallback;
    fclose(file);
  }
  return value;
}

/// A number that the hardware threads of one core share.
std::pair<int, int> coreOf(int cpu) {
  std::string topology = absl::StrCat("/sys/devices/system/cpu/cpu", cpu, "/topology/");
  return {readNumber(topology + "physical_package_id", 0), readNumber(topology + "core_id", cpu)};
}

/// CPUs' worth of time that the control group grants, or a large number.
int grantedCpus() {
  int granted = 1 << 20;
  if (FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re")) {
    long long quota = 0, period = 0;
    if (fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
      granted = static_cast<int>(std::max(1LL, (quota + period - 1) / period));
    fclose(file);
  }
  return granted;
}

} // namespace

std::vector<int> ThreadPool::allowedCpus() {
  std::vector<int> cpus = affinity();
  std::map<std::pair<int, int>, int> seen;
  std::vector<std::pair<int, int>> ranked; // (how many siblings come before it, cpu)
  for (int cpu : cpus)
    ranked.emplace_back(seen[coreOf(cpu)]++, cpu);
  std::stable_sort(ranked.begin(), ranked.end());
  for (size_t i = 0; i < ranked.size(); ++i)
    cpus[i] = ranked[i].second;
  return cpus;
}

int ThreadPool::defaultThreads() {
  return std::min(static_cast<int>(affinity().size()), grantedCpus());
}

ThreadPool::ThreadPool(int threads) : threads_(std::max(1, threads)) {
  if (threads_ == 1)
    return;
  std::vector<int> cpus = allowedCpus();
  bool pins = threads_ <= static_cast<int>(cpus.size());
  spins_ = pins;
  workers_ = std::make_unique<Worker[]>(threads_ - 1);
  int started = 1;
  try {
    for (; started < threads_; ++started)
      workers_[started - 1].thread =
          std::thread([this, i = started, cpu = pins ? cpus[started] : -1] {
            if (cpu >= 0)
              pinCallingThread({cpu});
            work(i);
          });
  } catch (const std::system_error &) {
    threads_ = started; // no more are granted
  }
  if (pins && threads_ > 1) {
    previousAffinity_ = affinity();
    pinCallingThread({cpus[0]});
  }
}

ThreadPool::~ThreadPool() {
  if (threads_ == 1)
    return;
  stop_ = true;
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (int i = 1; i < threads_; ++i)
    workers_[i - 1].thread.join();
  if (!previousAffinity_.empty())
    pinCallingThread(previousAffinity_);
}

void ThreadPool::runShare(int thread) {
  int64_t whole = tasks_ / participants_, rest = tasks_ % participants_;
  int64_t begin = whole * thread + std::min<int64_t>(thread, rest);
  int64_t end = begin + whole + (thread < rest ? 1 : 0);
  if (begin < end)
    body_(context_, begin, end, thread);
}

void ThreadPool::run(int64_t tasks, Body body, void *context) {
  if (tasks <= 0)
    return;
  if (threads_ == 1 || tasks == 1) {
    body(context, 0, tasks, 0);
    return;
  }
  body_ = body;
  context_ = context;
  tasks_ = tasks;
  participants_ = static_cast<int>(std::min<int64_t>(threads_, tasks));
  pending_.store(threads_ - 1, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all(); // no system call unless someone sleeps
  runShare(0);
  for (int left; (left = pending_.load(std::memory_order_acquire)) != 0;)
    waitWhileEqual(pending_, left, spins_);
}

void ThreadPool::work(int thread) {
  for (int seen = 0;;) {
    waitWhileEqual(epoch_, seen, spins_);
    ++seen; // the maker starts the next loop only after this one is reported done
    if (stop_)
      return;
    if (thread < participants_)
      runShare(thread);
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      pending_.notify_one();
  }
}

} // namespace heddle::runtime
