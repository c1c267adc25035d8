// SPDX-License-Identifier: Apache-2.0
// Threads that run one loop at a time, split evenly.
//
// A launch of a compiled plan takes microseconds, so workers spin for a short while after each loop
// before they sleep. They are pinned to CPUs of their own: unpinned, two threads were seen to share
// one CPU for seconds.

#ifndef HEDDLE_RUNTIME_PLAN_THREADPOOL_H
#define HEDDLE_RUNTIME_PLAN_THREADPOOL_H

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace heddle::runtime {

/// Made and used by one thread, which takes part in the work. While a pool of several pinned
/// threads lives, its maker is pinned too; the destructor gives the old affinity back.
class ThreadPool {
public:
  /// `threads` counts the calling thread; at least 1. More threads than CPUs are neither pinned nor
  /// do they spin.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return threads_; }

  /// Calls fn(begin, end, thread) once for each thread's contiguous share of [0, tasks); threads
  /// without a share are not called. Returns when all are done. Not to be nested.
  template <typename Function> void parallelFor(int64_t tasks, Function &&fn) {
    using Plain = std::remove_reference_t<Function>;
    run(
        tasks,
        [](void *context, int64_t begin, int64_t end, int thread) {
          (*static_cast<Plain *>(context))(begin, end, thread);
        },
        const_cast<void *>(static_cast<const void *>(&fn)));
  }

  /// The CPUs this process may use, one per core first, then their siblings.
  static std::vector<int> allowedCpus();
  /// As many as allowedCpus(), no more than the CPU time that the control group grants. Siblings of
  /// a core count: virtual machines misreport them, and sharing a core by mistake costs little.
  static int defaultThreads();

private:
  using Body = void (*)(void *context, int64_t begin, int64_t end, int thread);
  struct alignas(64) Worker {
    std::thread thread;
  };

  void run(int64_t tasks, Body body, void *context);
  void runShare(int thread);
  void work(int thread);

  int threads_;
  bool spins_ = false;
  std::vector<int> previousAffinity_; // of the maker, empty if it was left alone

  // The loop at hand: written before `epoch_` is raised, read after.
  Body body_ = nullptr;
  void *context_ = nullptr;
  int64_t tasks_ = 0;
  int participants_ = 0;
  bool stop_ = false;

  alignas(64) std::atomic<int> epoch_{0};
  alignas(64) std::atomic<int> pending_{0};
  std::unique_ptr<Worker[]> workers_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_THREADPOOL_H
