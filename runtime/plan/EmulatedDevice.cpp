// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "runtime/cuda/emulator/Emulator.h"
#include "runtime/plan/Device.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {
namespace {

StatusOr<uint64_t> seedOfOrder() {
  const char *text = std::getenv("HEDDLE_EMULATOR_SEED");
  uint64_t seed = 0;
  if (text && *text && !absl::SimpleAtoi(text, &seed))
    return invalidInput("HEDDLE_EMULATOR_SEED=", text, ": expected a number from 0 to 2^64 - 1");
  return seed;
}

/// Memory, copies and threads are the processor's.
class EmulatedDevice : public Device {
public:
  explicit EmulatedDevice(int threads) : cpu_(makeCpuDevice(threads)) {}

  int threads() const override { return cpu_->threads(); }
  ThreadPool &pool() override { return cpu_->pool(); }
  StatusOr<std::unique_ptr<DeviceMemory>> allocate(uint64_t bytes,
                                                   const std::string &purpose) override {
    return cpu_->allocate(bytes, purpose);
  }
  Status upload(void *to, const void *from, uint64_t bytes) override {
    return cpu_->upload(to, from, bytes);
  }
  Status download(void *to, const void *from, uint64_t bytes) override {
    return cpu_->download(to, from, bytes);
  }
  Status zero(void *to, uint64_t bytes) override { return cpu_->zero(to, bytes); }
  Status copy(void *to, const void *from, uint64_t bytes) override {
    return cpu_->copy(to, from, bytes);
  }
  bool sharesHostMemory() const override { return true; }
  uint64_t availableBytes() const override { return cpu_->availableBytes(); }
  StatusOr<std::unique_ptr<Program>> prepare(const Entry &entry, const Bindings &bindings) override;

private:
  std::unique_ptr<Device> cpu_;
};

class EmulatedProgram : public Program {
public:
  EmulatedProgram(const Entry &entry, const Bindings &bindings,
                  std::unique_ptr<DeviceMemory> workspace, uint64_t seed)
      : entry_(entry), workspace_(std::move(workspace)) {
    for (const proto::Launch &launch : entry.plan->launches()) {
      std::vector<void *> &addresses = operands_.emplace_back();
      for (const proto::BufferRef &ref : launch.operands())
        addresses.push_back(bindings.address(ref));
    }
    options_.seed = seed;
  }

  Status run(int begin, int end, LaunchObserver *observer) override {
    for (int i = begin; i < end; ++i) {
      auto start = LaunchObserver::Clock::now();
      HEDDLE_RETURN_IF_ERROR(launch(i));
      if (observer)
        observer->launched(i, start, LaunchObserver::Clock::now());
    }
    return absl::OkStatus();
  }

private:
  Status launch(int index) {
    const proto::Launch &launch = entry_.plan->launches(index);
    // Each operand with its own bounds: a neighbour in the arena is out of reach.
    emulator::GlobalMemory memory;
    std::vector<void *> values = operands_[index];
    for (int i = 0; i < launch.operands_size(); ++i) {
      HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(launch.operands(i).dtype()));
      memory.add(values[i], launch.operands(i).elements() * dtypeSize(dtype));
    }
    if (launch.workspace_bytes() > 0) {
      memory.add(workspace_->address(), launch.workspace_bytes());
      values.push_back(workspace_->address());
    }
    std::vector<void *> parameters;
    for (void *&value : values)
      parameters.push_back(&value);
    for (const proto::GridLaunch &grid : launch.grid()) {
      emulator::LaunchShape shape;
      shape.grid[0] = grid.blocks();
      shape.threads = grid.threads();
      shape.sharedBytes = grid.shared_bytes();
      HEDDLE_ASSIGN_OR_RETURN(emulator::LaunchResult result,
                              emulator::launch(*entry_.modules[index], grid.function(), shape,
                                               parameters.data(), memory, options_));
      if (!result.faults.empty() || !result.isFinished)
        return absl::InternalError(
            absl::StrCat("kernel ", grid.function(), " (", launch.layer(), "): ", result.text()));
    }
    return absl::OkStatus();
  }

  const Entry &entry_;
  std::unique_ptr<DeviceMemory> workspace_;
  std::vector<std::vector<void *>> operands_; // by launch
  emulator::EmulatorOptions options_;
};

StatusOr<std::unique_ptr<Program>> EmulatedDevice::prepare(const Entry &entry,
                                                           const Bindings &bindings) {
  HEDDLE_ASSIGN_OR_RETURN(uint64_t seed, seedOfOrder());
  uint64_t bytes = 1;
  for (const proto::Launch &launch : entry.plan->launches())
    bytes = std::max<uint64_t>(bytes, launch.workspace_bytes());
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<DeviceMemory> workspace,
                          allocate(bytes, "kernels' workspace"));
  return std::unique_ptr<Program>(
      std::make_unique<EmulatedProgram>(entry, bindings, std::move(workspace), seed));
}

} // namespace

std::unique_ptr<Device> makeEmulatedDevice(int threads) {
  return std::make_unique<EmulatedDevice>(threads);
}

} // namespace heddle::runtime
