// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "runtime/io/Json.h"
#include "runtime/io/JsonLog.h"
#include "runtime/io/JsonWriter.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

StatusOr<JsonDocument> parse(const std::string &text) { return parseJson(text, "config.json"); }

std::string nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') +
         std::string(static_cast<size_t>(depth), ']');
}

TEST(Json, ReadsEveryKind) {
  StatusOr<JsonDocument> document = parse(
      R"( {"n": null, "t": true, "i": -12, "d": 1.5, "s": "a\u00e9\"", "a": [1, [2]], "o": {"x": 0}} )");
  ASSERT_THAT(document, IsOk());
  JsonRef root = document->ref();
  EXPECT_TRUE(root.at("n")->isNull());
  EXPECT_EQ(*root.getBool("t"), true);
  EXPECT_EQ(*root.getInteger("i"), -12);
  EXPECT_EQ(*root.getNumber("i"), -12.0);
  EXPECT_EQ(*root.getNumber("d"), 1.5);
  EXPECT_EQ(*root.getString("s"), "a\xC3\xA9\"");
  StatusOr<std::vector<JsonRef>> array = root.at("a")->asArray();
  ASSERT_EQ(array->size(), 2u);
  EXPECT_EQ(*(*array)[0].asInteger(), 1);
  EXPECT_EQ((*array)[1].path(), "a[1]");
  EXPECT_EQ(*root.at("o")->getInteger("x"), 0);
  EXPECT_EQ((*root.asObject())[6].first, "o"); // in the order of the file
}

TEST(Json, FallbacksForAbsentAndNull) {
  StatusOr<JsonDocument> document =
      parse(R"({"n_inner": null, "n": 3, "whole": 4.0, "half": 4.5})");
  ASSERT_THAT(document, IsOk());
  JsonRef root = document->ref();
  EXPECT_EQ(*root.getInteger("n_inner", 7), 7);
  EXPECT_EQ(*root.getInteger("gone", 7), 7);
  EXPECT_EQ(*root.getInteger("n", 7), 3);
  EXPECT_EQ(*root.getInteger("whole"), 4);
  EXPECT_THAT(root.getInteger("half"), IsBadInput("expected an integer, found 4.5"));
  EXPECT_THAT(root.getInteger("gone"), IsBadInput("config.json: key \"gone\" is missing"));
  EXPECT_THAT(root.getInteger("n_inner"), IsBadInput("expected an integer, found null"));
  EXPECT_THAT(root.at("n")->getInteger("x", 1), IsBadInput("expected an object, found 3"));
}

TEST(Json, WrongTypesNameFileAndKey) {
  StatusOr<JsonDocument> document =
      parse(R"({"n_head": "abc", "rope": {"factor": [1]}, "list": [true, {}]})");
  ASSERT_THAT(document, IsOk());
  JsonRef root = document->ref();
  EXPECT_EQ(root.getInteger("n_head").status().message(),
            R"(config.json: key "n_head": expected an integer, found "abc")");
  EXPECT_EQ(root.at("rope")->getNumber("factor").status().message(),
            R"(config.json: key "rope.factor": expected a number, found an array)");
  std::vector<JsonRef> list = *root.at("list")->asArray();
  EXPECT_THAT(list[0].asString(), IsBadInput(R"(key "list[0]": expected a string, found true)"));
  EXPECT_THAT(list[1].asBool(), IsBadInput("expected true or false, found an object"));
  EXPECT_THAT(root.asArray(), IsBadInput("config.json: expected an array, found an object"));
  EXPECT_THAT(root.at("n_head")->asInteger(0, 1), IsBadInput("n_head"));
  EXPECT_EQ(document->root.find("n_head")->describe(), "\"abc\"");
}

struct HostileText {
  std::string text;
  std::string message;
};

