// SPDX-License-Identifier: Apache-2.0
// Every file call of the checkpoint writer fails in turn, once and for ever, in several ways: no
// older checkpoint is ever lost, none of ours is ever half, and the error says step and file.
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointNames.h"
#include "tests/runtime/FaultyFileCalls.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

class CheckpointFaults : public testing::TestWithParam<FaultKind> {
protected:
  static Fault faultAt(uint64_t at) { return GetParam().at(at); }

  static std::vector<CheckpointFile> filesOf(uint64_t step) {
    return {CheckpointFile::fromText("model.safetensors", std::string(5000, 'a' + step % 26)),
            CheckpointFile::fromText("trainer.json", "{\"step\":" + std::to_string(step) + "}")};
  }

  /// What is on the disk, by a fresh process that sees no faults.
  static CheckpointSearch look(const std::string &out) {
    return *findNewestCheckpoint(FileLayer::system(), out);
  }

  /// Every folder under a step's own name verifies.
  static void expectAllWhole(const std::string &out, const std::string &failed) {
    StatusOr<std::vector<CheckpointEntry>> entries = listCheckpoints(FileLayer::system(), out);
    ASSERT_THAT(entries, IsOk());
    for (const CheckpointEntry &entry : *entries)
      EXPECT_THAT(verifyCheckpoint(FileLayer::system(), out + "/" + entry.name, entry.step), IsOk())
          << failed;
  }
};

TEST_P(CheckpointFaults, NothingOlderIsLost) {
  uint64_t failures = 0;
  for (uint64_t at = 1;; ++at) {
    TempFolder out(TempFolder::kInMemory);
    FaultyFileCalls calls;
    FileLayer layer(calls);
    {
      CheckpointWriter writer = *CheckpointWriter::open(layer, out.path());
      ASSERT_THAT(writer.write(10, filesOf(10)), IsOk());
      ASSERT_THAT(writer.write(20, filesOf(20)), IsOk());
      calls.plan(faultAt(at));
      Status status = writer.write(30, filesOf(30));
      std::string failed = "call " + std::to_string(at) + ", " + calls.last();
      bool hit = !calls.last().empty();
      calls.plan({});
      if (!hit) {
        EXPECT_THAT(status, IsOk());
        break;
      }
      CheckpointSearch found = look(out.path());
      ASSERT_TRUE(found.newest) << failed;
      EXPECT_GE(found.newest->step, 20u) << failed;
      EXPECT_TRUE(found.skipped.empty()) << failed;
      expectAllWhole(out.path(), failed);
      StatusOr<std::vector<CheckpointEntry>> left =
          listCheckpoints(FileLayer::system(), out.path());
      EXPECT_GE(left->size(), 2u) << failed;
      if (status.ok()) {
        EXPECT_EQ(found.newest->step, 30u) << failed;
      } else {
        ++failures;
        EXPECT_THAT(status, IsError("checkpoint of step 30")) << failed;
        EXPECT_THAT(status, IsError(out.path())) << failed;
        EXPECT_EQ(exitCode(status), 1) << failed;
      }
      // The same writer carries on once the disk is well again.
      EXPECT_THAT(writer.write(40, filesOf(40)), IsOk()) << failed;
      EXPECT_EQ(look(out.path()).newest->step, 40u) << failed;
    }
    // And so does the next process, without anything left over.
    ASSERT_THAT(CheckpointWriter::open(FileLayer::system(), out.path()), IsOk());
    std::vector<std::string> names = *FileLayer::system().list(out.path());
    for (const std::string &name : names)
      EXPECT_TRUE(parseCheckpointName(name) || name == kCheckpointLock) << name << ", call " << at;
  }
  if (GetParam().isHarmless()) {
    EXPECT_EQ(failures, 0u);
  } else {
    EXPECT_GT(failures, 5u); // EINTR is carried on with, mostly
  }
}

