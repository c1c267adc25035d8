// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointManifest.h"
#include "runtime/train/CheckpointNames.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;

FileLayer &layer() { return FileLayer::system(); }

std::vector<CheckpointFile> filesOf(uint64_t step) {
  return {CheckpointFile::fromText("model.safetensors", "weights " + std::to_string(step)),
          CheckpointFile::fromText("config.json", "{}")};
}

std::vector<std::string> visible(const std::string &folder) {
  std::vector<std::string> names;
  std::vector<std::string> all = *layer().list(folder);
  for (const std::string &name : all)
    if (name != kCheckpointLock)
      names.push_back(name);
  return names;
}

void writeSteps(const std::string &out, std::initializer_list<uint64_t> steps, int keep = 2) {
  StatusOr<CheckpointWriter> writer = CheckpointWriter::open(layer(), out, keep);
  ASSERT_THAT(writer, IsOk());
  for (uint64_t step : steps)
    ASSERT_THAT(writer->write(step, filesOf(step)), IsOk());
}

TEST(Checkpoint, WritesFindsAndDropsTheOldest) {
  TempFolder folder;
  std::string out = folder / "runs/a";
  EXPECT_THAT(checkNewOrEmpty(layer(), out), IsOk());
  EXPECT_FALSE(findNewestCheckpoint(layer(), out)->newest);
  writeSteps(out, {0, 50, 100, 150});
  EXPECT_THAT(visible(out), ElementsAre("step-00000100", "step-00000150"));
  EXPECT_THAT(checkNewOrEmpty(layer(), out), IsBadInput("is not empty"));
  StatusOr<CheckpointSearch> search = findNewestCheckpoint(layer(), out);
  ASSERT_THAT(search, IsOk());
  EXPECT_EQ(search->newest->step, 150u);
  EXPECT_EQ(search->newest->path, out + "/step-00000150");
  EXPECT_TRUE(search->skipped.empty());
  EXPECT_EQ(slurp(out + "/step-00000150/model.safetensors"), "weights 150");
  EXPECT_THAT(visible(out + "/step-00000150"),
              ElementsAre("config.json", "manifest.json", "model.safetensors"));
}

TEST(Checkpoint, KeepsAtLeastTwo) {
  TempFolder folder;
  writeSteps(folder / "a", {1, 2, 3}, 0);
  EXPECT_EQ(visible(folder / "a").size(), 2u);
  writeSteps(folder / "b", {1, 2, 3, 4}, 3);
  EXPECT_EQ(visible(folder / "b").size(), 3u);
}

TEST(Checkpoint, BrokenOnesAreSkippedWithTheReason) {
  struct {
    const char *what;
    std::function<void(const std::string &)> breakIt;
    const char *reason;
  } const kCases[] = {
      {"flipped byte", [](const std::string &p) { spill(p + "/config.json", "[]"); },
       "config.json: its content does not match the SHA-256"},
      {"cut short", [](const std::string &p) { spill(p + "/model.safetensors", "w"); },
       "model.safetensors: 1 bytes, expected 10"},
      {"missing file", [](const std::string &p) { ::unlink((p + "/config.json").c_str()); },
       "config.json: missing, expected 2 bytes"},
      {"missing manifest", [](const std::string &p) { ::unlink((p + "/manifest.json").c_str()); },
       "manifest.json: No such file"},
      {"torn manifest", [](const std::string &p) { spill(p + "/manifest.json", "{\"format\":1"); },
       "manifest.json: byte"},
      {"foreign manifest",
       [](const std::string &p) {
         spill(p + "/manifest.json", "{\"format\":2,\"step\":20,\"files\":[]}");
       },
       "format 2, expected 1"},
      {"other step",
       [](const std::string &p) {
         spill(p + "/manifest.json", "{\"format\":1,\"step\":21,\"files\":[]}");
       },
       "says step 21, expected 20"},
      {"escaping name",
       [](const std::string &p) {
         spill(p + "/manifest.json", "{\"format\":1,\"step\":20,\"files\":[{\"name\":\"../x\","
                                     "\"size\":1,\"sha256\":\"\"}]}");
       },
       "not a name for a checkpoint's file"},
      {"negative size",
       [](const std::string &p) {
         spill(p + "/manifest.json", "{\"format\":1,\"step\":20,\"files\":[{\"name\":\"x\","
                                     "\"size\":-1,\"sha256\":\"\"}]}");
       },
       "expected an integer from 0"},
  };
  for (const auto &broken : kCases) {
    TempFolder out;
    writeSteps(out.path(), {10, 20});
    broken.breakIt(out / "step-00000020");
    StatusOr<CheckpointSearch> search = findNewestCheckpoint(layer(), out.path());
    ASSERT_THAT(search, IsOk()) << broken.what;
    ASSERT_TRUE(search->newest) << broken.what;
    EXPECT_EQ(search->newest->step, 10u) << broken.what;
    ASSERT_EQ(search->skipped.size(), 1u) << broken.what;
    EXPECT_EQ(search->skipped[0].path, out / "step-00000020");
    EXPECT_THAT(search->skipped[0].reason, testing::HasSubstr(broken.reason)) << broken.what;
  }
}

