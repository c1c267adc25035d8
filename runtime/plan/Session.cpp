// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/Session.h"

#include <algorithm>

#include "runtime/base/CheckedMath.h"
#include "runtime/plan/ByteText.h"
#include "runtime/plan/Positions.h"

namespace heddle::runtime {
namespace {

constexpr uint64_t kAlignment = 64; // that of all memory of a device

// checkExecutable has been over every size: a failure would be our own.
uint64_t bytesOf(const proto::Value &value) {
  return byteSize(value.dtype(), shapeOf(value)).value_or(0);
}

/// What an entry takes beside the parameters, the states that are there and the arena in use.
uint64_t additionalBytes(const proto::Plan &plan, int threads, uint64_t arenaUsed,
                         const std::map<std::string, StoredTensor> &knownStates) {
  uint64_t bytes = plan.arena_bytes() > arenaUsed ? plan.arena_bytes() - arenaUsed : 0;
  std::map<std::string, uint64_t> states;
  auto count = [&](const proto::Value &value) {
    if (!isStored(value))
      bytes += bytesOf(value);
    else if (value.kind() == "state" && !knownStates.count(value.name()))
      states[value.name()] = bytesOf(value);
  };
  for (const proto::Value &value : plan.arguments())
    count(value);
  for (const proto::Value &value : plan.results())
    count(value);
  for (const auto &[name, size] : states)
    bytes += size;
  uint64_t scratch = 0;
  for (const proto::Launch &launch : plan.launches())
    scratch = std::max<uint64_t>(scratch, launch.scratch_bytes());
  return bytes + scratch * threads;
}

/// Parameters take no memory until they are filled, tensor after tensor: too many of them would
/// show only when the machine has none left.
Status checkParameterMemory(const proto::Manifest &manifest, const Device &device) {
  uint64_t available = device.availableBytes(), needed = 0;
  for (const proto::Parameter &parameter : manifest.parameters())
    needed += byteSize(parameter.dtype(), {parameter.shape().begin(), parameter.shape().end()})
                  .value_or(0);
  if (available == 0 || needed <= available)
    return absl::OkStatus();
  return invalidInput("the model's parameters need ", byteText(needed), " of memory, ",
                      byteText(available), " are free");
}

StatusOr<StoredTensor> withoutMemory(const std::string &name, proto::DataType dtype,
                                     std::vector<int64_t> shape) {
  StoredTensor tensor;
  tensor.name = name;
  HEDDLE_ASSIGN_OR_RETURN(tensor.dtype, dtypeOf(dtype));
  HEDDLE_ASSIGN_OR_RETURN(tensor.size, byteSize(dtype, shape));
  tensor.shape = std::move(shape);
  return tensor;
}

} // namespace

uint64_t memoryAlone(const proto::Manifest &manifest, const proto::Plan &plan, int threads) {
  uint64_t bytes = additionalBytes(plan, threads, 0, {});
  for (const proto::Parameter &parameter : manifest.parameters())
    bytes += byteSize(parameter.dtype(), {parameter.shape().begin(), parameter.shape().end()})
                 .value_or(0);
  return bytes;
}

Session::~Session() = default;

StatusOr<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Executable> executable,
                                                   std::unique_ptr<Device> device) {
  std::unique_ptr<Session> session(new Session(std::move(executable), std::move(device)));
  const proto::Manifest &manifest = session->manifest();
  HEDDLE_RETURN_IF_ERROR(checkParameterMemory(manifest, *session->device_));
  HEDDLE_RETURN_IF_ERROR(session->allocateParameters());
  for (const StoredTensor &tensor : session->parameters_)
    session->parametersByName_[tensor.name] = &tensor;
  uint64_t arena = 0;
  for (const Entry &entry : session->executable_->entries())
    arena = std::max<uint64_t>(arena, entry.plan->arena_bytes());
  HEDDLE_ASSIGN_OR_RETURN(session->arena_, session->device_->allocate(arena, "the arena"));
  return session;
}

Status Session::allocateParameters() {
  uint64_t end = 0;
  parameters_.reserve(manifest().parameters_size()); // pointers into it are kept
  std::vector<uint64_t> offsets;
  for (const proto::Parameter &parameter : manifest().parameters()) {
    if (parameter.dtype() != proto::F32)
      return invalidInput("parameter ", parameter.name(), ": master weights of type ",
                          proto::DataType_Name(parameter.dtype()), " are not supported, only F32");
    HEDDLE_ASSIGN_OR_RETURN(StoredTensor tensor,
                            withoutMemory(parameter.name(), parameter.dtype(),
                                          {parameter.shape().begin(), parameter.shape().end()}));
    offsets.push_back(end);
    auto next = checkedAdd(end, tensor.size + (kAlignment - tensor.size % kAlignment) % kAlignment);
    if (!next)
      return absl::ResourceExhaustedError("the parameters together pass the address space");
    end = *next;
    parameters_.push_back(std::move(tensor));
  }
  HEDDLE_ASSIGN_OR_RETURN(parameterMemory_, device_->allocate(end, "the parameters"));
  for (size_t i = 0; i < parameters_.size(); ++i)
    parameters_[i].address = static_cast<char *>(parameterMemory_->address()) + offsets[i];
  return absl::OkStatus();
}

