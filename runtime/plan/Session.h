// SPDX-License-Identifier: Apache-2.0
// An executable with its parameters and state on a device.

#ifndef HEDDLE_RUNTIME_PLAN_SESSION_H
#define HEDDLE_RUNTIME_PLAN_SESSION_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/plan/Device.h"
#include "runtime/plan/PreparedEntry.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {

class Weights;

/// A parameter or state on the device.
struct StoredTensor {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  void *address = nullptr; // in memory of the session, aligned to 64 bytes
  uint64_t size = 0;

  void *data() const { return address; }
  uint64_t bytes() const { return size; }
};

/// Parameters are there from the start, zero until they are initialised or loaded; states
/// (optimizer moments, gradient accumulators, caches) appear, zeroed, with the first entry that
/// uses them and are shared by name between entries. One thread at a time.
class Session {
public:
  static StatusOr<std::unique_ptr<Session>> create(std::shared_ptr<const Executable> executable,
                                                   std::unique_ptr<Device> device);
  ~Session();

  const Executable &executable() const { return *executable_; }
  const proto::Manifest &manifest() const { return executable_->manifest(); }
  Device &device() { return *device_; }

  /// Fills every parameter as its definition says. The same bits for the same seed, whatever the
  /// thread count: each element is a function of seed, parameter name and position.
  Status initializeWeights(uint64_t seed);
  /// The same for the parameters of adapters only.
  Status initializeAdapters(uint64_t seed);
  /// Takes every parameter from a checkpoint, under its name or one of its other names, converted
  /// to f32; those of adapters stay as they are where it holds none. A missing tensor, one of
  /// another shape, or one that the model does not know is an error that names it.
  Status loadWeights(const Weights &weights);

  /// In the manifest's order.
  const std::vector<StoredTensor> &parameters() const { return parameters_; }
  /// Null if there is none (a state: or not yet).
  const StoredTensor *find(const std::string &name) const;
  /// The states whose names start with `prefix`, by name. Those of entries not prepared are
  /// missing.
  std::vector<const StoredTensor *> states(const std::string &prefix) const;
  Status zeroStates(const std::string &prefix);

  /// Binds an entry's buffers, once; InvalidArgument if it was not compiled or if its memory is not
  /// to be had. The session owns the result.
  StatusOr<PreparedEntry *> prepare(const std::string &entry);
  /// Prepares, sets the inputs, runs and copies out all outputs.
  StatusOr<TensorMap> run(const std::string &entry, const TensorMap &inputs);

  /// Bytes of parameters, states, arena, inputs and outputs that preparing `entry` as well would
  /// come to.
  StatusOr<uint64_t> memoryNeeded(const std::string &entry) const;
  /// Of the entries prepared so far.
  uint64_t arenaBytes() const { return arenaUsed_; }

private:
  friend class PreparedEntry;
  Session(std::shared_ptr<const Executable> executable, std::unique_ptr<Device> device)
      : executable_(std::move(executable)), device_(std::move(device)) {}
  Status initialize(uint64_t seed, bool adaptersOnly);
  Status allocateParameters();
  /// The buffer of a parameter or state; makes the state.
  StatusOr<void *> stored(const proto::Value &value);
  Status checkMemory(const Entry &entry) const;
  uint64_t newBytes(const Entry &entry) const;

  std::shared_ptr<const Executable> executable_;
  std::unique_ptr<Device> device_;
  std::vector<StoredTensor> parameters_;
  std::unique_ptr<DeviceMemory> parameterMemory_; // one for all: huge pages have no remainders then
  std::map<std::string, StoredTensor> states_;
  std::vector<std::unique_ptr<DeviceMemory>> stateMemory_;
  std::map<std::string, const StoredTensor *> parametersByName_;
  std::unique_ptr<DeviceMemory> arena_; // one for all entries: they never run at the same time
  uint64_t arenaUsed_ = 0;
  bool filled_ = false; // the parameters: until then they take no memory
  std::map<std::string, std::unique_ptr<PreparedEntry>> prepared_;
};

/// Bytes that a session for this entry alone comes to.
uint64_t memoryAlone(const proto::Manifest &manifest, const proto::Plan &plan, int threads);

/// Folders beside a model's weights that hold more of them.
std::vector<std::string> weightFolders(const proto::Manifest &manifest);
/// The one that a parameter of this name is in; empty: none of them.
std::string folderOfParameter(const proto::Manifest &manifest, const std::string &name);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_SESSION_H