TEST(Checkpoint, OnlyOnesThatVerifyCountAsKept) {
  TempFolder out;
  writeSteps(out.path(), {10, 20});
  spill(out / "step-00000020/config.json", "[]");
  writeSteps(out.path(), {30});
  EXPECT_THAT(visible(out.path()), ElementsAre("step-00000010", "step-00000020", "step-00000030"));
  writeSteps(out.path(), {40});
  EXPECT_THAT(visible(out.path()), ElementsAre("step-00000030", "step-00000040"));
}

TEST(Checkpoint, LaterBrokenStepsAreReplacedAndNeverPushTheNewOut) {
  TempFolder out;
  writeSteps(out.path(), {10, 80, 90});
  spill(out / "step-00000080/config.json", "[]");
  spill(out / "step-00000090/config.json", "[]");
  writeSteps(out.path(), {20});
  EXPECT_EQ(findNewestCheckpoint(layer(), out.path())->newest->step, 20u);
  writeSteps(out.path(), {80, 90});
  EXPECT_THAT(visible(out.path()), ElementsAre("step-00000080", "step-00000090"));
  EXPECT_EQ(findNewestCheckpoint(layer(), out.path())->newest->step, 90u);
}

TEST(Checkpoint, GoodOnesOfLaterStepsNeitherCountNorGo) {
  TempFolder out;
  writeSteps(out.path(), {80, 90});
  writeSteps(out.path(), {10, 20, 30});
  EXPECT_THAT(visible(out.path()),
              ElementsAre("step-00000020", "step-00000030", "step-00000080", "step-00000090"));
}

TEST(Checkpoint, ReplacesTheSameStep) {
  TempFolder out;
  writeSteps(out.path(), {10});
  StatusOr<CheckpointWriter> writer = CheckpointWriter::open(layer(), out.path());
  ASSERT_THAT(writer->write(10, {CheckpointFile::fromText("x", "new")}), IsOk());
  EXPECT_THAT(visible(out.path()), ElementsAre("step-00000010"));
  EXPECT_EQ(slurp(out / "step-00000010/x"), "new");
}

TEST(Checkpoint, WhatIsWrittenBesideIsNone) {
  TempFolder folder;
  StatusOr<CheckpointWriter> writer = CheckpointWriter::open(layer(), folder / "out");
  ASSERT_THAT(writer, IsOk());
  for (uint64_t step : {1, 2, 3}) {
    ASSERT_THAT(writer->write(step, filesOf(step)), IsOk());
    ASSERT_THAT(writer->writeBeside("nonfinite-step-00000009", step, filesOf(step)), IsOk());
  }
  EXPECT_THAT(visible(folder / "out"),
              ElementsAre("nonfinite-step-00000009", "step-00000002", "step-00000003"));
  EXPECT_EQ(slurp(folder / "out/nonfinite-step-00000009/model.safetensors"), "weights 3");
  EXPECT_EQ(findNewestCheckpoint(layer(), folder / "out")->newest->step, 3u);
}

