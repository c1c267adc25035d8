// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/FiniteScan.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>

#include "runtime/plan/Session.h"
#include "runtime/plan/ThreadPool.h"

namespace heddle::runtime {
namespace {

constexpr int64_t kBlock = 4096;

/// Values whose exponent bits are all set are not finite. `decode` gives the value of the bits.
template <typename Bits, typename Decode>
std::optional<NonFiniteValue> search(const void *values, int64_t count, Bits exponent,
                                     AllowedInfinities allowed, Decode decode) {
  const auto *bits = static_cast<const Bits *>(values);
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    int64_t end = std::min(count, begin + kBlock);
    bool suspicious = false; // without a branch: this loop becomes vectors
    for (int64_t i = begin; i < end; ++i)
      suspicious |= (bits[i] & exponent) == exponent;
    for (int64_t i = begin; suspicious && i < end; ++i) {
      if ((bits[i] & exponent) != exponent)
        continue;
      double value = decode(bits[i]);
      bool isAllowed = std::isinf(value) && (value > 0 ? allowed.positive : allowed.negative);
      if (!isAllowed)
        return NonFiniteValue{i, value};
    }
  }
  return std::nullopt;
}

} // namespace

std::optional<NonFiniteValue> firstNonFinite(DType dtype, const void *values, int64_t count,
                                             AllowedInfinities allowed) {
  switch (dtype) {
  case DType::F32:
    return search<uint32_t>(values, count, 0x7f800000, allowed, std::bit_cast<float, uint32_t>);
  case DType::F64:
    return search<uint64_t>(values, count, 0x7ff0000000000000, allowed,
                            std::bit_cast<double, uint64_t>);
  case DType::BF16:
    return search<uint16_t>(values, count, 0x7f80, allowed, bf16ToFloat);
  case DType::F16:
    return search<uint16_t>(values, count, 0x7c00, allowed, f16ToFloat);
  default:
    return std::nullopt;
  }
}

StatusOr<std::optional<NonFiniteValue>> firstNonFinite(Device &device, DType dtype,
                                                       const void *values, int64_t count) {
  std::string copy;
  auto size = static_cast<int64_t>(dtypeSize(dtype));
  if (!device.sharesHostMemory()) {
    copy.resize(count * size);
    HEDDLE_RETURN_IF_ERROR(device.download(copy.data(), values, copy.size()));
    values = copy.data();
  }
  const char *bytes = static_cast<const char *>(values);
  constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> first{kNone};
  auto blocks = (count + kBlock - 1) / kBlock;
  device.pool().parallelFor(blocks, [&](int64_t begin, int64_t end, int) {
    int64_t from = begin * kBlock, to = std::min(count, end * kBlock);
    auto found = firstNonFinite(dtype, bytes + from * size, to - from);
    if (!found)
      return;
    int64_t mine = from + found->index, least = first.load();
    while (mine < least && !first.compare_exchange_weak(least, mine)) {
    }
  });
  int64_t at = first.load();
  if (at == kNone)
    return std::optional<NonFiniteValue>();
  auto found = firstNonFinite(dtype, bytes + at * size, 1);
  found->index = at;
  return found;
}

std::string describe(const NonFiniteValue &found, const std::vector<int64_t> &shape,
                     int64_t elements) {
  const char *value = std::isnan(found.value) ? "NaN" : found.value > 0 ? "infinity" : "-infinity";
  if (shape.empty() && elements == 1)
    return value;
  if (shape.empty())
    return absl::StrCat(value, " at element ", found.index);
  return absl::StrCat(value, " at ", positionText(shape, found.index));
}

StatusOr<std::optional<NonFiniteStored>> findNonFiniteStored(Session &session) {
  std::vector<std::pair<const char *, const StoredTensor *>> tensors;
  for (const StoredTensor &parameter : session.parameters())
    tensors.emplace_back("parameter", &parameter);
  for (const StoredTensor *moment : session.states("adam."))
    tensors.emplace_back("state", moment);
  std::optional<NonFiniteStored> first;
  int others = 0;
  for (auto [kind, tensor] : tensors) {
    auto elements = static_cast<int64_t>(tensor->bytes() / dtypeSize(tensor->dtype));
    HEDDLE_ASSIGN_OR_RETURN(
        auto found, firstNonFinite(session.device(), tensor->dtype, tensor->data(), elements));
    if (!found)
      continue;
    if (first)
      ++others;
    else
      first = {tensor->name, absl::StrCat(kind, " ", tensor->name, " holds ",
                                          describe(*found, tensor->shape, elements))};
  }
  if (others > 0)
    absl::StrAppend(&first->text, " (and ", others,
                    others > 1 ? " other tensors are" : " other tensor is", " not finite)");
  return first;
}

} // namespace heddle::runtime
