// SPDX-License-Identifier: Apache-2.0
// Where an executable runs: the one interface between the runtime and a kind of processor.

#ifndef HEDDLE_RUNTIME_PLAN_DEVICE_H
#define HEDDLE_RUNTIME_PLAN_DEVICE_H

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "runtime/plan/Executable.h"

namespace heddle::runtime {

class ThreadPool;

/// Memory of a device, zero at first, given back with the object. `address` is the device's own and
/// is aligned to 64 bytes.
class DeviceMemory {
public:
  virtual ~DeviceMemory() = default;
  void *address() const { return address_; }
  uint64_t size() const { return size_; }

protected:
  void *address_ = nullptr;
  uint64_t size_ = 0;
};

/// Device addresses of a plan's buffers.
struct Bindings {
  void *arena = nullptr;
  std::vector<void *> arguments, results, constants;

  void *address(const proto::BufferRef &ref) const;
};

/// Told about each launch, where it costs nothing to those who do not ask.
class LaunchObserver {
public:
  using Clock = std::chrono::steady_clock;
  virtual ~LaunchObserver() = default;
  virtual void launched(int index, Clock::time_point start, Clock::time_point end) = 0;
};

/// An entry with its buffers bound. The entry, its executable and the buffers outlive it.
class Program {
public:
  virtual ~Program() = default;
  /// Runs launches [begin, end) in order and returns when they are done.
  virtual Status run(int begin, int end, LaunchObserver *observer = nullptr) = 0;
};

/// Used by one thread at a time.
class Device {
public:
  virtual ~Device() = default;
  virtual int threads() const = 0;
  /// For work on the host that may take long: initial weights, searches.
  virtual ThreadPool &pool() = 0;

  virtual StatusOr<std::unique_ptr<DeviceMemory>> allocate(uint64_t bytes,
                                                           const std::string &purpose) = 0;
  virtual Status upload(void *to, const void *from, uint64_t bytes) = 0;
  virtual Status download(void *to, const void *from, uint64_t bytes) = 0;
  virtual Status zero(void *to, uint64_t bytes) = 0;
  /// Within the device; the two do not overlap.
  virtual Status copy(void *to, const void *from, uint64_t bytes) = 0;
  /// Whether device addresses may be read and written directly between runs.
  virtual bool sharesHostMemory() const = 0;
  /// Bytes that could still be allocated; 0 if unknown.
  virtual uint64_t availableBytes() const = 0;

  virtual StatusOr<std::unique_ptr<Program>> prepare(const Entry &entry,
                                                     const Bindings &bindings) = 0;
};

/// This machine's processors. `threads` 0 is ThreadPool::defaultThreads().
std::unique_ptr<Device> makeCpuDevice(int threads);
/// CUDA's programming model on this machine's processors, with every access of a kernel checked
/// (runtime/cuda/emulator): slow, for tests and for machines without a GPU. A fault of a kernel is
/// an error that names it and its line. HEDDLE_EMULATOR_SEED chooses the order of threads and
/// copies.
std::unique_ptr<Device> makeEmulatedDevice(int threads);
/// The one that an executable of this target runs on.
std::unique_ptr<Device> makeDevice(const proto::Manifest &manifest, int threads);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_DEVICE_H
