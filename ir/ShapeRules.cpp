// SPDX-License-Identifier: Apache-2.0
#include "ir/ShapeRules.h"

#include "ir/Traits.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace heddle::ir {

// Kernels are generated with code for each axis.
static constexpr size_t kMaxRank = 16;

bool isSupportedShape(Type type) {
  ArrayRef<int64_t> shape = cast<ShapedType>(type).getShape();
  if (shape.size() > kMaxRank)
    return false;
  int64_t elements = 1;
  for (int64_t size : shape) {
    if (size < 1 || size > kMaxElements / elements)
      return false;
    elements *= size;
  }
  return true;
}

std::string formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << '[';
  llvm::interleaveComma(shape, out);
  out << ']';
  return text;
}

Type statisticsType(Type element) {
  return element.isF64() ? element : Float32Type::get(element.getContext());
}

std::optional<SmallVector<int64_t>> broadcastShape(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  SmallVector<int64_t> result(a);
  size_t added = a.size() - b.size();
  for (auto [axis, size] : llvm::enumerate(b)) {
    int64_t &other = result[axis + added];
    if (other != size && other != 1 && size != 1)
      return std::nullopt;
    if (other == 1)
      other = size;
  }
  return result;
}

bool broadcastsTo(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  if (from.size() > to.size())
    return false;
  ArrayRef<int64_t> aligned = to.take_back(from.size());
  return llvm::all_of(llvm::zip(from, aligned), [](auto sizes) {
    return std::get<0>(sizes) == 1 || std::get<0>(sizes) == std::get<1>(sizes);
  });
}

LogicalResult ShapeRules::rank(StringRef name, Value value, int64_t expected,
                               StringRef pattern) const {
  if (tensorOf(value).getRank() == expected)
    return success();
  return fail(name, " has shape ", formatShape(dimsOf(value)), ", expected ", pattern);
}

LogicalResult ShapeRules::minRank(StringRef name, Value value, int64_t expected,
                                  StringRef pattern) const {
  if (tensorOf(value).getRank() >= expected)
    return success();
  return fail(name, " has shape ", formatShape(dimsOf(value)), ", expected ", pattern);
}

LogicalResult ShapeRules::shape(StringRef name, Value value, ArrayRef<int64_t> expected) const {
  if (!value || dimsOf(value) == expected)
    return success();
  return fail(name, " has shape ", formatShape(dimsOf(value)), ", expected ",
              formatShape(expected));
}

LogicalResult ShapeRules::element(StringRef name, Value value, Type expected) const {
  if (!value || elementOf(value) == expected)
    return success();
  return fail(name, " has element type ", elementOf(value), ", expected ", expected);
}

LogicalResult ShapeRules::type(StringRef name, Value value, RankedTensorType expected) const {
  if (failed(shape(name, value, expected.getShape())))
    return failure();
  return element(name, value, expected.getElementType());
}

LogicalResult ShapeRules::rngState(Value value) const { return shape("rng", value, {3}); }

LogicalResult ShapeRules::probability(StringRef name, double value) const {
  // Written so that NaN fails.
  if (value >= 0.0 && value < 1.0)
    return success();
  return fail(name, " is ", std::to_string(value), ", expected at least 0 and less than 1");
}

LogicalResult ShapeRules::rngId(int64_t value) const {
  if (value >= 0 && value < (1 << 16))
    return success();
  return fail("rng_id is ", value, ", expected at least 0 and less than 65536");
}

LogicalResult ShapeRules::window(IntegerAttr value) const {
  if (!value || value.getInt() >= 1)
    return success();
  return fail("window is ", value.getInt(), ", expected at least 1");
}

} // namespace heddle::ir
