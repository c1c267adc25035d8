// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/NonFinite.h"

#include <algorithm>
#include <cmath>

#include "runtime/plan/Tensor.h"

namespace heddle::runtime {
namespace {

using proto::BufferRef;

/// Bytes of a buffer that hold infinities on purpose.
struct Region {
  BufferRef::Space space;
  int index;
  uint64_t begin, end;
  AllowedInfinities holds = {};

  bool overlaps(const Region &other) const {
    return space == other.space && index == other.index && begin < other.end && other.begin < end;
  }
};

/// What a launch reads or writes, in host memory until the next call.
class BufferReader {
public:
  BufferReader(Device &device, const Bindings &bindings) : device_(device), bindings_(bindings) {}

  StatusOr<const char *> read(const BufferRef &ref) {
    HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(ref.dtype()));
    const char *from = static_cast<const char *>(base(ref)) + ref.offset();
    if (device_.sharesHostMemory())
      return from;
    copy_.resize(ref.elements() * dtypeSize(dtype));
    HEDDLE_RETURN_IF_ERROR(device_.download(copy_.data(), from, copy_.size()));
    return copy_.data();
  }

private:
  const void *base(const BufferRef &ref) const {
    switch (ref.space()) {
    case BufferRef::ARGUMENT:
      return bindings_.arguments[ref.index()];
    case BufferRef::RESULT:
      return bindings_.results[ref.index()];
    case BufferRef::CONSTANT:
      return bindings_.constants[ref.index()];
    default:
      return bindings_.arena;
    }
  }

  Device &device_;
  const Bindings &bindings_;
  std::string copy_;
};

/// Of what the launches of an update read: neither parameters nor moments nor settings.
bool isGradient(const proto::Plan &plan, const BufferRef &ref) {
  bool isArgument = ref.space() == BufferRef::ARGUMENT;
  if (!isArgument && ref.space() != BufferRef::RESULT)
    return ref.space() == BufferRef::ARENA;
  const proto::Value &value = isArgument ? plan.arguments(ref.index()) : plan.results(ref.index());
  return value.name().starts_with("grad.");
}

class Search {
public:
  Search(Device &device, const proto::Plan &plan, const Bindings &bindings, Program &program)
      : plan_(plan), program_(program), reader_(device, bindings) {}

  StatusOr<NonFiniteOrigin> run(int end) {
    HEDDLE_RETURN_IF_ERROR(lookAtArguments());
    HEDDLE_RETURN_IF_ERROR(lookAtConstants());
    for (int i = 0; i < end && origin_.launch.empty(); ++i) {
      HEDDLE_RETURN_IF_ERROR(program_.run(i, i + 1));
      HEDDLE_RETURN_IF_ERROR(lookAtResults(i));
    }
    origin_.isShown = !origin_.launch.empty();
    if (origin_.launch.empty() && !origin_.source.empty())
      origin_.launch = firstReader();
    if (origin_.launch.empty() && !excused_.empty()) {
      origin_.launch = excused_;
      origin_.isShown = origin_.byDesign = true;
    }
    return std::move(origin_);
  }

private:
  StatusOr<std::optional<NonFiniteValue>> firstIn(const BufferRef &ref, AllowedInfinities allowed) {
    HEDDLE_ASSIGN_OR_RETURN(const char *values, reader_.read(ref));
    HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(ref.dtype()));
    return firstNonFinite(dtype, values, static_cast<int64_t>(ref.elements()), allowed);
  }

  static Region regionOf(const BufferRef &ref) {
    DType dtype = dtypeOf(ref.dtype()).value_or(DType::F32);
    return {ref.space(), ref.index(), ref.offset(),
            ref.offset() + ref.elements() * dtypeSize(dtype)};
  }

  BufferRef wholeArgument(int index) const {
    const proto::Value &value = plan_.arguments(index);
    BufferRef ref;
    ref.set_space(BufferRef::ARGUMENT);
    ref.set_index(index);
    ref.set_dtype(value.dtype());
    uint64_t elements = 1;
    for (int64_t size : value.shape())
      elements *= static_cast<uint64_t>(size);
    ref.set_elements(elements);
    return ref;
  }

  /// What the entry was given. Infinities among inputs may be masks or, as a clipping norm, mean
  /// "none"; among parameters and states they are as wrong as NaN.
  Status lookAtArguments() {
    for (int i = 0; i < plan_.arguments_size(); ++i) {
      const proto::Value &value = plan_.arguments(i);
      BufferRef ref = wholeArgument(i);
      bool meansNone = value.kind() == "scalar";
      HEDDLE_ASSIGN_OR_RETURN(auto found, firstIn(ref, {meansNone, false}));
      if (!isStored(value))
        HEDDLE_RETURN_IF_ERROR(excuse(ref, {true, true}));
      if (!found || !origin_.source.empty())
        continue;
      const char *kind = value.kind() == "param" ? "parameter" : value.kind().c_str();
      origin_.source =
          absl::StrCat(kind, " ", value.name(), " holds ",
                       describe(*found, shapeOf(value), static_cast<int64_t>(ref.elements())));
      source_ = i;
    }
    return absl::OkStatus();
  }

  Status lookAtConstants() {
    for (const proto::Launch &launch : plan_.launches())
      for (const BufferRef &ref : launch.operands())
        if (ref.space() == BufferRef::CONSTANT)
          HEDDLE_RETURN_IF_ERROR(excuse(ref, {true, true}));
    return absl::OkStatus();
  }

