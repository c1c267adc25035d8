// SPDX-License-Identifier: Apache-2.0
// How long IR text may be and how deep it may nest, at the limit and one beyond.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/Limits.h"
#include "tools/driver/MlirText.h"

namespace heddle::tools {
namespace {

using ::testing::HasSubstr;

std::string repeated(const std::string &text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i)
    result += text;
  return result;
}

Status check(const std::string &text) { return checkMlirText(text, "model.mlir"); }

TEST(MlirTextTest, DepthAtTheLimit) {
  for (const char *opening : {"(", "[", "{", "<", "-", "- "}) {
    EXPECT_TRUE(check(repeated(opening, limits::kMlirDepth)).ok()) << opening;
    Status deeper = check(repeated(opening, limits::kMlirDepth + 1));
    EXPECT_EQ(exitCode(deeper), 2);
    EXPECT_THAT(std::string(deeper.message()), HasSubstr("model.mlir: offset "));
    EXPECT_THAT(std::string(deeper.message()), HasSubstr("nested more than 256 deep"));
  }
}

TEST(MlirTextTest, WhatIsNoNesting) {
  const int many = 2 * limits::kMlirDepth;
  for (const std::string &text :
       {repeated("()", many), repeated("a -> b ", many), repeated("d >= 0, d <= 1, ", many),
        "\"" + repeated("[", many) + "\"", "\"\\\"" + repeated("(", many) + "\"",
        "// " + repeated("{", many), repeated("tensor<4xf32> ", many), repeated("-1, ", many),
        repeated("]", many)})
    EXPECT_TRUE(check(text).ok()) << text.substr(0, 40);
}

TEST(MlirTextTest, BracketsBehindStringsAndCommentsCount) {
  std::string deep = repeated("[", limits::kMlirDepth + 1);
  for (const char *before : {"\"a\"", "// a\n", "\"not closed\n", "\"\\\\\""})
    EXPECT_FALSE(check(before + deep).ok()) << before;
}

// Found by fuzzing: `mlir-opt` of LLVM 22.1.8 crashes on it.
TEST(MlirTextTest, ArrayOfIndex) {
  for (const char *text : {"array<index: 1>", "arr array<index>", "array < // what\n index : 1 >"})
    EXPECT_THAT(std::string(check(text).message()), HasSubstr("an array of index")) << text;
  for (const char *text : {"array<i64: 1>", "array<inde", "\"array<index\"", "// array<index: 1>"})
    EXPECT_TRUE(check(text).ok()) << text;
}

TEST(MlirTextTest, BytesAtTheLimit) {
  std::string text(limits::kMlirBytes, ' ');
  EXPECT_TRUE(check(text).ok());
  text += ' ';
  Status longer = check(text);
  EXPECT_EQ(exitCode(longer), 2);
  EXPECT_THAT(std::string(longer.message()), HasSubstr("more than the limit of 268435456"));
}

} // namespace
} // namespace heddle::tools
