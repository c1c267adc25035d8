// SPDX-License-Identifier: Apache-2.0
// The power fails at every file call of the checkpoint writer, and again while the next process
// recovers: a checkpoint whose write() returned is there for ever, and no other is half. Proof that
// the test can fail: without any single one of the writer's flushes it does.
#include "runtime/io/FileLayer.h"
#include "runtime/io/JsonLog.h"
#include "runtime/io/WholeFile.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointNames.h"
#include "tests/runtime/FaultyFileCalls.h"
#include "tests/runtime/PowerLossDisk.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

const std::string kOut = "/data/runs/out";

std::string contentOf(uint64_t step) { return std::string(3000, static_cast<char>('a' + step)); }

/// What a program that writes checkpoints was told: these are saved.
struct Story {
  uint64_t acknowledged = 0;

  /// Steps 1 to 4, the third twice, or what is left of them until the disk dies.
  void go(FileLayer &layer) {
    StatusOr<CheckpointWriter> writer = CheckpointWriter::open(layer, kOut);
    if (!writer.ok())
      return;
    for (uint64_t step : {1, 2, 3, 3, 4}) {
      Status status = writer->write(
          step,
          {CheckpointFile::fromText("model.safetensors", contentOf(step)),
           CheckpointFile::fromText("state.json", "{\"step\":" + std::to_string(step) + "}")});
      if (!status.ok())
        return;
      acknowledged = std::max(acknowledged, step);
    }
  }

  /// What is wrong with what the disk holds now, or nothing.
  std::string violation(FileLayer &layer) const {
    StatusOr<CheckpointSearch> search = findNewestCheckpoint(layer, kOut);
    if (!search.ok())
      return search.status().ToString();
    if (!search->newest)
      return acknowledged ? absl::StrCat("step ", acknowledged, " is lost, and all others") : "";
    if (search->newest->step < acknowledged)
      return absl::StrCat("step ", acknowledged, " is lost, ", search->newest->step, " is there");
    StatusOr<std::string> model =
        readSmallFile(layer, joinPath(search->newest->path, "model.safetensors"), 1 << 20);
    if (!model.ok() || *model != contentOf(search->newest->step))
      return "the newest checkpoint holds something else";
    StatusOr<std::vector<CheckpointEntry>> entries = listCheckpoints(layer, kOut);
    for (const CheckpointEntry &entry : *entries)
      if (Status status = verifyCheckpoint(layer, joinPath(kOut, entry.name), entry.step);
          !status.ok())
        return status.ToString();
    return "";
  }
};

/// Dies at call `at`, loses power, and looks; then goes on, dies at a random call and loses power
/// once more. Empty if nothing was lost.
std::string tell(uint64_t at, Survival survival, uint64_t skippedSync, uint64_t seed, bool &died) {
  std::mt19937_64 random(seed);
  PowerLossDisk disk;
  FileLayer layer(disk);
  disk.skipSync(skippedSync);
  disk.dieAfter(at);
  Story story;
  story.go(layer);
  died = disk.died();
  // Sometimes only the process dies first, and another goes on with what is not flushed yet.
  for (int again = 0; again < 2; ++again) {
    if (random() % 2)
      disk.cutPower(again ? Survival::Random : survival, random);
    else
      disk.restart();
    std::string found = story.violation(layer);
    if (!found.empty())
      return found;
    disk.dieAfter(random() % 80);
    story.go(layer);
  }
  disk.cutPower(survival, random);
  std::string found = story.violation(layer);
  if (!found.empty())
    return found;
  story.go(layer);
  return story.acknowledged == 4 ? "" : "the writer does not go on after a power cut";
}

/// The first thing lost over all calls, or nothing.
std::string firstLoss(uint64_t skippedSync, int seeds) {
  for (Survival survival : kSurvivals)
    for (int seed = 0; seed < seeds; ++seed) {
      bool died = true;
      for (uint64_t at = 0; died; ++at) {
        std::string found = tell(at, survival, skippedSync, at * 1000 + seed, died);
        if (!found.empty())
          return absl::StrCat("call ", at, ", survival ", static_cast<int>(survival), ", seed ",
                              at * 1000 + seed, ": ", found);
      }
    }
  return "";
}

/// How often each position is tried, each time with another second failure.
int seeds(int usual) { return sweepStride(2) == 1 ? 40 : usual; }

TEST(PowerLoss, LosesNoCheckpointThatWasSaved) { EXPECT_EQ(firstLoss(0, seeds(3)), ""); }

TEST(PowerLoss, IsNoticedWithoutAnySingleFlush) {
  PowerLossDisk whole;
  FileLayer layer(whole);
  Story().go(layer);
  ASSERT_GT(whole.syncs(), 20u);
  for (uint64_t n = 1; n <= whole.syncs(); ++n) {
    PowerLossDisk disk;
    FileLayer layer(disk);
    disk.skipSync(n);
    Story().go(layer);
    if (!disk.skipped().empty()) {
      EXPECT_NE(firstLoss(n, 3), "") << "flush " << n << " of " << disk.skipped();
    }
  }
}

TEST(PowerLoss, KeepsTheOldFileOrTheNew) {
  for (Survival survival : kSurvivals)
    for (uint64_t at = 0; at < 20; ++at) {
      std::mt19937_64 random(at);
      PowerLossDisk disk;
      FileLayer layer(disk);
      ASSERT_THAT(writeFileAtomically(layer, "/data/x", "old"), IsOk());
      disk.dieAfter(at);
      bool written = writeFileAtomically(layer, "/data/x", "new").ok();
      disk.cutPower(survival, random);
      std::string found = *readSmallFile(layer, "/data/x", 10);
      EXPECT_TRUE(found == "new" || (found == "old" && !written)) << at << ": " << found;
    }
}

TEST(PowerLoss, KeepsTheLogThatWasFlushed) {
  for (Survival survival : kSurvivals)
    for (uint64_t seed = 0; seed < 20; ++seed) {
      std::mt19937_64 random(seed);
      PowerLossDisk disk;
      FileLayer layer(disk);
      std::string first = "{\"step\":0}\n", all = first + "{\"step\":1}\n";
      {
        StatusOr<JsonLog> log = JsonLog::start(layer, "/data/log");
        ASSERT_THAT(log, IsOk());
        ASSERT_THAT(log->write("{\"step\":0}"), IsOk());
        ASSERT_THAT(log->sync(), IsOk());
        ASSERT_THAT(log->write("{\"step\":1}"), IsOk());
      }
      disk.cutPower(survival, random);
      ASSERT_THAT(cutLogAtStep(layer, "/data/log", 9), IsOk());
      std::string kept = *readSmallFile(layer, "/data/log", 100);
      EXPECT_TRUE(kept == first || kept == all) << seed << ": " << kept;
    }
}

} // namespace
} // namespace heddle::runtime
