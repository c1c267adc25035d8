// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/PreparedEntry.h"

#include <algorithm>

#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/Session.h"
#include "runtime/plan/ThreadPool.h"

namespace heddle::runtime {
namespace {} // namespace

Status PreparedEntry::bind() {
  const proto::Plan &plan = *entry_.plan;
  auto own = [&](uint64_t bytes, const std::string &name) -> StatusOr<void *> {
    HEDDLE_ASSIGN_OR_RETURN(auto memory, session_.device().allocate(bytes, name));
    owned_.push_back(std::move(memory));
    return owned_.back()->address();
  };
  auto buffer = [&](const proto::Value &value) -> StatusOr<void *> {
    if (isStored(value))
      return session_.stored(value);
    HEDDLE_ASSIGN_OR_RETURN(uint64_t bytes, byteSize(value.dtype(), shapeOf(value)));
    return own(bytes, value.name());
  };
  bindings_.arena = session_.arena_->address();
  for (const proto::Value &value : plan.arguments()) {
    HEDDLE_ASSIGN_OR_RETURN(void *address, buffer(value));
    bindings_.arguments.push_back(address);
    isSet_.push_back(isStored(value));
  }
  // An aliased result has its argument's name and kind, so it finds the same stored tensor.
  for (const proto::Value &value : plan.results()) {
    HEDDLE_ASSIGN_OR_RETURN(void *address, buffer(value));
    bindings_.results.push_back(address);
  }
  for (const std::string &constant : plan.constants()) {
    HEDDLE_ASSIGN_OR_RETURN(void *address, own(constant.size(), "a constant"));
    HEDDLE_RETURN_IF_ERROR(session_.device().upload(address, constant.data(), constant.size()));
    bindings_.constants.push_back(address);
  }
  HEDDLE_ASSIGN_OR_RETURN(program_, session_.device().prepare(entry_, bindings_));
  return absl::OkStatus();
}

StatusOr<int> PreparedEntry::indexOfArgument(const std::string &name) const {
  std::string takes;
  for (int i = 0; i < plan().arguments_size(); ++i) {
    const proto::Value &value = plan().arguments(i);
    if (isStored(value))
      continue;
    if (value.name() == name)
      return i;
    absl::StrAppend(&takes, takes.empty() ? "" : ", ", value.name());
  }
  return invalidInput("input ", name, ": entry ", plan().entry(), " takes ", takes);
}

const proto::Value *PreparedEntry::argument(const std::string &name) const {
  for (const proto::Value &value : plan().arguments())
    if (value.name() == name)
      return &value;
  return nullptr;
}

Status PreparedEntry::setInput(const std::string &name, const TensorSpan &value) {
  HEDDLE_ASSIGN_OR_RETURN(int index, indexOfArgument(name));
  const proto::Value &argument = plan().arguments(index);
  if (value.shape != shapeOf(argument))
    return invalidInput("input ", name, ": has shape ", shapeText(value.shape), ", expected ",
                        shapeText(argument.shape()), " as compiled");
  HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(argument.dtype()));
  HEDDLE_ASSIGN_OR_RETURN(Tensor converted, convertTensor(value, dtype, name));
  HEDDLE_RETURN_IF_ERROR(checkValues(argument, converted));
  isSet_[index] = true;
  return session_.device().upload(bindings_.arguments[index], converted.bytes.data(),
                                  converted.bytes.size());
}

