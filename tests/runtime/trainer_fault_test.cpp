// SPDX-License-Identifier: Apache-2.0
// Whichever file operation fails during training, and whichever then fails during the recovery:
// what was saved stays, the error names file and step, and a resumed run ends where an undisturbed
// one does. HEDDLE_SWEEP=full tries every position; by default every 19th.
#include "runtime/io/FileLayer.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointNames.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/FaultyFileCalls.h"
#include "tests/runtime/PowerLossDisk.h"
#include "tests/runtime/SmallTraining.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

/// The newest step saved, by a process that sees no faults; every checkpoint is whole.
uint64_t newestStep(FileLayer &layer, const std::string &out) {
  if (!*layer.exists(out))
    return 0;
  StatusOr<std::vector<CheckpointEntry>> entries = listCheckpoints(layer, out);
  for (const CheckpointEntry &entry : *entries)
    EXPECT_THAT(verifyCheckpoint(layer, joinPath(out, entry.name), entry.step), IsOk());
  CheckpointSearch search = *findNewestCheckpoint(layer, out);
  return search.newest ? search.newest->step : 0;
}

class TrainerFaults : public testing::TestWithParam<FaultKind> {
protected:
  TempFolder folder_{TempFolder::kInMemory};
  std::unique_ptr<Session> session_ = fakeSession();

  /// Trains with the n-th file call failing; whether there was such a call.
  bool trainWithFault(uint64_t n, const std::string &out) {
    FaultyFileCalls calls;
    FileLayer layer(calls);
    calls.plan(GetParam().at(n));
    bool begun = false;
    Status status = trainSmall(layer, *session_, out, begun);
    std::string where = absl::StrCat("call ", n, ", ", calls.last());
    if (!status.ok()) {
      ++failures_;
      EXPECT_FALSE(GetParam().isHarmless()) << where << ": " << status;
      EXPECT_THAT(status, IsError(folder_.path())) << where;
      if (begun) {
        EXPECT_EQ(exitCode(status), 1) << where << ": " << status;
        EXPECT_THAT(status, IsError("step ")) << where;
      }
    }
    return !calls.last().empty();
  }
  int failures_ = 0;
};

TEST_P(TrainerFaults, LoseNothingAndCanBeResumed) {
  FileLayer &real = FileLayer::system();
  bool begun = false;
  ASSERT_THAT(trainSmall(real, *session_, folder_ / "good", begun), IsOk());
  std::string expected = trainingResult(real, folder_ / "good");
  ASSERT_THAT(expected, testing::StartsWith("manifest.json"));

  std::string out = folder_ / "out";
  for (uint64_t at = 1, stride = sweepStride(19); trainWithFault(at, out); at += stride) {
    uint64_t saved = newestStep(real, out);
    trainWithFault(1 + at * 37 % 101, out); // and again while it recovers
    EXPECT_GE(newestStep(real, out), saved) << "call " << at;
    ASSERT_THAT(trainSmall(real, *session_, out, begun), IsOk()) << "call " << at;
    EXPECT_EQ(trainingResult(real, out), expected) << "call " << at;
    std::vector<std::string> names = *real.list(out);
    for (const std::string &name : names)
      EXPECT_TRUE(parseCheckpointName(name) || name == kCheckpointLock) << name << ", call " << at;
    std::filesystem::remove_all(out);
    std::filesystem::remove(out + ".jsonl");
  }
  if (!GetParam().isHarmless()) {
    EXPECT_GT(failures_, 1); // EINTR is carried on with, mostly
  }
}

INSTANTIATE_TEST_SUITE_P(All, TrainerFaults, testing::ValuesIn(kFaultKinds),
                         [](const auto &info) { return info.param.name; });

TEST(TrainerPowerLoss, ResumedRunsEndAsUnbrokenOnes) {
  std::unique_ptr<Session> session = fakeSession();
  bool begun = false;
  PowerLossDisk steady;
  FileLayer steadyLayer(steady);
  ASSERT_THAT(trainSmall(steadyLayer, *session, "/data/out", begun), IsOk());
  std::string expected = trainingResult(steadyLayer, "/data/out");
  ASSERT_THAT(expected, testing::StartsWith("manifest.json"));

  bool died = true;
  for (uint64_t at = 1, stride = sweepStride(23); died; at += stride)
    for (Survival survival : kSurvivals) {
      std::mt19937_64 random(at);
      PowerLossDisk disk;
      FileLayer layer(disk);
      disk.dieAfter(at);
      Status status = trainSmall(layer, *session, "/data/out", begun);
      died = disk.died();
      disk.cutPower(survival, random);
      disk.dieAfter(at * 37 % 101);
      trainSmall(layer, *session, "/data/out", begun).IgnoreError();
      disk.cutPower(survival, random);
      ASSERT_THAT(trainSmall(layer, *session, "/data/out", begun), IsOk()) << "call " << at;
      EXPECT_EQ(trainingResult(layer, "/data/out"), expected) << "call " << at;
    }
}

} // namespace
} // namespace heddle::runtime