  /// Notes which of the infinities `allowed` are there.
  Status excuse(const BufferRef &ref, AllowedInfinities allowed) {
    Region region = regionOf(ref);
    if (allowed.positive) {
      HEDDLE_ASSIGN_OR_RETURN(auto found, firstIn(ref, {false, true}));
      region.holds.positive = found && std::isinf(found->value);
    }
    if (allowed.negative) {
      HEDDLE_ASSIGN_OR_RETURN(auto found, firstIn(ref, {true, false}));
      region.holds.negative = found && std::isinf(found->value);
    }
    if (region.holds.positive || region.holds.negative)
      excusedRegions_.push_back(region);
    return absl::OkStatus();
  }

  Status lookAtResults(int index) {
    const proto::Launch &launch = plan_.launches(index);
    int firstOutput = launch.operands_size() - launch.outputs();
    AllowedInfinities allowed{launch.makes_infinity(), launch.makes_minus_infinity()};
    for (int i = 0; i < firstOutput; ++i)
      for (const Region &region : excusedRegions_)
        if (region.overlaps(regionOf(launch.operands(i)))) {
          allowed.positive |= region.holds.positive;
          allowed.negative |= region.holds.negative;
        }
    for (int i = firstOutput; i < launch.operands_size(); ++i) {
      const BufferRef &ref = launch.operands(i);
      std::erase_if(excusedRegions_,
                    [&](const Region &old) { return old.overlaps(regionOf(ref)); });
      HEDDLE_ASSIGN_OR_RETURN(auto found, firstIn(ref, allowed));
      if (found && origin_.launch.empty())
        origin_.launch = describeResult(index, ref, *found);
      if (found || !(allowed.positive || allowed.negative))
        continue;
      HEDDLE_ASSIGN_OR_RETURN(auto excused, firstIn(ref, {}));
      if (excused && excused_.empty())
        excused_ = describeResult(index, ref, *excused);
      if (excused)
        HEDDLE_RETURN_IF_ERROR(excuse(ref, allowed));
    }
    return absl::OkStatus();
  }

  std::string describeResult(int index, const BufferRef &ref, const NonFiniteValue &found) const {
    std::vector<int64_t> shape(ref.shape().begin(), ref.shape().end());
    std::string text = absl::StrCat("first in ", describeLaunch(plan_, index),
                                    reads(index) ? ", which reads it" : "", ": ",
                                    describe(found, shape, static_cast<int64_t>(ref.elements())));
    if (ref.space() == BufferRef::RESULT)
      absl::StrAppend(&text, " of ", plan_.results(ref.index()).name());
    else if (ref.space() == BufferRef::ARGUMENT)
      absl::StrAppend(&text, " of ", plan_.arguments(ref.index()).name());
    else if (!shape.empty())
      absl::StrAppend(&text, " of its result ", shapeText(shape));
    return text;
  }

  /// Whether the launch reads the argument that was not finite.
  bool reads(int index) const {
    const proto::Launch &launch = plan_.launches(index);
    for (int i = 0; i < launch.operands_size() - launch.outputs(); ++i)
      if (const BufferRef &ref = launch.operands(i);
          ref.space() == BufferRef::ARGUMENT && ref.index() == source_)
        return true;
    return false;
  }

  std::string firstReader() const {
    for (int i = 0; i < plan_.launches_size(); ++i)
      if (reads(i))
        return absl::StrCat("first read by ", describeLaunch(plan_, i));
    return "";
  }

  const proto::Plan &plan_;
  Program &program_;
  BufferReader reader_;
  std::vector<Region> excusedRegions_;
  int source_ = -1; // the argument
  std::string excused_;
  NonFiniteOrigin origin_;
};

} // namespace

std::string NonFiniteOrigin::text() const {
  if (source.empty() && launch.empty())
    return "no launch shows it when run again";
  return absl::StrCat(source, source.empty() || launch.empty() ? "" : "; ", launch);
}

std::string describeLaunch(const proto::Plan &plan, int index) {
  const proto::Launch &launch = plan.launches(index);
  std::string place = launch.layer().empty() ? "" : " at " + launch.layer();
  if (launch.ops().empty())
    return absl::StrCat(launch.kernel(), place, " (launch ", index, ")");
  std::string ops;
  for (const std::string &op : launch.ops())
    absl::StrAppend(&ops, ops.empty() ? "" : ", ", op);
  return absl::StrCat(ops, place, " (kernel ", launch.kernel(), ", launch ", index, ")");
}

StatusOr<NonFiniteOrigin> searchNonFinite(Device &device, const proto::Plan &plan,
                                          const Bindings &bindings, Program &program, int end) {
  return Search(device, plan, bindings, program).run(end);
}

StatusOr<std::string> searchLargeGradient(Device &device, const proto::Plan &plan,
                                          const Bindings &bindings, int begin, float limit) {
  BufferReader reader(device, bindings);
  for (int i = begin; i < plan.launches_size(); ++i) {
    const proto::Launch &launch = plan.launches(i);
    for (int o = 0; o < launch.operands_size() - launch.outputs(); ++o) {
      const BufferRef &ref = launch.operands(o);
      if (ref.dtype() != proto::F32 || !isGradient(plan, ref))
        continue;
      HEDDLE_ASSIGN_OR_RETURN(const char *bytes, reader.read(ref));
      const auto *values = reinterpret_cast<const float *>(bytes);
      for (uint64_t at = 0; at < ref.elements(); ++at)
        if (std::abs(values[at]) > limit)
          return absl::StrCat("first squared in ", describeLaunch(plan, i), ": ", values[at],
                              " at element ", at);
    }
  }
  return std::string();
}

} // namespace heddle::runtime
