// SPDX-License-Identifier: Apache-2.0
// The search for the launch that made the first NaN or infinity.
#include <cmath>
#include <cstring>

#include "runtime/plan/Session.h"

namespace heddle::runtime {
namespace {

/// The index of the first value that is not finite, or -1. `bytes` holds `count` values.
int64_t firstNonFinite(DType dtype, const char *bytes, int64_t count, double &value) {
  for (int64_t i = 0; i < count; ++i) {
    if (dtype == DType::F32) {
      float single;
      memcpy(&single, bytes + 4 * i, 4);
      value = single;
    } else if (dtype == DType::F64) {
      memcpy(&value, bytes + 8 * i, 8);
    } else {
      uint16_t half;
      memcpy(&half, bytes + 2 * i, 2);
      value = dtype == DType::BF16 ? bf16ToFloat(half) : f16ToFloat(half);
    }
    if (!std::isfinite(value))
      return i;
  }
  return -1;
}

bool isFloat(DType dtype) {
  return dtype == DType::F32 || dtype == DType::F64 || dtype == DType::BF16 || dtype == DType::F16;
}

std::string valueText(double value) {
  return std::isnan(value) ? "NaN" : value > 0 ? "infinity" : "-infinity";
}

} // namespace

StatusOr<std::string> PreparedEntry::describeFirstNonFinite() {
  Device &device = session_.device();
  std::string copy;
  double value = 0;
  auto search = [&](DType dtype, const void *from, uint64_t count) -> StatusOr<int64_t> {
    copy.resize(count * dtypeSize(dtype));
    HEDDLE_RETURN_IF_ERROR(device.download(copy.data(), from, copy.size()));
    return firstNonFinite(dtype, copy.data(), static_cast<int64_t>(count), value);
  };
  for (const StoredTensor &parameter : session_.parameters()) {
    HEDDLE_ASSIGN_OR_RETURN(int64_t at, search(parameter.dtype, parameter.data(),
                                               parameter.bytes() / dtypeSize(parameter.dtype)));
    if (at >= 0)
      return absl::StrCat("parameter ", parameter.name, " holds ", valueText(value), " at element ",
                          at);
  }
  for (int i = 0; i < entry_.commit; ++i) {
    HEDDLE_RETURN_IF_ERROR(program_->run(i, i + 1));
    const proto::Launch &launch = plan().launches(i);
    for (int o = launch.operands_size() - launch.outputs(); o < launch.operands_size(); ++o) {
      const proto::BufferRef &ref = launch.operands(o);
      HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(ref.dtype()));
      if (!isFloat(dtype))
        continue;
      char *base = static_cast<char *>(ref.space() == proto::BufferRef::ARENA ? bindings_.arena
                                       : ref.space() == proto::BufferRef::ARGUMENT
                                           ? bindings_.arguments[ref.index()]
                                           : bindings_.results[ref.index()]);
      HEDDLE_ASSIGN_OR_RETURN(int64_t at, search(dtype, base + ref.offset(), ref.elements()));
      if (at >= 0)
        return absl::StrCat("first in ", launch.kernel(), " at ",
                            launch.layer().empty() ? "no layer" : launch.layer(), " (launch ", i,
                            "): ", valueText(value), " at element ", at);
    }
  }
  return std::string("no launch of the step shows it when run again");
}

} // namespace heddle::runtime
