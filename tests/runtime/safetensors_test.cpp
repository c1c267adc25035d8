// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/base/Limits.h"
#include "runtime/io/Safetensors.h"
#include "runtime/io/SafetensorsWriter.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

std::string lengthOf(uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

std::string fileOf(const std::string &header, size_t dataBytes) {
  return lengthOf(header.size()) + header + std::string(dataBytes, '\0');
}

StatusOr<SafetensorsHeader> parseWith(const std::string &header, size_t dataBytes) {
  return parseSafetensorsHeader(fileOf(header, dataBytes), "x.safetensors");
}

std::string entry(const std::string &name, int begin, int end) {
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[" + std::to_string(end - begin) +
         "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

TEST(Safetensors, RoundTripsEveryDtype) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  std::string path = folder / "x.safetensors";
  char data[64];
  for (int i = 0; i < 64; ++i)
    data[i] = static_cast<char>(i);
  std::vector<TensorToWrite> tensors;
  for (const char *name : {"F32", "F64", "BF16", "F16", "I64", "I32", "I8", "U8", "BOOL"})
    tensors.push_back(tensorFromMemory(name, *dtypeFromName(name), {2, 3}, data));
  tensors.push_back(tensorFromMemory("scalar", DType::F32, {}, data));
  tensors.push_back(tensorFromMemory("empty", DType::F32, {4, 0}, nullptr));
  ASSERT_THAT(writeSafetensorsFile(layer, path, tensors), IsOk());
  StatusOr<SafetensorsFile> file = SafetensorsFile::open(layer, path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->size(), 11u);
  EXPECT_EQ(file->header().dataStart % 8, 0u);
  EXPECT_THAT(file->header().metadata, testing::ElementsAre(testing::Pair("format", "pt")));
  for (size_t i = 0; i < file->size(); ++i) {
    TensorView view = file->at(i);
    EXPECT_EQ(view.content(), std::string_view(data, view.bytes())) << view.name();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.data) % dtypeSize(view.dtype()), 0u);
  }
  EXPECT_EQ(file->find("F64")->shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file->find("scalar")->elements(), 1u);
  EXPECT_EQ(file->find("empty")->elements(), 0u);
  EXPECT_FALSE(file->find("none"));
  // Views survive a move of the file.
  TensorView view = *file->find("U8");
  SafetensorsFile moved = *std::move(file);
  EXPECT_EQ(view.name(), "U8");
  EXPECT_EQ(moved.find("U8")->data, view.data);
}

TEST(Safetensors, SameTensorsSameBytes) {
  TempFolder folder;
  float values[4] = {1, 2, 3, 4};
  auto a = tensorFromMemory("a", DType::F32, {2}, values);
  auto b = tensorFromMemory("b", DType::F32, {2}, values + 2);
  auto c = tensorFromMemory("c", DType::I64, {1}, values);
  FileLayer &layer = FileLayer::system();
  ASSERT_THAT(writeSafetensorsFile(layer, folder / "1", {a, b, c}), IsOk());
  ASSERT_THAT(writeSafetensorsFile(layer, folder / "2", {c, b, a}), IsOk());
  EXPECT_EQ(slurp(folder / "1"), slurp(folder / "2"));
  EXPECT_EQ(SafetensorsFile::open(layer, folder / "1")->at(0).name(), "c"); // large elements first
}

