// SPDX-License-Identifier: Apache-2.0
// DescriptorProto stands in for our own messages: it comes with protobuf and contains itself.
#include <google/protobuf/descriptor.pb.h>

#include "runtime/base/Limits.h"
#include "runtime/io/Textproto.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using google::protobuf::DescriptorProto;

Status parseDefinition(const std::string &text) {
  DescriptorProto message;
  return parseTextproto(text, "model.textproto", message);
}

std::string nestedText(int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i)
    text += "nested_type{";
  return text + std::string(static_cast<size_t>(depth), '}');
}

TEST(Textproto, ReadsAndPrints) {
  DescriptorProto message;
  ASSERT_THAT(parseTextproto("name: \"a\" field { name: \"b\" number: 3 }  # c", "m", message),
              IsOk());
  EXPECT_EQ(message.field(0).number(), 3);
  EXPECT_EQ(printTextproto(message), "name: \"a\"\nfield {\n  name: \"b\"\n  number: 3\n}\n");
}

TEST(Textproto, ErrorsNameFileLineAndColumn) {
  EXPECT_THAT(parseDefinition("name: \"a\"\n  nam: 3"), IsBadInput("model.textproto:2:"));
  EXPECT_THAT(parseDefinition("nam: 3"), IsBadInput("\"nam\""));
  EXPECT_THAT(parseDefinition("name: 3"), IsBadInput("model.textproto:1:7: "));
  EXPECT_THAT(parseDefinition("name: \"a\" name: \"b\""), IsBadInput("model.textproto:1:"));
  EXPECT_THAT(parseDefinition("field { number: 99999999999 }"), IsBadInput("model.textproto:1:"));
  EXPECT_THAT(parseDefinition("field {"), IsBadInput("model.textproto:"));
  EXPECT_THAT(parseDefinition("}"), IsBadInput("model.textproto:1:1"));
  EXPECT_THAT(parseDefinition("name: \"abc"), IsBadInput("model.textproto:1:"));
  EXPECT_THAT(parseDefinition("field { label: LABEL_NONE }"), IsBadInput("LABEL_NONE"));
  EXPECT_THAT(parseDefinition("[type.googleapis.com/x.Y] { a: 1 }"),
              IsBadInput("model.textproto:1:"));
  EXPECT_THAT(parseDefinition("name: \"a\"\n# b\xFF\n"),
              IsBadInput("model.textproto:2:4: not UTF-8"));
  EXPECT_THAT(parseDefinition("\xFF"), IsBadInput("model.textproto:1:1: not UTF-8"));
}

TEST(Textproto, EscapesThatAreNotUtf8) {
  // Printed, they would be bytes that we do not read.
  EXPECT_THAT(parseDefinition("name: \"\\303\\251\""), IsOk());
  EXPECT_THAT(parseDefinition("name: \"\\351\""),
              IsBadInput("model.textproto: field \"name\": not UTF-8"));
  EXPECT_THAT(parseDefinition("field { name: 'a' } field { name: '\\xff' }"),
              IsBadInput("field \"field.name\": not UTF-8"));
  EXPECT_THAT(parseDefinition("reserved_name: ['a', '\\xff']"),
              IsBadInput("field \"reserved_name\""));
}

TEST(Textproto, DepthAndSizeLimits) {
  EXPECT_THAT(parseDefinition(nestedText(limits::kTextprotoDepth)), IsOk());
  EXPECT_THAT(parseDefinition(nestedText(limits::kTextprotoDepth + 1)), IsBadInput("limit of 64"));
  EXPECT_THAT(parseDefinition(nestedText(100'000)), IsBadInput("limit of 64"));
  std::string comment = "#" + std::string(limits::kTextprotoBytes - 1, 'x');
  EXPECT_THAT(parseDefinition(comment), IsOk());
  EXPECT_THAT(parseDefinition(comment + "x"),
              IsBadInput("16777217 bytes, more than the limit of 16777216"));
  TempFolder folder;
  spill(folder / "m", comment + "x");
  DescriptorProto message;
  EXPECT_THAT(readTextprotoFile(FileLayer::system(), folder / "m", message),
              IsBadInput("m: 16777217 bytes, more than the limit"));
}

} // namespace
} // namespace heddle::runtime
