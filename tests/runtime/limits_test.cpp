// SPDX-License-Identifier: Apache-2.0
// Limits that take a large file to reach: each at n and at n + 1. The others are tested where their
// reader is; LIMITS.md says where.
#include "runtime/base/Limits.h"
#include "runtime/io/SafetensorsHeader.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/io/Weights.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

class StringSink : public ByteSink {
public:
  Status write(const void *bytes, size_t size) override {
    text.append(static_cast<const char *>(bytes), size);
    return absl::OkStatus();
  }
  std::string text;
};

TEST(Limits, IndexBytes) {
  TempFolder folder;
  std::string path = folder / "model.safetensors.index.json";
  std::string index = "{\"weight_map\":{}}";
  index.resize(limits::kIndexJsonBytes, ' ');
  spill(path, index);
  EXPECT_THAT(Weights::open(FileLayer::system(), folder.path()), IsOk());
  spill(path, index + " ");
  EXPECT_THAT(Weights::open(FileLayer::system(), folder.path()),
              IsBadInput("index.json: 67108865 bytes, more than the limit of 67108864"));
}

TEST(Limits, TensorsOfAnIndex) {
  TempFolder folder;
  const float kValue = 1;
  ASSERT_THAT(writeSafetensorsFile(FileLayer::system(), folder / "m",
                                   {tensorFromMemory("0", DType::F32, {1}, &kValue)}),
              IsOk());
  std::string map;
  for (uint64_t i = 0; i < limits::kTensors; ++i)
    map += (i ? ",\"" : "{\"weight_map\":{\"") + std::to_string(i) + "\":\"m\"";
  auto open = [&](const std::string &more) {
    spill(folder / "model.safetensors.index.json", map + more + "}}");
    return Weights::open(FileLayer::system(), folder.path());
  };
  EXPECT_THAT(open(""), IsBadInput("key \"weight_map.1\": the tensor is not in m")); // goes on
  EXPECT_THAT(open(",\"x\":\"m\""), IsBadInput("1000001 tensors, more than the limit of 1000000"));
}

TEST(Limits, TensorsWritten) {
  std::vector<TensorToWrite> tensors;
  for (uint64_t i = 0; i < limits::kTensors; ++i)
    tensors.push_back(tensorFromMemory(std::to_string(i), DType::U8, {0}, nullptr));
  StringSink sink;
  ASSERT_THAT(writeSafetensors(sink, tensors), IsOk());
  EXPECT_EQ(parseSafetensorsHeader(sink.text, "x")->tensors.size(), limits::kTensors);
  tensors.push_back(tensorFromMemory("x", DType::U8, {0}, nullptr));
  EXPECT_THAT(writeSafetensors(sink, tensors),
              IsBadInput("1000001 tensors, more than the limit of 1000000"));
}

TEST(Limits, HeaderWritten) {
  auto write = [](uint64_t headerBytes) {
    StringSink sink;
    std::string frame = "{\"__metadata__\":{\"a\":\"\"}}";
    return writeSafetensors(sink, {}, {{"a", std::string(headerBytes - frame.size(), 'x')}});
  };
  EXPECT_THAT(write(limits::kSafetensorsHeaderBytes), IsOk());
  EXPECT_THAT(write(limits::kSafetensorsHeaderBytes + 1),
              IsBadInput("header of 100000008 bytes, more than the limit of 100000000"));
}

} // namespace
} // namespace heddle::runtime