TEST(Safetensors, WriterRefusesWhatTheReaderWould) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  float value = 0;
  auto tensor = [&](std::string name, std::vector<int64_t> shape = {1}) {
    return tensorFromMemory(std::move(name), DType::F32, std::move(shape), &value);
  };
  auto write = [&](std::vector<TensorToWrite> tensors) {
    return writeSafetensorsFile(layer, folder / "x", std::move(tensors));
  };
  EXPECT_THAT(write({tensor("a"), tensor("a")}), IsBadInput("tensor \"a\" is there twice"));
  EXPECT_THAT(write({tensor("")}), IsBadInput("empty name"));
  EXPECT_THAT(write({tensor("a\nb")}), IsBadInput("control character"));
  EXPECT_THAT(write({tensor("a", std::vector<int64_t>(9, 1))}), IsBadInput("rank 9"));
  EXPECT_THAT(write({tensor("a", {int64_t{1} << 62, 4})}), IsBadInput("too large"));
  TensorToWrite wrong = {
      "a", DType::F32, {2}, [](ByteSink &sink) { return sink.write("1234", 4); }};
  EXPECT_THAT(write({wrong}), IsError("tensor \"a\": 4 bytes written, expected 8"));
  TensorToWrite failing = {"a", DType::F32, {2}, [](ByteSink &) { return invalidInput("no"); }};
  EXPECT_THAT(write({failing}), IsError("x: tensor \"a\": no"));
  EXPECT_THAT(*layer.list(folder.path()), testing::IsEmpty()); // nothing half written
}

struct HostileHeader {
  std::string header;
  size_t dataBytes;
  std::string message;
};