TEST_P(CheckpointFaults, ReplacingAStepLosesNothing) {
  for (uint64_t at = 1;; ++at) {
    TempFolder out(TempFolder::kInMemory);
    FaultyFileCalls calls;
    FileLayer layer(calls);
    std::string failed;
    {
      CheckpointWriter writer = *CheckpointWriter::open(layer, out.path());
      ASSERT_THAT(writer.write(10, filesOf(10)), IsOk());
      ASSERT_THAT(writer.write(20, filesOf(20)), IsOk());
      calls.plan(faultAt(at));
      Status status = writer.write(20, filesOf(21));
      failed = "call " + std::to_string(at) + ", " + calls.last();
      if (calls.last().empty())
        break;
      calls.plan({});
      EXPECT_EQ(look(out.path()).newest->step, 20u) << failed;
      expectAllWhole(out.path(), failed);
      if (!status.ok()) {
        EXPECT_THAT(status, IsError("checkpoint of step 20")) << failed;
      }
    }
    ASSERT_THAT(CheckpointWriter::open(FileLayer::system(), out.path()), IsOk());
    CheckpointSearch found = look(out.path());
    EXPECT_EQ(found.newest->path, out / "step-00000020") << failed;
    EXPECT_TRUE(found.skipped.empty()) << failed;
  }
}

TEST_P(CheckpointFaults, OpeningAgainSurvives) {
  for (uint64_t at = 1;; ++at) {
    TempFolder out(TempFolder::kInMemory);
    {
      CheckpointWriter writer = *CheckpointWriter::open(FileLayer::system(), out.path());
      ASSERT_THAT(writer.write(10, filesOf(10)), IsOk());
      ASSERT_THAT(writer.write(20, filesOf(20)), IsOk());
    }
    // As a process leaves it that dies while it replaces step 20 and writes step 30.
    FileLayer &real = FileLayer::system();
    ASSERT_THAT(real.rename(out / "step-00000020", out / ".old-step-00000020"), IsOk());
    ASSERT_THAT(real.makeFolder(out / ".tmp-step-00000030"), IsOk());
    spill(out / ".tmp-step-00000030/model.safetensors", "half");
    FaultyFileCalls calls;
    FileLayer layer(calls);
    calls.plan(faultAt(at));
    Status status = CheckpointWriter::open(layer, out.path()).status();
    if (calls.last().empty())
      break;
    if (!status.ok()) {
      EXPECT_THAT(status, IsError(out.path())) << calls.last();
    }
    ASSERT_THAT(CheckpointWriter::open(real, out.path()), IsOk()) << calls.last();
    EXPECT_EQ(look(out.path()).newest->path, out / "step-00000020") << calls.last();
    EXPECT_EQ(real.list(out.path())->size(), 3u) << calls.last();
  }
}

