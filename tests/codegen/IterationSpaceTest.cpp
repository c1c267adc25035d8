// SPDX-License-Identifier: Apache-2.0
#include "codegen/body/IterationSpace.h"

#include "gmock/gmock.h"

namespace heddle::codegen {
namespace {

using testing::ElementsAre;

TEST(IterationSpace, DenseTensorsAreOneLoop) {
  IterationSpace space({2, 1, 3, 4});
  space.add(ir::StridedView::dense({2, 1, 3, 4}));
  space.collapse();
  EXPECT_THAT(space.sizes(), ElementsAre(24));
  EXPECT_THAT(space.strides(0), ElementsAre(1));
  EXPECT_EQ(space.rows(), 1);
}

TEST(IterationSpace, AWindowKeepsTheLoopsThatItNeeds) {
  IterationSpace space({2, 3, 4, 5});
  space.add(ir::StridedView::dense({2, 3, 4, 5}));
  // Repeated along the second axis.
  size_t repeated = space.add(ir::StridedView::dense({2, 1, 4, 5}).broadcastTo({2, 3, 4, 5}));
  space.collapse();
  EXPECT_THAT(space.sizes(), ElementsAre(2, 3, 20));
  EXPECT_THAT(space.strides(0), ElementsAre(60, 20, 1));
  EXPECT_THAT(space.strides(repeated), ElementsAre(20, 0, 1));
  EXPECT_EQ(space.rows(), 6);
  EXPECT_EQ(space.inner(), 20);
}

TEST(IterationSpace, TransposedHeads) {
  IterationSpace space({2, 3, 5, 8}); // [B, H, T, D] of [B, T, H, D]
  size_t heads = space.add(ir::StridedView::dense({2, 5, 3, 8}).transposed({0, 2, 1, 3}));
  space.add(ir::StridedView::dense({2, 3, 5, 8}));
  space.collapse();
  EXPECT_THAT(space.sizes(), ElementsAre(2, 3, 5, 8));
  EXPECT_THAT(space.strides(heads), ElementsAre(120, 8, 24, 1));
}

TEST(IterationSpace, AxesAreKeptApartOnRequest) {
  IterationSpace space({2, 3, 1});
  space.keepApart(2);
  space.add(ir::StridedView::dense({2, 3, 1}));
  space.collapse();
  EXPECT_THAT(space.sizes(), ElementsAre(6, 1));
}

TEST(IterationSpace, AScalarIsOneElement) {
  IterationSpace space({});
  space.add(ir::StridedView::dense({}));
  space.collapse();
  EXPECT_THAT(space.sizes(), ElementsAre(1));
  EXPECT_EQ(space.innerStride(0), 0);
}

} // namespace
} // namespace heddle::codegen