TEST(Safetensors, RefusesHostileHeaders) {
  auto with = [](const std::string &fields) { return "{\"t\":{" + fields + "}}"; };
  const std::string kU8 = "\"dtype\":\"U8\",";
  const std::string kLong(limits::kTensorNameBytes + 1, 'n');
  const HostileHeader kCases[] = {
      {"", 0, "begins with '{'"},
      {" {}", 0, "byte 8: a safetensors header begins with '{'"},
      {"[]", 0, "begins with '{'"},
      {"{", 0, "byte 9"},
      {"{}x", 0, "byte 11"},
      {"{}", 1, "byte 10: 1 bytes after the last tensor"},
      {"{\"t\":1}", 0, "tensor \"t\": expected an object, found an integer"},
      {"{\"t\":[]}", 0, "tensor \"t\": expected an object, found an array"},
      {"{\"t\":null}", 0, "found null"},
      {with(""), 0, "tensor \"t\": key \"dtype\" is missing"},
      {with("\"dtype\":\"U8\""), 0, "key \"shape\" is missing"},
      {with(kU8 + "\"shape\":[]"), 1, "key \"data_offsets\" is missing"},
      {with("\"shape\":[1],\"data_offsets\":[0,1]"), 1, "key \"dtype\" is missing"},
      {with("\"dtype\":3"), 0, "expected a string, found an integer"},
      {with("\"dtype\":[\"U8\"]"), 0, "expected a string, found an array"},
      {with("\"dtype\":\"F8_E4M3\""), 0, "dtype \"F8_E4M3\" is not supported"},
      {with("\"dtype\":\"u8\""), 0, "dtype \"u8\" is not supported"},
      {with(kU8 + "\"dtype\":\"U8\""), 0, "key \"dtype\" is there twice"},
      {with(kU8 + "\"extra\":1"), 0, "unknown key \"extra\""},
      {with(kU8 + "\"shape\":1"), 0, "expected an array of integers, found an integer"},
      {with(kU8 + "\"shape\":\"1\""), 0, "found a string"},
      {with(kU8 + "\"shape\":{}"), 0, "found an object"},
      {with(kU8 + "\"shape\":[1.5]"), 0, "expected an integer, found a number"},
      {with(kU8 + "\"shape\":[\"1\"]"), 0, "expected an integer, found a string"},
      {with(kU8 + "\"shape\":[[1]]"), 0, "deeper than the limit of 3"},
      {with(kU8 + "\"shape\":[true]"), 0, "found a boolean"},
      {with(kU8 + "\"shape\":[-1],\"data_offsets\":[0,1]"), 1, "negative number -1"},
      {with(kU8 + "\"shape\":[1,1,1,1,1,1,1,1,1]"), 1, "rank beyond the limit of 8"},
      {with(kU8 + "\"shape\":[18446744073709551615]"), 1, "beyond the limit of 2^53"},
      {with(kU8 + "\"shape\":[9007199254740992,9007199254740992],\"data_offsets\":[0,1]"), 1,
       "too large"},
      {with("\"dtype\":\"F64\",\"shape\":[4294967296,536870912],\"data_offsets\":[0,0]"), 0,
       "too large"},
      {with(kU8 + "\"shape\":[0,9007199254740992,9007199254740992],\"data_offsets\":[0,0]"), 0,
       "too large"},
      {with(kU8 + "\"shape\":[1],\"data_offsets\":[0]"), 1, "fewer than two"},
      {with(kU8 + "\"shape\":[1],\"data_offsets\":[]"), 1, "fewer than two"},
      {with(kU8 + "\"shape\":[1],\"data_offsets\":[0,1,2]"), 1, "more than two"},
      {with(kU8 + "\"shape\":[1],\"data_offsets\":[-1,0]"), 1, "negative number -1"},
      {with(kU8 + "\"shape\":[1],\"data_offsets\":[1,0]"), 1, "do not hold the 1 bytes of U8 [1]"},
      {with(kU8 + "\"shape\":[2],\"data_offsets\":[0,1]"), 1, "do not hold the 2 bytes of U8 [2]"},
      {with(kU8 + "\"shape\":[1],\"data_offsets\":[0,2]"), 2, "do not hold the 1 bytes of U8 [1]"},
      {with("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]"), 8, "12 bytes of F32 [3]"},
      {with(kU8 + "\"shape\":[2],\"data_offsets\":[0,2]"), 1, "is it cut short?"},
      {with(kU8 + "\"shape\":[1],\"data_offsets\":[0,1]"), 2, "1 bytes after the last tensor"},
      {with(kU8 + "\"shape\":[1],\"data_offsets\":[1,2]"), 2, "begin at 1, expected 0 (a hole"},
      {"{" + entry("a", 0, 2) + "," + entry("b", 3, 4) + "}", 4,
       "tensor \"b\": data_offsets begin at 3"},
      {"{" + entry("a", 0, 2) + "," + entry("b", 1, 3) + "}", 3, "it overlaps another"},
      {"{" + entry("a", 0, 2) + "," + entry("b", 0, 2) + "}", 2, "it overlaps another"},
      {"{" + entry("a", 0, 4) + "," + entry("b", 1, 3) + "}", 4, "it overlaps another"},
      {"{" + entry("a", 0, 1) + "," + entry("a", 1, 2) + "}", 2, "tensor \"a\" is there twice"},
      {"{" + entry("a", 0, 1) + "," + entry("\\u0061", 1, 2) + "}", 2, "is there twice"},
      {"{" + entry("", 0, 1) + "}", 1, "empty name"},
      {"{" + entry(kLong, 0, 1) + "}", 1, "tensor name of 1025 bytes, more than the limit of 1024"},
      {"{" + entry("a\\u0000b", 0, 1) + "}", 1, "control character"},
      {"{" + entry("a\\nb", 0, 1) + "}", 1, "control character"},
      {"{" + entry("a\\u007f", 0, 1) + "}", 1, "control character"},
      {"{" + entry("a\\u0085", 0, 1) + "}", 1, "control character"},
      {"{" + entry("a\xFF", 0, 1) + "}", 1, "byte"},
      {"{\"__metadata__\":1}", 0, "expected an object, found an integer"},
      {"{\"__metadata__\":{\"a\":1}}", 0,
       "metadata key \"a\": expected a string, found an integer"},
      {"{\"__metadata__\":{\"a\":{}}}", 0, "metadata key \"a\""},
      {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "metadata key \"a\" is there twice"},
      {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "is there twice"},
  };
  for (const HostileHeader &hostile : kCases) {
    StatusOr<SafetensorsHeader> header = parseWith(hostile.header, hostile.dataBytes);
    EXPECT_THAT(header, IsBadInput(hostile.message)) << hostile.header.substr(0, 100);
    EXPECT_THAT(header, IsBadInput("x.safetensors: ")) << hostile.header.substr(0, 100);
  }
}

