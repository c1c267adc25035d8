// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/Limits.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/io/Weights.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;

FileLayer &layer() { return FileLayer::system(); }

void writeTensors(const std::string &path, const std::vector<std::string> &names) {
  static const float kValue = 1;
  std::vector<TensorToWrite> tensors;
  for (const std::string &name : names)
    tensors.push_back(tensorFromMemory(name, DType::F32, {1}, &kValue));
  ASSERT_THAT(writeSafetensorsFile(layer(), path, tensors), IsOk());
}

void writeIndex(const TempFolder &folder, const std::string &map) {
  spill(folder / "model.safetensors.index.json", "{\"metadata\":{},\"weight_map\":" + map + "}");
}

TEST(Weights, OneFileOrAFolderWithIt) {
  TempFolder folder;
  writeTensors(folder / "other.safetensors", {"b", "a"});
  for (const std::string &path : {folder / "other.safetensors", folder.path()}) {
    StatusOr<Weights> weights = Weights::open(layer(), path);
    ASSERT_THAT(weights, IsOk());
    EXPECT_THAT(weights->names(), ElementsAre("a", "b"));
    EXPECT_TRUE(weights->find("a"));
    EXPECT_FALSE(weights->find("c"));
  }
  // `model.safetensors` comes first, whatever else is there.
  writeTensors(folder / "model.safetensors", {"m"});
  EXPECT_THAT(Weights::open(layer(), folder.path())->names(), ElementsAre("m"));
  EXPECT_TRUE(*folderHasWeights(layer(), folder.path()));
}

TEST(Weights, ShardsByIndex) {
  TempFolder folder;
  writeTensors(folder / "m-1.safetensors", {"a", "b"});
  writeTensors(folder / "m-2.safetensors", {"c"});
  EXPECT_THAT(Weights::open(layer(), folder.path()),
              IsBadInput("2 safetensors files (m-1.safetensors, m-2.safetensors) and no "
                         "model.safetensors.index.json"));
  writeIndex(folder, R"({"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"})");
  StatusOr<Weights> weights = Weights::open(layer(), folder.path());
  ASSERT_THAT(weights, IsOk());
  EXPECT_THAT(weights->names(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(weights->files().size(), 2u);
  // The digest is of the tensors, not of how they lie.
  TempFolder single;
  writeTensors(single / "model.safetensors", {"c", "b", "a"});
  EXPECT_EQ(weights->digest(), Weights::open(layer(), single.path())->digest());
  writeTensors(single / "model.safetensors", {"c", "b", "d"});
  EXPECT_NE(weights->digest(), Weights::open(layer(), single.path())->digest());
}

TEST(Weights, DigestKnowsShapesAndTypes) {
  TempFolder folder;
  const float values[4] = {1, 2, 3, 4};
  std::set<Sha256Digest> digests;
  for (auto [type, shape] : {std::pair(DType::F32, std::vector<int64_t>{4}),
                             std::pair(DType::F32, std::vector<int64_t>{2, 2}),
                             std::pair(DType::F32, std::vector<int64_t>{1, 4}),
                             std::pair(DType::I32, std::vector<int64_t>{4})}) {
    ASSERT_THAT(writeSafetensorsFile(layer(), folder / "model.safetensors",
                                     {tensorFromMemory("a", type, shape, values)}),
                IsOk());
    digests.insert(Weights::open(layer(), folder.path())->digest());
  }
  EXPECT_EQ(digests.size(), 4u);
}

TEST(Weights, HostileIndexes) {
  TempFolder folder;
  writeTensors(folder / "m.safetensors", {"a"});
  struct {
    std::string map, message;
  } const kCases[] = {
      {R"({"a":"m.safetensors","b":"m.safetensors"})",
       R"(key "weight_map.b": the tensor is not in m.safetensors)"},
      {R"({"a":"../m.safetensors"})", "expected the name of a file in the same folder"},
      {R"({"a":"x/m.safetensors"})", "expected the name of a file in the same folder"},
      {R"({"a":"/etc/passwd"})", "expected the name of a file in the same folder"},
      {R"({"a":".."})", "expected the name of a file in the same folder"},
      {R"({"a":""})", "expected the name of a file in the same folder"},
      {R"({"a":"m\u0000"})", "expected the name of a file in the same folder"},
      {R"({"a":"gone.safetensors"})", "gone.safetensors: No such file"},
      {R"({"a":1})", "expected a string, found 1"},
      {R"([])", "expected an object, found an array"},
      {R"({"a":"m.safetensors","a":"m.safetensors"})", "is there twice"},
      {R"({"a":"model.safetensors.index.json"})", "model.safetensors.index.json"},
  };
  for (const auto &hostile : kCases) {
    writeIndex(folder, hostile.map);
    EXPECT_THAT(Weights::open(layer(), folder.path()), IsBadInput(hostile.message)) << hostile.map;
  }
  spill(folder / "model.safetensors.index.json", "{}");
  EXPECT_THAT(Weights::open(layer(), folder.path()), IsBadInput("key \"weight_map\" is missing"));
}

TEST(Weights, TenThousandShardsAndNoMore) {
  TempFolder folder(TempFolder::kInMemory);
  std::string map;
  auto add = [&](uint64_t i) {
    std::string name = std::to_string(i);
    std::string header =
        "{\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}";
    spill(folder / name,
          std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header);
    map += (map.empty() ? "{\"" : ",\"") + name + "\":\"" + name + "\"";
  };
  for (uint64_t i = 0; i < limits::kShards; ++i)
    add(i);
  writeIndex(folder, map + "}");
  ASSERT_THAT(Weights::open(layer(), folder.path()), IsOk());
  add(limits::kShards);
  writeIndex(folder, map + "}");
  EXPECT_THAT(Weights::open(layer(), folder.path()),
              IsBadInput("key \"weight_map\": more than the limit of 10000 shards"));
}

TEST(Weights, PicklesAreNamedAndNotRead) {
  TempFolder folder;
  EXPECT_FALSE(*folderHasWeights(layer(), folder.path()));
  EXPECT_THAT(Weights::open(layer(), folder.path()), IsBadInput("no weights: expected"));
  spill(folder / "pytorch_model.bin", "\x80\x02}q");
  for (const Status &status : {Weights::open(layer(), folder.path()).status(),
                               folderHasWeights(layer(), folder.path()).status()}) {
    EXPECT_THAT(status, IsBadInput("pickles are never read"));
    EXPECT_THAT(status, IsBadInput("python3 -c 'import sys,glob,torch"));
    EXPECT_THAT(status, IsBadInput("'" + folder.path() + "'"));
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
  }
  EXPECT_THAT(Weights::open(layer(), folder / "pytorch_model.bin"), IsBadInput("pickle"));
  EXPECT_THAT(Weights::open(layer(), folder / "none"), IsBadInput("No such file"));
}

} // namespace
} // namespace heddle::runtime