TEST(Json, RefusesHostileText) {
  const HostileText kCases[] = {
      {"", "byte 0"},
      {" ", "config.json: byte"},
      {"{", "byte 1"},
      {"[1,]", "byte 4"},
      {"{\"a\":1,}", "byte 8"},
      {"{\"a\" 1}", "byte 7"},
      {"{a:1}", "byte 2"},
      {"{'a':1}", "byte 2"},
      {"[1] x", "byte 5"},
      {"[1][2]", "byte 4"},
      {"{}{}", "byte 3"},
      {"nul", "byte"},
      {"NaN", "byte"},
      {"[NaN]", "byte 2"},
      {"[Infinity]", "byte 2"},
      {"[-Infinity]", "byte 3"},
      {"[1e999]", "byte"},
      {"[-1e999]", "byte"},
      {"[01]", "byte"},
      {"[+1]", "byte 2"},
      {"[.5]", "byte 2"},
      {"[1.]", "byte"},
      {"[0x10]", "byte"},
      {"[1 2]", "byte 5"},
      {"// c\n[]", "byte 1"},
      {"[/* c */]", "byte 2"},
      {"\xEF\xBB\xBF", "byte"},
      {"[\"\xFF\"]", "byte 3"},
      {"[\"\xC0\x80\"]", "byte 3"},
      {"[\"\xED\xA0\x80\"]", "byte"},
      {"[\"\\ud800\"]", "byte"},
      {"[\"\\udc00\"]", "byte"},
      {"[\"\\u12\"]", "byte"},
      {"[\"\\x\"]", "byte"},
      {"[\"a\nb\"]", "byte"},
      {"[\"abc", "byte 5"},
      {std::string("[\0]", 3), "byte 2"},
      {std::string("[\"\0\"]", 5), "byte"},
      {"{\"a\":1,\"a\":2}", "byte 10: key \"a\" is there twice"},
      {"{\"a\":1,\"\\u0061\":2}", "key \"a\" is there twice"},
      {"[{\"b\":{\"c\":1,\"d\":2,\"c\":3}}]", "key \"c\" is there twice"},
      {"[9007199254740993]", "integer 9007199254740993 is beyond the limit of 2^53"},
      {"[-9007199254740993]", "beyond the limit of 2^53"},
      {"[18446744073709551615]", "beyond the limit of 2^53"},
      {"[18446744073709551616]", "beyond the limit of 2^53"},
      {"[99999999999999999999999999]", "beyond the limit of 2^53"},
      {nested(33), "byte 33: nested deeper than the limit of 32"},
      {std::string(900'000, '['), "nested deeper than the limit of 32"},
      {"{\"a\":" + nested(32) + "}", "nested deeper than the limit of 32"},
  };
  for (const HostileText &hostile : kCases) {
    StatusOr<JsonDocument> document = parse(hostile.text);
    EXPECT_THAT(document, IsBadInput(hostile.message)) << hostile.text.substr(0, 60);
    EXPECT_THAT(document, IsBadInput("config.json: ")) << hostile.text.substr(0, 60);
  }
}

TEST(Json, LimitsAreInclusive) {
  EXPECT_THAT(parse(nested(32)), IsOk());
  EXPECT_EQ(*parse("9007199254740992")->root.integer(), int64_t{1} << 53);
  EXPECT_EQ(*parse("-9007199254740992")->root.integer(), -(int64_t{1} << 53));
  std::string text = "\"" + std::string(limits::kConfigJsonBytes - 2, 'x') + "\"";
  EXPECT_THAT(parse(text), IsOk());
  EXPECT_THAT(parse(text + " "), IsBadInput("1048577 bytes, more than the limit of 1048576"));
}

TEST(Json, FileErrorsNameTheFile) {
  TempFolder folder;
  spill(folder / "config.json", "{\"a\": [}");
  EXPECT_THAT(readJsonFile(FileLayer::system(), folder / "config.json"),
              IsBadInput((folder / "config.json") + ": byte 8"));
}

TEST(Json, LargeObjectsAreSearchedQuickly) {
  JsonWriter writer;
  writer.beginObject();
  for (int i = 0; i < 200'000; ++i)
    writer.member("token" + std::to_string(i), i);
  writer.endObject();
  StatusOr<JsonDocument> document =
      parseJson(writer.text(), "tokenizer.json", limits::kTokenizerJsonBytes);
  ASSERT_THAT(document, IsOk());
  for (int i = 0; i < 200'000; i += 7)
    ASSERT_EQ(*document->root.find("token" + std::to_string(i))->integer(), i);
  EXPECT_EQ(document->root.find("token200000"), nullptr);
}

TEST(Json, TwoMillionValuesAndNoMore) {
  // The array is a value too.
  std::string text = "[0";
  for (uint64_t i = 2; i < limits::kJsonValues; ++i)
    text += ",0";
  EXPECT_THAT(parseJson(text + "]", "index.json", limits::kIndexJsonBytes), IsOk());
  EXPECT_THAT(parseJson(text + ",0]", "index.json", limits::kIndexJsonBytes),
              IsBadInput("more than the limit of 2000000 values"));
}
TEST(JsonWriter, NumbersAreShortAndExact) {
  EXPECT_EQ(jsonNumber(0.1), "0.1");
  EXPECT_EQ(jsonNumber(1.0), "1");
  EXPECT_EQ(jsonNumber(3e-5), "3e-05");
  EXPECT_EQ(jsonNumber(0.1f), "0.1");
  EXPECT_EQ(jsonNumber(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(jsonNumber(-std::numeric_limits<float>::infinity()), "null");
  EXPECT_EQ(jsonNumber(-0.0), "-0.0");
  EXPECT_EQ(jsonNumber(9007199254740992.0), "9007199254740992");
  EXPECT_EQ(jsonNumber(12345678901234567000.0), "1.2345678901234567e+19");
  for (double value : {9007199254740994.0, -12345678901234567000.0, 0.1 + 0.2, 1.0 / 3, 5e-324,
                       1.7976931348623157e308, -2.5e-10, 123456789.0})
    EXPECT_EQ(
        *parse(absl::StrCat("[", jsonNumber(value), "]"))->ref().asArray()->front().asNumber(),
        value);
}

TEST(JsonWriter, StringsAreEscapedAndValid) {
  EXPECT_EQ(jsonString("a\"b\\c\n\t\x01\x7F"), "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\"");
  EXPECT_EQ(jsonString("\xC3\xA9"), "\"\xC3\xA9\"");
  EXPECT_EQ(jsonString("a\xFF"), "\"a\xEF\xBF\xBD\"");
}

TEST(JsonWriter, CommasAndIndents) {
  JsonWriter line;
  line.beginObject().member("a", 1).member("b", std::vector<int>{1, 2}).key("c").beginObject();
  line.endObject().member("d", true).member("e", "x").key("f").null().endObject();
  EXPECT_EQ(line.text(), R"({"a":1,"b":[1,2],"c":{},"d":true,"e":"x","f":null})");
  JsonWriter pretty(2);
  pretty.beginObject().member("a", 1).key("b").beginArray().value(2).endArray().endObject();
  EXPECT_EQ(pretty.text(), "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}");
}

TEST(JsonLog, AppendsAndIsCutBackToAStep) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  std::string path = folder / "log.jsonl";
  EXPECT_THAT(cutLogAtStep(layer, path, 3), IsOk()); // nothing there
  {
    JsonLog log = *JsonLog::start(layer, path);
    for (int step = 0; step < 5; ++step)
      ASSERT_THAT(log.write("{\"step\":" + std::to_string(step) + "}"), IsOk());
    EXPECT_THAT(log.write(std::string(limits::kLogLineBytes - 1, ' ')), IsOk());
    EXPECT_THAT(log.write(std::string(limits::kLogLineBytes, ' ')), IsError("log line"));
  }
  ASSERT_THAT(cutLogAtStep(layer, path, 3), IsOk());
  EXPECT_EQ(slurp(path), "{\"step\":0}\n{\"step\":1}\n{\"step\":2}\n");
  ASSERT_THAT(JsonLog::append(layer, path)->write("{\"step\":3}"), IsOk());
  spill(path, slurp(path) + "{\"step\":4"); // cut off by a crash
  ASSERT_THAT(cutLogAtStep(layer, path, 100), IsOk());
  EXPECT_EQ(slurp(path), "{\"step\":0}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
  ASSERT_THAT(cutLogAtStep(layer, path, 0), IsOk());
  EXPECT_EQ(slurp(path), "");
}

} // namespace
} // namespace heddle::runtime
