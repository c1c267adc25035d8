// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "runtime/plan/FiniteScan.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float *values(Session &session, const char *name) {
  return static_cast<float *>(session.find(name)->data());
}

Tensor ids(int32_t id) {
  return Tensor::of(DType::I32, {kFakeBatch, kFakeSeq},
                    std::vector<int32_t>(kFakeBatch * kFakeSeq, id));
}

TEST(FiniteScan, FindsTheFirstOfEachType) {
  std::vector<float> single = {1, -3e38f, kInfinity, NAN};
  EXPECT_EQ(firstNonFinite(DType::F32, single.data(), 4)->index, 2);
  EXPECT_FALSE(firstNonFinite(DType::F32, single.data(), 2));
  std::vector<double> wide = {1, 1e300, -INFINITY};
  EXPECT_EQ(firstNonFinite(DType::F64, wide.data(), 3)->value, -INFINITY);
  std::vector<uint16_t> brain = {0x3f80, 0x7f7f, 0x7f80}, half = {0x3c00, 0x7bff, 0xfe00};
  EXPECT_EQ(firstNonFinite(DType::BF16, brain.data(), 3)->index, 2);
  EXPECT_TRUE(std::isnan(firstNonFinite(DType::F16, half.data(), 3)->value));
  std::vector<int32_t> integers = {0x7f800000};
  EXPECT_FALSE(firstNonFinite(DType::I32, integers.data(), 1));
}

TEST(FiniteScan, PassesOverWhatIsAllowed) {
  std::vector<float> some = {kInfinity, -kInfinity, NAN};
  EXPECT_EQ(firstNonFinite(DType::F32, some.data(), 3, {true, false})->index, 1);
  EXPECT_EQ(firstNonFinite(DType::F32, some.data(), 3, {true, true})->index, 2);
}

TEST(FiniteScan, ThreadsFindTheSame) {
  std::vector<float> many(100000, 1);
  for (int threads : {1, 2, 3}) {
    auto device = makeCpuDevice(threads);
    auto found = firstNonFinite(*device, DType::F32, many.data(), 100000);
    ASSERT_THAT(found, IsOk());
    EXPECT_FALSE(*found);
    many[70001] = many[99999] = NAN;
    found = firstNonFinite(*device, DType::F32, many.data(), 100000);
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ((*found)->index, 70001);
    many[70001] = many[99999] = 1;
  }
}

TEST(FiniteScan, PlacesAreSaidByShape) {
  EXPECT_EQ(describe({7, NAN}, {2, 5}, 10), "NaN at [1, 2]");
  EXPECT_EQ(describe({7, -INFINITY}, {}, 10), "-infinity at element 7");
  EXPECT_EQ(describe({0, INFINITY}, {}, 1), "infinity");
}

TEST(FiniteScan, StoredTensorsAreNamed) {
  auto session = fakeSession();
  auto found = findNonFiniteStored(*session);
  ASSERT_THAT(found, IsOk());
  EXPECT_FALSE(*found);
  values(*session, "table")[kFakeVocab + 3] = NAN;
  values(*session, "bias")[0] = kInfinity;
  found = findNonFiniteStored(*session);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->text,
            "parameter table holds NaN at [1, 3] (and 1 other tensor is not finite)");
}

TEST(NonFinite, ParameterAndLaunchAreNamed) {
  auto session = fakeSession();
  values(*session, "table")[3 * kFakeVocab + 5] = NAN;
  ASSERT_THAT(session->run("forward", {{"input_ids", ids(3)}}), IsOk());
  auto origin = (*session->prepare("forward"))->findNonFinite();
  ASSERT_THAT(origin, IsOk());
  EXPECT_EQ(origin->text(), "parameter table holds NaN at [3, 5]; first in fake_forward at bigram "
                            "(launch 0), which reads it: NaN at element 5 of logits");
  EXPECT_TRUE(origin->isShown);
}

TEST(NonFinite, WhatNoLaunchShowsIsStillNamed) {
  auto session = fakeSession();
  values(*session, "table")[3 * kFakeVocab + 5] = NAN;
  ASSERT_THAT(session->run("forward", {{"input_ids", ids(4)}}), IsOk());
  auto origin = (*session->prepare("forward"))->findNonFinite();
  ASSERT_THAT(origin, IsOk());
  EXPECT_EQ(origin->text(),
            "parameter table holds NaN at [3, 5]; first read by fake_forward at bigram (launch 0)");
  EXPECT_FALSE(origin->isShown);
}

/// Overflow in `forward`, by a kernel that says what `change` makes it say.
StatusOr<NonFiniteOrigin> overflow(std::function<void(proto::Launch &)> change) {
  proto::Executable executable = fakeExecutable();
  for (proto::Plan &plan : *executable.mutable_plans())
    if (plan.entry() == "forward")
      change(*plan.mutable_launches(0));
  auto session = Session::create(loadFake(std::move(executable)), makeCpuDevice(1));
  EXPECT_THAT(session, IsOk());
  EXPECT_THAT((*session)->initializeWeights(1), IsOk());
  values(**session, "table")[3 * kFakeVocab] = 3e38f;
  values(**session, "bias")[0] = 3e38f;
  EXPECT_THAT((*session)->run("forward", {{"input_ids", ids(3)}}), IsOk());
  return (*(*session)->prepare("forward"))->findNonFinite();
}

TEST(NonFinite, OpsAndShapeAreNamed) {
  auto origin = overflow([](proto::Launch &launch) {
    launch.add_ops("heddle.add");
    launch.add_ops("heddle.mul");
    for (int64_t size : {kFakeBatch, kFakeSeq, kFakeVocab})
      launch.mutable_operands(5)->add_shape(size);
  });
  ASSERT_THAT(origin, IsOk());
  EXPECT_EQ(origin->text(),
            "first in heddle.add, heddle.mul at bigram (kernel fake_forward, launch "
            "0): infinity at [0, 1, 0] of logits");
}

TEST(NonFinite, InfinitiesOnPurposeAreExcused) {
  auto origin = overflow([](proto::Launch &launch) { launch.set_makes_infinity(true); });
  ASSERT_THAT(origin, IsOk());
  EXPECT_TRUE(origin->byDesign);
  origin = overflow([](proto::Launch &launch) { launch.set_makes_minus_infinity(true); });
  ASSERT_THAT(origin, IsOk());
  EXPECT_FALSE(origin->byDesign);
}

TEST(NonFinite, AShapeOfAnotherSizeIsRefused) {
  proto::Executable executable = fakeExecutable();
  executable.mutable_plans(0)->mutable_launches(0)->mutable_operands(0)->add_shape(0);
  sealExecutable(executable);
  EXPECT_THAT(Executable::create(std::move(executable), "fake"), IsBadInput("shape [0] of"));
}

TEST(NonFinite, WritersAreNamed) {
  auto session = fakeSession();
  PreparedEntry &step = **session->prepare("step");
  EXPECT_THAT(step.describeWriter("adam.v.table"), HasSubstr("fake_adamw at bigram"));
  EXPECT_THAT(step.describeWriter("bias"), IsEmpty());
}

} // namespace
} // namespace heddle::runtime