TEST(Safetensors, RefusesHostileLengths) {
  auto whole = [](const std::string &bytes) { return parseSafetensorsHeader(bytes, "x"); };
  EXPECT_THAT(whole(""), IsBadInput("x: 0 bytes, too short"));
  EXPECT_THAT(whole("1234567"), IsBadInput("x: 7 bytes, too short"));
  EXPECT_THAT(whole(lengthOf(0)), IsBadInput("begins with '{'"));
  EXPECT_THAT(whole(lengthOf(3) + "{}"), IsBadInput("header of 3 bytes, but the file has only 2"));
  EXPECT_THAT(whole(lengthOf(100'000'000) + "{}"), IsBadInput("but the file has only 2"));
  EXPECT_THAT(whole(lengthOf(100'000'001) + "{}"), IsBadInput("more than the limit of 100000000"));
  EXPECT_THAT(whole(lengthOf(~uint64_t{0}) + "{}"), IsBadInput("more than the limit"));
  EXPECT_THAT(whole(lengthOf(~uint64_t{0} - 7) + "{}"), IsBadInput("more than the limit"));
}

TEST(Safetensors, LimitsAreInclusive) {
  EXPECT_THAT(parseWith("{}", 0), IsOk());
  EXPECT_THAT(parseWith("{}   ", 0), IsOk()); // padding
  EXPECT_THAT(parseWith("{" + entry(std::string(1024, 'n'), 0, 1) + "}", 1), IsOk());
  EXPECT_THAT(parseWith("{\"t\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1],"
                        "\"data_offsets\":[0,1]}}",
                        1),
              IsOk());
  // Any order in the header; empty tensors between others.
  EXPECT_THAT(
      parseWith("{" + entry("b", 2, 3) + "," + entry("e", 2, 2) + "," + entry("a", 0, 2) + "}", 3),
      IsOk());
  std::string metadata = "{\"__metadata__\":{";
  for (uint64_t i = 0; i < limits::kSafetensorsMetadataEntries; ++i)
    metadata += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
  EXPECT_THAT(parseWith(metadata + "}}", 0), IsOk());
  EXPECT_THAT(parseWith(metadata + ",\"x\":\"\"}}", 0),
              IsBadInput("limit of 10000 metadata entries"));
  std::string padded = "{}" + std::string(limits::kSafetensorsHeaderBytes - 2, ' ');
  EXPECT_THAT(parseWith(padded, 0), IsOk());
  EXPECT_THAT(parseWith(padded + " ", 0), IsBadInput("more than the limit of 100000000"));
}

TEST(Safetensors, AMillionTensorsAndNoMore) {
  std::string header = "{";
  for (uint64_t i = 0; i < limits::kTensors; ++i)
    header += (i ? ",\"" : "\"") + std::to_string(i) +
              "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  StatusOr<SafetensorsHeader> million = parseWith(header + "}", 0);
  ASSERT_THAT(million, IsOk());
  EXPECT_EQ(million->tensors.size(), limits::kTensors);
  EXPECT_THAT(parseWith(header + "," + entry("x", 0, 0) + "}", 0),
              IsBadInput("more than the limit of 1000000 tensors"));
}

/// What damage leaves acceptable is consistent: every byte that a view offers lies in the file.
TEST(Safetensors, DamagedFilesAreRefusedOrConsistent) {
  const std::string good = fileOf("{\"__metadata__\":{\"format\":\"pt\"}," + entry("a", 0, 7) +
                                      "," + entry("b", 7, 12) + "}",
                                  12);
  uint64_t state = 1;
  auto random = [&](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes = good;
    for (uint64_t i = 0, n = 1 + random(3); i < n && !bytes.empty(); ++i) {
      size_t at = random(bytes.size());
      switch (random(4)) {
      case 0:
        bytes[at] = static_cast<char>(random(256));
        break;
      case 1:
        bytes.erase(at, 1 + random(4));
        break;
      case 2:
        bytes.insert(at, 1, "0123456789[]{}\",:"[random(17)]);
        break;
      default:
        bytes.resize(at + 1);
      }
    }
    StatusOr<SafetensorsHeader> header = parseSafetensorsHeader(bytes, "x");
    if (!header.ok()) {
      ASSERT_THAT(header, IsBadInput("x: "));
      continue;
    }
    ++accepted;
    for (const TensorInfo &tensor : header->tensors)
      ASSERT_LE(header->dataStart + tensor.end, bytes.size());
  }
  EXPECT_GT(accepted, 100); // damage to names and data goes unseen
}