TEST(Checkpoint, LeftoversOfADeadProcessAreCleanedUp) {
  TempFolder out;
  writeSteps(out.path(), {10, 20});
  ASSERT_THAT(layer().makeFolders(out / ".tmp-step-00000030/deep"), IsOk());
  spill(out / ".tmp-step-00000030/model.safetensors", "half");
  ASSERT_THAT(layer().makeFolders(out / ".tmp-drop-step-00000001"), IsOk());
  // Died between the two renames that replace step 20: the old one still counts, and comes back.
  ASSERT_THAT(layer().rename(out / "step-00000020", out / ".old-step-00000020"), IsOk());
  EXPECT_EQ(findNewestCheckpoint(layer(), out.path())->newest->path, out / ".old-step-00000020");
  ASSERT_THAT(CheckpointWriter::open(layer(), out.path()), IsOk());
  EXPECT_THAT(visible(out.path()), ElementsAre("step-00000010", "step-00000020"));
  // Died after them: the successor stays.
  ASSERT_THAT(layer().rename(out / "step-00000010", out / ".old-step-00000020"), IsOk());
  ASSERT_THAT(CheckpointWriter::open(layer(), out.path()), IsOk());
  EXPECT_THAT(visible(out.path()), ElementsAre("step-00000020"));
  EXPECT_EQ(findNewestCheckpoint(layer(), out.path())->newest->step, 20u);
}

TEST(Checkpoint, AReplacedOneOutlivesADamagedSuccessor) {
  TempFolder out;
  writeSteps(out.path(), {10, 20});
  ASSERT_THAT(layer().rename(out / "step-00000010", out / ".old-step-00000020"), IsOk());
  spill(
      out / ".old-step-00000020/manifest.json",
      printManifest({20, readManifest(layer(), out / ".old-step-00000020/manifest.json")->files}));
  spill(out / "step-00000020/config.json", "[]");
  StatusOr<CheckpointWriter> writer = CheckpointWriter::open(layer(), out.path());
  ASSERT_THAT(writer, IsOk());
  CheckpointSearch search = *findNewestCheckpoint(layer(), out.path());
  ASSERT_TRUE(search.newest);
  EXPECT_EQ(search.newest->path, out / ".old-step-00000020");
  EXPECT_EQ(search.skipped.size(), 1u);
  // Written once more, the step is one checkpoint again.
  ASSERT_THAT(writer->write(20, filesOf(20)), IsOk());
  EXPECT_THAT(visible(out.path()), ElementsAre("step-00000020"));
  EXPECT_THAT(verifyCheckpoint(layer(), out / "step-00000020", 20), IsOk());
}

TEST(Checkpoint, WhatBearsANameOfOursIsReplaced) {
  TempFolder folder;
  std::string out = folder / "out", apart = folder / "apart";
  ASSERT_THAT(layer().makeFolders(out), IsOk());
  ASSERT_THAT(layer().makeFolders(apart), IsOk());
  spill(apart + "/kept", "by the link to it");
  spill(out + "/step-00000010", "a file");
  spill(out + "/.tmp-step-00000020", "a file");
  ASSERT_EQ(::symlink(apart.c_str(), (out + "/.tmp-drop-step-00000001").c_str()), 0);
  writeSteps(out, {10, 20});
  EXPECT_THAT(visible(out), ElementsAre("step-00000010", "step-00000020"));
  EXPECT_THAT(visible(apart), ElementsAre("kept"));
}

TEST(Checkpoint, OneWriterAtATime) {
  TempFolder out;
  StatusOr<CheckpointWriter> first = CheckpointWriter::open(layer(), out.path());
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(CheckpointWriter::open(layer(), out.path()),
              IsBadInput("another process is at work in " + out.path()));
  EXPECT_THAT(checkNewOrEmpty(layer(), out.path()), IsOk()); // the lock alone does not fill it
}