Status PreparedEntry::checkValues(const proto::Value &argument, const Tensor &value) const {
  if (value.dtype != DType::I32)
    return absl::OkStatus();
  const std::string &name = argument.name();
  const proto::Manifest &manifest = session_.manifest();
  int64_t begin = 0, end = INT32_MAX;
  bool ignorable = isTarget(name);
  const char *what = "position", *limit = "positions of the model";
  if (argument.end() > 0) {
    end = argument.end();
    what = "value";
    limit = "values that the model knows";
  } else if (name == "input_ids" || name == "decoder_input_ids" || name == "targets") {
    end = manifest.vocab_size() > 0 ? manifest.vocab_size() : end;
    what = "token";
    limit = "tokens of the vocabulary";
  } else if (name == "position_ids") {
    begin = manifest.positions_from_mask() ? -1 : 0;
    end = manifest.max_positions() > 0 ? manifest.max_positions() : end;
  } else if (name == "attention_mask" || name == "decoder_attention_mask") {
    end = 2;
    what = "value";
    limit = "values 0 and 1";
  } else if (name == "positions" || name == "last_index") {
    end = manifest.seq();
    limit = "positions compiled";
  } else {
    return absl::OkStatus();
  }
  const int32_t *values = value.as<int32_t>();
  for (int64_t i = 0; i < value.elements(); ++i)
    if ((values[i] < begin || values[i] >= end) && !(ignorable && values[i] == -100))
      return invalidInput("input ", name, ": ", what, " ", values[i], " at ",
                          positionText(value.shape, i), " is outside the ", end, " ", limit);
  return absl::OkStatus();
}

Status PreparedEntry::setRaw(const std::string &name, const void *bytes, uint64_t size) {
  auto index = indexOfArgument(name);
  if (!index.ok())
    return absl::OkStatus();
  const proto::Value &argument = plan().arguments(*index);
  HEDDLE_ASSIGN_OR_RETURN(uint64_t expected, byteSize(argument.dtype(), shapeOf(argument)));
  if (size != expected)
    return invalidInput("input ", name, ": ", size, " bytes, the executable expects ", expected);
  isSet_[*index] = true;
  return session_.device().upload(bindings_.arguments[*index], bytes, size);
}

Status PreparedEntry::setDefault(int index) {
  const proto::Value &argument = plan().arguments(index);
  if (argument.default_value() == proto::Value::REQUIRED)
    return invalidInput("entry ", plan().entry(), " needs the input ", argument.name(), " ",
                        shapeText(argument.shape()));
  if (argument.default_value() == proto::Value::TOKEN_POSITIONS)
    return setTokenPositions(index);
  Tensor value{DType::I32, shapeOf(argument), {}};
  HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(argument.dtype()));
  HEDDLE_ASSIGN_OR_RETURN(uint64_t bytes, byteSize(argument.dtype(), value.shape));
  int64_t count = static_cast<int64_t>(bytes / dtypeSize(dtype));
  int64_t last = value.shape.empty() ? 1 : std::max<int64_t>(1, value.shape.back());
  std::vector<int32_t> values(count, argument.default_value() == proto::Value::ALL_ONES ? 1 : 0);
  if (argument.default_value() == proto::Value::POSITIONS)
    for (int64_t i = 0; i < count; ++i)
      values[i] = static_cast<int32_t>(i % last);
  if (dtype == DType::F32) {
    std::vector<float> floats(values.begin(), values.end());
    value = Tensor::of(DType::F32, shapeOf(argument), floats);
  } else {
    value = Tensor::of(DType::I32, shapeOf(argument), values);
  }
  return setInput(argument.name(), value);
}

Status PreparedEntry::setTokenPositions(int index) {
  HEDDLE_ASSIGN_OR_RETURN(int source, indexOfArgument("input_ids"));
  const proto::Value &ids = plan().arguments(source), &argument = plan().arguments(index);
  HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(ids.dtype()));
  HEDDLE_ASSIGN_OR_RETURN(uint64_t bytes, byteSize(ids.dtype(), shapeOf(ids)));
  Tensor tokens{dtype, shapeOf(ids), std::string(bytes, '\0')};
  if (tokens.shape.empty() || tokens.elements() == 0)
    return invalidInput("entry ", plan().entry(), ": input_ids have no sequence to count");
  HEDDLE_RETURN_IF_ERROR(
      session_.device().download(tokens.bytes.data(), bindings_.arguments[source], bytes));
  HEDDLE_ASSIGN_OR_RETURN(tokens, convertTensor(tokens, DType::I32, ids.name()));
  const std::vector<int32_t> positions =
      tokenPositions(tokens.as<int32_t>(), tokens.elements(), tokens.shape.back(),
                     static_cast<int32_t>(argument.padding_id()));
  HEDDLE_RETURN_IF_ERROR(
      setInput(argument.name(), Tensor::of(DType::I32, tokens.shape, positions)));
  isSet_[index] = false; // other tokens have other positions
  return absl::OkStatus();
}

