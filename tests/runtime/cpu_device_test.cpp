// SPDX-License-Identifier: Apache-2.0
// What the CPU's device promises kernels: addresses, scratch, shares; and initial weights.
#include <atomic>
#include <cmath>
#include <cstring>
#include <set>
#include <thread>

#include "runtime/plan/Device.h"
#include "runtime/plan/Philox.h"
#include "runtime/plan/ThreadPool.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

/// operands[0] is an array of as many pointers as tasks: where each one's scratch is.
void noteScratch(void *const *operands, int64_t begin, int64_t end, void *scratch) {
  for (int64_t task = begin; task < end; ++task)
    static_cast<void **>(operands[0])[task] = scratch;
}

void fillScratch(void *const *operands, int64_t begin, int64_t end, void *scratch) {
  memset(scratch, 1, 100000);
  noteScratch(operands, begin, end, scratch);
}

void noteOperands(void *const *operands, int64_t, int64_t, void *) {
  for (int i = 0; i < 4; ++i)
    static_cast<void **>(operands[4])[i] = operands[i];
}

proto::Launch &addLaunch(proto::Plan &plan, int64_t tasks, uint64_t scratchBytes) {
  proto::Launch &launch = *plan.add_launches();
  launch.set_tasks(tasks);
  launch.set_scratch_bytes(scratchBytes);
  return launch;
}

void addOperand(proto::Launch &launch, proto::BufferRef::Space space, int index, uint64_t offset) {
  proto::BufferRef &ref = *launch.add_operands();
  ref.set_space(space);
  ref.set_index(index);
  ref.set_offset(offset);
}

TEST(CpuDevice, EachThreadHasScratchOfItsOwn) {
  constexpr uint64_t kLarge = 100000, kSmall = 64;
  constexpr int kThreads = 3;
  auto device = makeCpuDevice(kThreads);
  void *first[kThreads] = {}, *second[kThreads] = {};
  proto::Plan plan;
  addOperand(addLaunch(plan, kThreads, kLarge), proto::BufferRef::ARGUMENT, 0, 0);
  addOperand(addLaunch(plan, kThreads, kSmall), proto::BufferRef::ARGUMENT, 1, 0);
  Entry entry{&plan, {fillScratch, noteScratch}, 2, false};
  Bindings bindings;
  bindings.arguments = {first, second};
  auto program = device->prepare(entry, bindings);
  ASSERT_THAT(program, IsOk());
  ASSERT_THAT((*program)->run(0, 2), IsOk());
  std::vector<char *> places;
  for (void *place : first) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(place) % 64, 0u);
    places.push_back(static_cast<char *>(place));
  }
  std::sort(places.begin(), places.end());
  for (int i = 1; i < kThreads; ++i)
    EXPECT_GE(places[i] - places[i - 1], static_cast<ptrdiff_t>(kLarge));
  EXPECT_EQ(std::set<void *>(second, second + kThreads).size(), size_t{kThreads});
}

TEST(CpuDevice, OperandsLieWhereThePlanSays) {
  auto device = makeCpuDevice(1);
  char arena[64], argument[64], result[64], constant[64];
  void *noted[4] = {};
  proto::Plan plan;
  proto::Launch &launch = addLaunch(plan, 1, 0);
  addOperand(launch, proto::BufferRef::ARENA, 0, 4);
  addOperand(launch, proto::BufferRef::ARGUMENT, 1, 8);
  addOperand(launch, proto::BufferRef::RESULT, 1, 12);
  addOperand(launch, proto::BufferRef::CONSTANT, 1, 16);
  addOperand(launch, proto::BufferRef::ARGUMENT, 0, 0);
  Entry entry{&plan, {noteOperands}, 1, false};
  Bindings bindings{arena, {noted, argument}, {nullptr, result}, {nullptr, constant}};
  auto program = device->prepare(entry, bindings);
  ASSERT_THAT(program, IsOk());
  ASSERT_THAT((*program)->run(0, 1), IsOk());
  EXPECT_THAT(noted, testing::ElementsAre(arena + 4, argument + 8, result + 12, constant + 16));
}

TEST(ThreadPool, ReturnsWhenTheSlowestShareIsDone) {
  ThreadPool pool(3);
  for (int slow : {0, 1, 2}) {
    std::atomic<int> done{0};
    pool.parallelFor(3, [&](int64_t begin, int64_t end, int thread) {
      if (thread == slow)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      done += static_cast<int>(end - begin);
    });
    EXPECT_EQ(done, 3) << "share " << slow;
  }
}

TEST(InitialWeights, AreNormalWithTheScaleAsked) {
  auto session = fakeSession();
  const float *values = static_cast<const float *>(session->find("table")->data());
  constexpr int64_t n = kFakeVocab * kFakeVocab;
  double sum = 0, squares = 0, fourth = 0, neighbours = 0, distant = 0;
  for (int64_t i = 0; i < n; ++i) {
    double x = values[i] / 0.5; // the fake model's scale
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
    neighbours += x * values[(i + 1) % n] / 0.5;
    distant += x * values[(i + 4096) % n] / 0.5;
  }
  // Five standard errors of n samples and more.
  EXPECT_NEAR(sum / n, 0, 0.02);
  EXPECT_NEAR(squares / n, 1, 0.03);
  EXPECT_NEAR(fourth / n, 3, 0.25);
  EXPECT_NEAR(neighbours / n, 0, 0.02);
  EXPECT_NEAR(distant / n, 0, 0.02);
  EXPECT_EQ(std::set<float>(values, values + 8192).size(), 8192u);
}

TEST(InitialWeights, DifferFromParameterToParameter) {
  proto::Executable executable = fakeExecutable();
  *executable.mutable_manifest()->mutable_parameters(1)->mutable_initializer() =
      executable.manifest().parameters(0).initializer();
  auto session = Session::create(loadFake(std::move(executable)), makeCpuDevice(1));
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT((*session)->initializeWeights(1), IsOk());
  std::string table = storedBytes(**session, "table"), bias = storedBytes(**session, "bias");
  EXPECT_NE(table.substr(0, bias.size()), bias);
}

TEST(RandomStream, BlocksFarApartDiffer) {
  RandomStream stream(7, "data.train");
  std::set<uint64_t> seen;
  for (int bit = 0; bit < 64; ++bit)
    seen.insert(stream.bits64(uint64_t{1} << bit));
  EXPECT_EQ(seen.size(), 64u);
}

} // namespace
} // namespace heddle::runtime