TEST(Checkpoint, BadFilesAreErrorsThatNameStepAndFile) {
  TempFolder out;
  CheckpointWriter writer = *CheckpointWriter::open(layer(), out.path());
  for (const char *name :
       {"", "a/b/c", "/a", "a/", "a/.b", ".a/b", "../x", ".hidden", "manifest.json"})
    EXPECT_THAT(writer.write(7, {CheckpointFile::fromText(name, "")}),
                IsError("checkpoint of step 7: not a name"));
  EXPECT_THAT(
      writer.write(7, {CheckpointFile::fromText("a", ""), CheckpointFile::fromText("a", "")}),
      IsError("checkpoint of step 7: a: cannot create"));
  EXPECT_THAT(writer.write(7, {{"a", [](ByteSink &) { return absl::InternalError("no"); }}}),
              IsError("checkpoint of step 7: a: no"));
  EXPECT_THAT(visible(out.path()), testing::IsEmpty());
  spill(out / "file", "");
  EXPECT_THAT(CheckpointWriter::open(layer(), out / "file"), IsBadInput("file"));
}

TEST(Checkpoint, FilesMayLieInFolders) {
  TempFolder out;
  {
    CheckpointWriter writer = *CheckpointWriter::open(layer(), out.path(), 2);
    for (uint64_t step : {1, 2, 3})
      ASSERT_THAT(writer.write(step, {CheckpointFile::fromText("a", "1"),
                                      CheckpointFile::fromText("f/b", "22"),
                                      CheckpointFile::fromText("f/c", "333")}),
                  IsOk());
  }
  EXPECT_THAT(visible(out.path()), ElementsAre("step-00000002", "step-00000003"));
  EXPECT_EQ(slurp(out / "step-00000003/f/c"), "333");
  EXPECT_THAT(verifyCheckpoint(layer(), out / "step-00000003", 3), IsOk());
  spill(out / "step-00000003/f/b", "23");
  EXPECT_THAT(verifyCheckpoint(layer(), out / "step-00000003", 3), IsBadInput("f/b: its content"));
  std::filesystem::remove_all(out / "step-00000003/f");
  EXPECT_THAT(verifyCheckpoint(layer(), out / "step-00000003", 3), IsBadInput("f/b: missing"));
}

TEST(Checkpoint, OutFolderOpensAsItsNewestCheckpoint) {
  TempFolder folder;
  std::string out = folder / "out";
  writeSteps(out, {10, 20});
  EXPECT_EQ(resolveModelFolder(layer(), out)->path, out + "/step-00000020");
  spill(out + "/step-00000020/config.json", "[]");
  StatusOr<ModelFolder> model = resolveModelFolder(layer(), out);
  EXPECT_EQ(model->path, out + "/step-00000010");
  EXPECT_EQ(model->skipped.size(), 1u);
  spill(out + "/step-00000010/config.json", "[]");
  EXPECT_THAT(resolveModelFolder(layer(), out), IsBadInput("none of its 2 checkpoints is whole"));
  // Model folders, files and paths that do not exist stand for themselves.
  EXPECT_EQ(resolveModelFolder(layer(), out + "/step-00000010")->path, out + "/step-00000010");
  EXPECT_EQ(resolveModelFolder(layer(), folder.path())->path, folder.path());
  EXPECT_EQ(resolveModelFolder(layer(), folder / "none")->path, folder / "none");
}

TEST(Checkpoint, NamesOfSteps) {
  EXPECT_EQ(checkpointName(50), "step-00000050");
  EXPECT_EQ(checkpointName(1234567890), "step-1234567890");
  EXPECT_EQ(parseCheckpointName("step-00000050"), 50u);
  EXPECT_EQ(parseCheckpointName("step-1234567890"), 1234567890u);
  for (const char *name : {"step-", "step-50", "step-0000000050", "step--0000050", "step-+0000050",
                           "step-0000005x", "Step-00000050", "step-00000050 ", "step-0x000050",
                           "step-99999999999999999999", ".tmp-step-00000050"})
    EXPECT_FALSE(parseCheckpointName(name)) << name;
}

} // namespace
} // namespace heddle::runtime
