// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "runtime/plan/Arena.h"
#include "runtime/plan/Device.h"
#include "runtime/plan/ThreadPool.h"

namespace heddle::runtime {
namespace {

class CpuMemory : public DeviceMemory {
public:
  explicit CpuMemory(Arena arena) : arena_(std::move(arena)) {
    address_ = arena_.data();
    size_ = arena_.size();
  }

private:
  Arena arena_;
};

class CpuDevice : public Device {
public:
  explicit CpuDevice(int threads) : pool_(threads > 0 ? threads : ThreadPool::defaultThreads()) {}

  int threads() const override { return pool_.threads(); }
  ThreadPool &pool() override { return pool_; }

  StatusOr<std::unique_ptr<DeviceMemory>> allocate(uint64_t bytes,
                                                   const std::string &purpose) override {
    HEDDLE_ASSIGN_OR_RETURN(Arena arena, Arena::allocate(bytes, purpose));
    return std::unique_ptr<DeviceMemory>(std::make_unique<CpuMemory>(std::move(arena)));
  }
  Status upload(void *to, const void *from, uint64_t bytes) override {
    return copy(to, from, bytes);
  }
  Status download(void *to, const void *from, uint64_t bytes) override {
    return copy(to, from, bytes);
  }
  Status zero(void *to, uint64_t bytes) override {
    if (bytes > 0)
      memset(to, 0, bytes);
    return absl::OkStatus();
  }
  Status copy(void *to, const void *from, uint64_t bytes) override {
    if (bytes > 0)
      memcpy(to, from, bytes);
    return absl::OkStatus();
  }
  bool sharesHostMemory() const override { return true; }
  uint64_t availableBytes() const override { return availableMemory(); }
  StatusOr<std::unique_ptr<Program>> prepare(const Entry &entry, const Bindings &bindings) override;

  /// Room for one launch's scratch on every thread.
  Status reserveScratch(uint64_t bytesPerThread) {
    // A page more keeps threads off each other's cache lines and sets.
    uint64_t stride = (bytesPerThread + 8191) / 4096 * 4096;
    if (bytesPerThread == 0 || stride <= scratchStride_)
      return absl::OkStatus();
    HEDDLE_ASSIGN_OR_RETURN(scratch_, Arena::allocate(stride * threads(), "kernels' scratch"));
    scratchStride_ = stride;
    return absl::OkStatus();
  }
  void *scratch(int thread) const {
    return scratch_.data() ? static_cast<char *>(scratch_.data()) + scratchStride_ * thread
                           : nullptr;
  }

private:
  ThreadPool pool_;
  Arena scratch_;
  uint64_t scratchStride_ = 0;
};

class CpuProgram : public Program {
public:
  CpuProgram(CpuDevice &device, const Entry &entry, const Bindings &bindings) : device_(device) {
    const proto::Plan &plan = *entry.plan;
    size_t total = 0;
    for (const proto::Launch &launch : plan.launches())
      total += launch.operands_size();
    operands_.reserve(total); // launches point into it
    for (int i = 0; i < plan.launches_size(); ++i) {
      const proto::Launch &launch = plan.launches(i);
      launches_.push_back({entry.kernels[i], operands_.data() + operands_.size(), launch.tasks()});
      for (const proto::BufferRef &ref : launch.operands())
        operands_.push_back(bindings.address(ref));
    }
  }

  Status run(int begin, int end, LaunchObserver *observer) override {
    if (!observer) {
      for (int i = begin; i < end; ++i)
        launch(launches_[i]);
      return absl::OkStatus();
    }
    for (int i = begin; i < end; ++i) {
      auto start = LaunchObserver::Clock::now();
      launch(launches_[i]);
      observer->launched(i, start, LaunchObserver::Clock::now());
    }
    return absl::OkStatus();
  }

private:
  struct Launch {
    KernelFunction kernel;
    void *const *operands;
    int64_t tasks;
  };

  void launch(const Launch &launch) {
    device_.pool().parallelFor(launch.tasks, [&](int64_t begin, int64_t end, int thread) {
      launch.kernel(launch.operands, begin, end, device_.scratch(thread));
    });
  }

  CpuDevice &device_;
  std::vector<void *> operands_;
  std::vector<Launch> launches_;
};

StatusOr<std::unique_ptr<Program>> CpuDevice::prepare(const Entry &entry,
                                                      const Bindings &bindings) {
  uint64_t scratch = 0;
  for (const proto::Launch &launch : entry.plan->launches())
    scratch = std::max<uint64_t>(scratch, launch.scratch_bytes());
  HEDDLE_RETURN_IF_ERROR(reserveScratch(scratch));
  return std::unique_ptr<Program>(std::make_unique<CpuProgram>(*this, entry, bindings));
}

} // namespace

void *Bindings::address(const proto::BufferRef &ref) const {
  void *base = arena;
  if (ref.space() == proto::BufferRef::ARGUMENT)
    base = arguments[ref.index()];
  else if (ref.space() == proto::BufferRef::RESULT)
    base = results[ref.index()];
  else if (ref.space() == proto::BufferRef::CONSTANT)
    base = constants[ref.index()];
  return static_cast<char *>(base) + ref.offset();
}

std::unique_ptr<Device> makeDevice(const proto::Manifest &manifest, int threads) {
  return isEmulated(manifest) ? makeEmulatedDevice(threads) : makeCpuDevice(threads);
}

std::unique_ptr<Device> makeCpuDevice(int threads) { return std::make_unique<CpuDevice>(threads); }

} // namespace heddle::runtime
