// SPDX-License-Identifier: Apache-2.0
// Strided views against the element-by-element meaning of each view op.

#include <numeric>
#include <random>

#include "ir/interpreter/Tensor.h"
#include "gtest/gtest.h"

namespace heddle::ir {
namespace {

using Dims = std::vector<int64_t>;

/// The numbers 0, 1, 2 ... read through a view, so that each element names its place.
std::vector<int64_t> places(const StridedView &view) {
  Tensor iota = Tensor::zeros(ElementKind::i64, {1 << 16});
  std::iota(iota.ints.begin(), iota.ints.end(), 0);
  Tensor read = Tensor::zeros(ElementKind::i64, view.sizes);
  gather(iota, view, read);
  return read.ints;
}

TEST(StridedViewTest, DenseIsRowMajor) {
  StridedView view = StridedView::dense({2, 3, 4});
  EXPECT_EQ(view.strides, (Dims{12, 4, 1}));
  EXPECT_TRUE(view.isDense());
  EXPECT_EQ(view.elements(), 24);
  EXPECT_TRUE(StridedView::dense({}).isDense());
  EXPECT_EQ(StridedView::dense({}).elements(), 1);
}

TEST(StridedViewTest, TransposeSliceAndBroadcast) {
  StridedView view = StridedView::dense({2, 3});
  EXPECT_EQ(places(view.transposed({1, 0})), (Dims{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(places(view.sliced({1, 1}, {1, 2})), (Dims{4, 5}));
  EXPECT_EQ(places(StridedView::dense({3}).broadcastTo({2, 3})), (Dims{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(places(StridedView::dense({2, 1}).broadcastTo({2, 3})), (Dims{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(places(StridedView::dense({}).broadcastTo({2})), (Dims{0, 0}));
  EXPECT_FALSE(view.transposed({1, 0}).isDense());
  EXPECT_FALSE(view.sliced({0, 1}, {2, 2}).isDense());
  EXPECT_TRUE(view.sliced({1, 0}, {1, 3}).isDense());
  EXPECT_FALSE(StridedView::dense({3}).broadcastTo({2, 3}).isDense());
}

TEST(StridedViewTest, HeadsOfAMergedProjection) {
  // [B, T, 3C] sliced to k, seen as [B, H, T, D].
  int64_t b = 2, t = 3, h = 2, d = 4, c = h * d;
  StridedView k = StridedView::dense({b, t, 3 * c}).sliced({0, 0, c}, {b, t, c});
  auto heads = k.reshaped({b, t, h, d});
  ASSERT_TRUE(heads);
  StridedView view = heads->transposed({0, 2, 1, 3});
  EXPECT_EQ(view.offset, c);
  EXPECT_EQ(view.strides, (Dims{t * 3 * c, d, 3 * c, 1}));
}

TEST(StridedViewTest, ReshapeThatNeedsACopyIsRefused) {
  EXPECT_FALSE(StridedView::dense({2, 3}).transposed({1, 0}).reshaped({6}));
  EXPECT_FALSE(StridedView::dense({4, 6}).sliced({0, 0}, {4, 3}).reshaped({12}));
  EXPECT_FALSE(StridedView::dense({3}).broadcastTo({2, 3}).reshaped({6}));
  EXPECT_FALSE(StridedView::dense({4, 6}).sliced({0, 0}, {4, 3}).reshaped({6, 2}));
  EXPECT_FALSE(StridedView::dense({4, 6}).sliced({0, 0}, {4, 4}).reshaped({2, 8}));
}

TEST(StridedViewTest, ReshapeWithinRunsAndAroundOnes) {
  EXPECT_TRUE(StridedView::dense({4, 6}).sliced({0, 0}, {4, 4}).reshaped({2, 2, 2, 2}));
  EXPECT_TRUE(StridedView::dense({3, 1}).broadcastTo({3, 4}).reshaped({3, 2, 2}));
  EXPECT_TRUE(StridedView::dense({2, 3}).transposed({1, 0}).reshaped({1, 3, 1, 2, 1}));
  auto one = StridedView::dense({1}).reshaped({1, 1});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->elements(), 1);
  EXPECT_TRUE(StridedView::dense({1}).reshaped({}));
  EXPECT_TRUE(StridedView::dense({}).reshaped({1, 1}));
}

/// Some factorisation of `elements` into at most four sizes.
Dims randomShape(int64_t elements, std::mt19937 &engine) {
  Dims shape;
  for (int axis = 0; axis < 3; ++axis) {
    Dims divisors;
    for (int64_t size = 1; size <= elements; ++size)
      if (elements % size == 0)
        divisors.push_back(size);
    shape.push_back(divisors[engine() % divisors.size()]);
    elements /= shape.back();
  }
  shape.push_back(elements);
  return shape;
}

TEST(StridedViewTest, RandomChainsReadWhatTheOpsMean) {
  std::mt19937 engine(7);
  int reshapes = 0;
  for (int round = 0; round < 2000; ++round) {
    StridedView view = StridedView::dense(randomShape(72, engine));
    for (int step = 0; step < 4; ++step) {
      std::vector<int64_t> before = places(view);
      if (engine() % 2) {
        Dims order(view.sizes.size());
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), engine);
        view = view.transposed(order);
        continue;
      }
      // A reshape keeps the row-major sequence of elements, when it is possible at all.
      if (auto reshaped = view.reshaped(randomShape(view.elements(), engine))) {
        view = *reshaped;
        ASSERT_EQ(places(view), before);
        ++reshapes;
      }
    }
  }
  EXPECT_GT(reshapes, 1000);
}

TEST(StridedViewTest, ScatterIsTheInverseOfGather) {
  StridedView view = StridedView::dense({4, 6}).sliced({1, 2}, {3, 2}).transposed({1, 0});
  Tensor part = Tensor::ofInts({2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor whole = Tensor::zeros(ElementKind::i32, {4, 6});
  scatter(part, view, whole);
  Tensor back = Tensor::zeros(ElementKind::i32, {2, 3});
  gather(whole, view, back);
  EXPECT_EQ(back.ints, part.ints);
}

} // namespace
} // namespace heddle::ir
