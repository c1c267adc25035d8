// SPDX-License-Identifier: Apache-2.0
// What is written up to the limits of a manifest is read again.
#include "runtime/base/Limits.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointManifest.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

TEST(CheckpointLimits, Files) {
  TempFolder folder(TempFolder::kInMemory);
  FileLayer &layer = FileLayer::system();
  StatusOr<CheckpointWriter> writer = CheckpointWriter::open(layer, folder.path(), 2);
  ASSERT_THAT(writer, IsOk());
  std::vector<CheckpointFile> files;
  for (uint64_t i = 0; i < limits::kManifestFiles; ++i)
    files.push_back(CheckpointFile::fromText(std::to_string(i) + ".safetensors", ""));
  ASSERT_THAT(writer->write(1, files), IsOk());
  EXPECT_EQ(findNewestCheckpoint(layer, folder.path())->newest->step, 1u);
  files.push_back(CheckpointFile::fromText("x", ""));
  EXPECT_THAT(writer->write(2, files),
              IsError("checkpoint of step 2: 10001 files, more than the limit of 10000"));
  EXPECT_EQ(findNewestCheckpoint(layer, folder.path())->newest->step, 1u);

  std::string more;
  for (uint64_t i = 0; i <= limits::kManifestFiles; ++i)
    more += (i ? ",{\"name\":\"" : "{\"name\":\"") + std::to_string(i) +
            "\",\"size\":0,\"sha256\":\"\"}";
  spill(folder / "manifest", "{\"format\":1,\"step\":1,\"files\":[" + more + "]}");
  EXPECT_THAT(readManifest(layer, folder / "manifest"),
              IsBadInput("key \"files\": 10001 files, more than the limit of 10000"));
}

TEST(CheckpointLimits, ManifestBytes) {
  TempFolder folder(TempFolder::kInMemory);
  FileLayer &layer = FileLayer::system();
  std::string manifest = "{\"format\":1,\"step\":1,\"files\":[]}";
  manifest.resize(limits::kManifestBytes, ' ');
  spill(folder / "manifest", manifest);
  EXPECT_THAT(readManifest(layer, folder / "manifest"), IsOk());
  spill(folder / "manifest", manifest + " ");
  EXPECT_THAT(readManifest(layer, folder / "manifest"),
              IsBadInput("4194305 bytes, more than the limit of 4194304"));

  // A manifest that could not be read again is not written: names that take six bytes a letter.
  StatusOr<CheckpointWriter> writer = CheckpointWriter::open(layer, folder / "out", 2);
  ASSERT_THAT(writer, IsOk());
  std::vector<CheckpointFile> files;
  for (int i = 0; i < 3500; ++i)
    files.push_back(CheckpointFile::fromText(std::to_string(i) + std::string(200, '\x01'), ""));
  EXPECT_THAT(writer->write(1, files), IsError("more than the limit of 4194304"));
}

} // namespace
} // namespace heddle::runtime