template <typename T>
SafetensorsFile written(const TempFolder &folder, DType type, const std::vector<T> &values) {
  auto tensor = tensorFromMemory("t", type, {static_cast<int64_t>(values.size())}, values.data());
  EXPECT_THAT(writeSafetensorsFile(FileLayer::system(), folder / "t", {tensor}), IsOk());
  return *SafetensorsFile::open(FileLayer::system(), folder / "t");
}

TEST(Safetensors, ConvertsToFloat) {
  TempFolder folder;
  float out[3];
  ASSERT_THAT(copyToF32(*written<float>(folder, DType::F32, {1.5f, -0.0f, 3}).find("t"), out),
              IsOk());
  EXPECT_EQ(out[0], 1.5f);
  EXPECT_TRUE(std::signbit(out[1]));
  ASSERT_THAT(copyToF32(*written<uint16_t>(folder, DType::BF16, {0x3FC0, 0xC000}).find("t"), out),
              IsOk());
  EXPECT_EQ(out[0], 1.5f);
  EXPECT_EQ(out[1], -2.0f);
  ASSERT_THAT(copyToF32(*written<uint16_t>(folder, DType::F16, {0x3E00, 0x0001}).find("t"), out),
              IsOk());
  EXPECT_EQ(out[0], 1.5f);
  EXPECT_EQ(out[1], 0x1p-24f);
  double infinity = std::numeric_limits<double>::infinity();
  ASSERT_THAT(copyToF32(*written<double>(folder, DType::F64, {0.1, infinity}).find("t"), out),
              IsOk());
  EXPECT_EQ(out[0], 0.1f);
  EXPECT_TRUE(std::isinf(out[1]));
  EXPECT_THAT(copyToF32(*written<double>(folder, DType::F64, {0, 1e300}).find("t"), out),
              IsBadInput("tensor \"t\": element 1 is too large for F32"));
  EXPECT_THAT(copyToF32(*written<int32_t>(folder, DType::I32, {1}).find("t"), out),
              IsBadInput("expected F32, F64, BF16 or F16, found I32"));
}

TEST(Safetensors, ConvertsToInteger) {
  TempFolder folder;
  int32_t out[3];
  ASSERT_THAT(copyToI32(*written<int32_t>(folder, DType::I32, {-1, 7}).find("t"), out), IsOk());
  EXPECT_EQ(out[0], -1);
  int64_t most = std::numeric_limits<int32_t>::max(), least = std::numeric_limits<int32_t>::min();
  ASSERT_THAT(copyToI32(*written<int64_t>(folder, DType::I64, {most, least}).find("t"), out),
              IsOk());
  EXPECT_EQ(out[0], most);
  EXPECT_EQ(out[1], least);
  EXPECT_THAT(copyToI32(*written<int64_t>(folder, DType::I64, {0, most + 1}).find("t"), out),
              IsBadInput("tensor \"t\": element 1 is 2147483648, too large for I32"));
  EXPECT_THAT(copyToI32(*written<float>(folder, DType::F32, {1}).find("t"), out),
              IsBadInput("expected I32 or I64, found F32"));
}

TEST(Safetensors, UnalignedTensorsAreRead) {
  TempFolder folder;
  std::string header =
      "{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}," + entry("pad", 0, 1) + "}";
  float value = 2.5f;
  std::string bytes = fileOf(header, 1) + std::string(reinterpret_cast<char *>(&value), 4);
  spill(folder / "t", bytes);
  SafetensorsFile file = *SafetensorsFile::open(FileLayer::system(), folder / "t");
  float out = 0;
  ASSERT_THAT(copyToF32(*file.find("t"), &out), IsOk());
  EXPECT_EQ(out, 2.5f);
}

} // namespace
} // namespace heddle::runtime