Status PreparedEntry::checkInputs() {
  for (int i = 0; i < plan().arguments_size(); ++i)
    if (!isSet_[i])
      HEDDLE_RETURN_IF_ERROR(setDefault(i));
  return absl::OkStatus();
}

Status PreparedEntry::run(LaunchObserver *observer) {
  HEDDLE_RETURN_IF_ERROR(checkInputs());
  return program_->run(0, plan().launches_size(), observer);
}

Status PreparedEntry::runUntilCommit(LaunchObserver *observer) {
  HEDDLE_RETURN_IF_ERROR(checkInputs());
  return program_->run(0, entry_.commit, observer);
}

Status PreparedEntry::commit(LaunchObserver *observer) {
  return program_->run(entry_.commit, plan().launches_size(), observer);
}

StatusOr<NonFiniteOrigin> PreparedEntry::findNonFinite() {
  const auto &results = plan().results();
  bool updates = std::any_of(results.begin(), results.end(),
                             [](const proto::Value &result) { return result.kind() == "param"; });
  return searchNonFinite(session_.device(), plan(), bindings_, *program_,
                         updates ? entry_.commit : plan().launches_size());
}

StatusOr<std::string> PreparedEntry::findLargeGradient(float limit) {
  return searchLargeGradient(session_.device(), plan(), bindings_, entry_.commit, limit);
}

std::string PreparedEntry::describeWriter(const std::string &name) const {
  for (int i = 0; i < plan().launches_size(); ++i) {
    const proto::Launch &launch = plan().launches(i);
    for (int o = launch.operands_size() - launch.outputs(); o < launch.operands_size(); ++o) {
      const proto::BufferRef &ref = launch.operands(o);
      bool writes =
          ref.space() == proto::BufferRef::RESULT && plan().results(ref.index()).name() == name;
      writes |=
          ref.space() == proto::BufferRef::ARGUMENT && plan().arguments(ref.index()).name() == name;
      if (writes)
        return describeLaunch(plan(), i);
    }
  }
  return "";
}

StatusOr<Tensor> PreparedEntry::output(const std::string &name) const {
  for (int i = 0; i < plan().results_size(); ++i) {
    const proto::Value &result = plan().results(i);
    if (result.name() != name)
      continue;
    Tensor tensor;
    HEDDLE_ASSIGN_OR_RETURN(tensor.dtype, dtypeOf(result.dtype()));
    tensor.shape = shapeOf(result);
    HEDDLE_ASSIGN_OR_RETURN(uint64_t bytes, byteSize(result.dtype(), tensor.shape));
    tensor.bytes.resize(bytes);
    HEDDLE_RETURN_IF_ERROR(
        session_.device().download(tensor.bytes.data(), bindings_.results[i], bytes));
    return tensor;
  }
  return invalidInput("entry ", plan().entry(), " has no output ", name);
}

StatusOr<float> PreparedEntry::scalar(const std::string &name) const {
  HEDDLE_ASSIGN_OR_RETURN(Tensor tensor, output(name));
  if (tensor.dtype != DType::F32 || tensor.elements() != 1)
    return invalidInput("entry ", plan().entry(), ": output ", name, " is not one float");
  return *tensor.as<float>();
}

} // namespace heddle::runtime