const StoredTensor *Session::find(const std::string &name) const {
  if (auto found = parametersByName_.find(name); found != parametersByName_.end())
    return found->second;
  auto found = states_.find(name);
  return found == states_.end() ? nullptr : &found->second;
}

std::vector<const StoredTensor *> Session::states(const std::string &prefix) const {
  std::vector<const StoredTensor *> found;
  for (auto at = states_.lower_bound(prefix);
       at != states_.end() && at->first.compare(0, prefix.size(), prefix) == 0; ++at)
    found.push_back(&at->second);
  return found;
}

Status Session::zeroStates(const std::string &prefix) {
  for (const StoredTensor *state : states(prefix))
    HEDDLE_RETURN_IF_ERROR(device_->zero(state->data(), state->bytes()));
  return absl::OkStatus();
}

StatusOr<void *> Session::stored(const proto::Value &value) {
  if (value.kind() == "param")
    return parametersByName_.at(value.name())->data();
  auto found = states_.find(value.name());
  if (found == states_.end()) {
    HEDDLE_ASSIGN_OR_RETURN(StoredTensor state,
                            withoutMemory(value.name(), value.dtype(), shapeOf(value)));
    HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<DeviceMemory> memory,
                            device_->allocate(state.size, value.name()));
    state.address = memory->address();
    stateMemory_.push_back(std::move(memory));
    found = states_.emplace(value.name(), std::move(state)).first;
  }
  return found->second.data();
}

uint64_t Session::newBytes(const Entry &entry) const {
  return additionalBytes(*entry.plan, device_->threads(), arenaUsed_, states_);
}

StatusOr<uint64_t> Session::memoryNeeded(const std::string &name) const {
  HEDDLE_ASSIGN_OR_RETURN(const Entry *entry, executable_->entry(name));
  uint64_t bytes = newBytes(*entry) + arenaUsed_;
  for (const StoredTensor &parameter : parameters_)
    bytes += parameter.bytes();
  for (const auto &[stateName, state] : states_)
    bytes += state.bytes();
  return bytes;
}

Status Session::checkMemory(const Entry &entry) const {
  uint64_t available = device_->availableBytes(), needed = newBytes(entry);
  for (const StoredTensor &parameter : parameters_)
    needed += filled_ ? 0 : parameter.bytes();
  if (available == 0 || needed <= available)
    return absl::OkStatus();
  return invalidInput("entry ", entry.plan->entry(), " needs another ", byteText(needed),
                      " of memory, ", byteText(available),
                      " are free: compile for a smaller batch or sequence");
}

StatusOr<PreparedEntry *> Session::prepare(const std::string &name) {
  auto &prepared = prepared_[name];
  if (prepared)
    return prepared.get();
  HEDDLE_ASSIGN_OR_RETURN(const Entry *entry, executable_->entry(name));
  HEDDLE_RETURN_IF_ERROR(checkMemory(*entry));
  std::unique_ptr<PreparedEntry> made(new PreparedEntry(*this, *entry));
  HEDDLE_RETURN_IF_ERROR(made->bind());
  arenaUsed_ = std::max<uint64_t>(arenaUsed_, entry->plan->arena_bytes());
  prepared = std::move(made);
  return prepared.get();
}

StatusOr<TensorMap> Session::run(const std::string &name, const TensorMap &inputs) {
  HEDDLE_ASSIGN_OR_RETURN(PreparedEntry * entry, prepare(name));
  for (const auto &[input, value] : inputs)
    HEDDLE_RETURN_IF_ERROR(entry->setInput(input, value));
  if (auto mask = inputs.find("attention_mask");
      mask != inputs.end() && manifest().positions_from_mask() && !inputs.count("position_ids")) {
    HEDDLE_ASSIGN_OR_RETURN(Tensor positions, positionsFromMask(mask->second));
    HEDDLE_RETURN_IF_ERROR(entry->setInput("position_ids", positions));
  }
  HEDDLE_RETURN_IF_ERROR(entry->run());
  TensorMap outputs;
  for (const proto::Value &result : entry->plan().results())
    if (result.kind() == "output") {
      HEDDLE_ASSIGN_OR_RETURN(outputs[result.name()], entry->output(result.name()));
    }
  return outputs;
}

} // namespace heddle::runtime