TEST_P(CheckpointFaults, SearchNeverTakesABrokenOne) {
  TempFolder out(TempFolder::kInMemory);
  {
    CheckpointWriter writer = *CheckpointWriter::open(FileLayer::system(), out.path());
    ASSERT_THAT(writer.write(10, filesOf(10)), IsOk());
    ASSERT_THAT(writer.write(20, filesOf(20)), IsOk());
  }
  for (uint64_t at = 1;; ++at) {
    FaultyFileCalls calls;
    FileLayer layer(calls);
    calls.plan(faultAt(at));
    StatusOr<CheckpointSearch> search = findNewestCheckpoint(layer, out.path());
    if (calls.last().empty())
      break;
    if (!search.ok()) {
      EXPECT_THAT(search, IsError(out.path())) << calls.last();
    } else if (!search->newest || search->newest->step != 20) {
      ASSERT_FALSE(search->skipped.empty()) << calls.last();
      EXPECT_THAT(search->skipped[0].reason, testing::HasSubstr("step-00000020")) << calls.last();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CheckpointFaults, testing::ValuesIn(kFaultKinds),
                         [](const auto &info) { return info.param.name; });

TEST(CheckpointSearch, ShortageIsNoDamage) {
  TempFolder out(TempFolder::kInMemory);
  {
    CheckpointWriter writer = *CheckpointWriter::open(FileLayer::system(), out.path());
    for (uint64_t step : {1, 2})
      ASSERT_THAT(writer.write(step, {CheckpointFile::fromText("a", "abc")}), IsOk());
  }
  for (int error : {EMFILE, ENFILE, ENOMEM}) {
    FaultyFileCalls calls;
    FileLayer layer(calls);
    calls.plan({.at = 1, .error = error, .only = Call::Open});
    StatusOr<CheckpointSearch> search = findNewestCheckpoint(layer, out.path());
    EXPECT_THAT(search, IsError(out / "step-00000002"));
    EXPECT_EQ(exitCode(search.status()), 1);
  }
}

TEST(CheckpointInterruptions, AreNotNoticed) {
  for (int error : {EINTR, 0}) {
    for (Call call : {Call::Open, Call::Read, Call::Write, Call::Sync, Call::Close, Call::List}) {
      if (error == 0 && call != Call::Read && call != Call::Write)
        continue;
      for (uint64_t at = 1; at < 12; ++at) {
        TempFolder out(TempFolder::kInMemory);
        FaultyFileCalls calls;
        FileLayer layer(calls);
        CheckpointWriter writer = *CheckpointWriter::open(layer, out.path());
        calls.plan({.at = at, .error = error, .only = call});
        ASSERT_THAT(writer.write(1, {CheckpointFile::fromText("a", "abc")}), IsOk());
        EXPECT_EQ(findNewestCheckpoint(layer, out.path())->newest->step, 1u);
      }
    }
  }
}

TEST(CheckpointProtocol, EverythingIsFlushedBeforeItCounts) {
  TempFolder out(TempFolder::kInMemory);
  FaultyFileCalls calls;
  FileLayer layer(calls);
  CheckpointWriter writer = *CheckpointWriter::open(layer, out.path());
  for (uint64_t step : {1, 2})
    ASSERT_THAT(writer.write(step, {CheckpointFile::fromText("a", "abc")}), IsOk());
  calls.plan({});
  ASSERT_THAT(writer.write(3, {CheckpointFile::fromText("a", "abc")}), IsOk());
  std::vector<std::string> changes; // what reaches the disk, in order
  for (const std::string &call : calls.trace())
    if (call.starts_with("write ") || call.starts_with("fsync ") || call.starts_with("rename "))
      changes.push_back(call);
  std::string temporary = out / ".tmp-step-00000003", dropped = out / ".tmp-drop-step-00000001";
  EXPECT_THAT(changes,
              testing::ElementsAre(
                  "write " + temporary + "/a", "fsync " + temporary + "/a",
                  "write " + temporary + "/manifest.json", "fsync " + temporary + "/manifest.json",
                  "fsync " + temporary, "rename " + temporary + " " + (out / "step-00000003"),
                  "fsync " + out.path(), "rename " + (out / "step-00000001") + " " + dropped,
                  "fsync " + out.path()));
}

/// A child writes checkpoint after checkpoint until it is killed somewhere in between.
TEST(CheckpointKill, LeavesTheNewestWhole) {
  TempFolder out(TempFolder::kInMemory);
  uint64_t least = 0;
  for (int round = 0; round < 40; ++round) {
    pid_t child = fork();
    if (child == 0) {
      StatusOr<CheckpointWriter> writer = CheckpointWriter::open(FileLayer::system(), out.path());
      if (!writer.ok())
        _exit(1);
      for (uint64_t step = least + 1;; ++step) {
        std::string content(20'000, static_cast<char>('a' + step % 26));
        if (!writer->write(step, {CheckpointFile::fromText("a", content)}).ok())
          _exit(1);
      }
    }
    // Once it has written one more, so that no round depends on how fast the machine is.
    auto newestStep = [&]() -> uint64_t {
      StatusOr<std::vector<CheckpointEntry>> entries =
          listCheckpoints(FileLayer::system(), out.path());
      return entries.ok() && !entries->empty() ? entries->front().step : 0;
    };
    auto isAlive = [&] { // and stays to be waited for below
      siginfo_t info = {};
      return ::waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
    };
    while (newestStep() <= least && isAlive())
      ::usleep(100);
    ::usleep(static_cast<useconds_t>(137 * round % 1500));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer failed";
    CheckpointSearch found = *findNewestCheckpoint(FileLayer::system(), out.path());
    EXPECT_TRUE(found.skipped.empty());
    EXPECT_GE(found.newest ? found.newest->step : 0, least);
    least = found.newest ? found.newest->step : 0;
  }
  EXPECT_GE(least, 40u);
}

} // namespace
} // namespace heddle::runtime
