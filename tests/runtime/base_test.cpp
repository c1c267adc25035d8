// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/base/CheckedMath.h"
#include "runtime/base/DType.h"
#include "runtime/base/PrintableText.h"
#include "runtime/base/Status.h"
#include "runtime/base/Utf8.h"

namespace heddle {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(CheckedMath, FitsOrNothing) {
  EXPECT_EQ(checkedAdd(kMax - 1, 1), kMax);
  EXPECT_EQ(checkedAdd(kMax, 1), std::nullopt);
  EXPECT_EQ(checkedSub(uint64_t{1}, uint64_t{2}), std::nullopt);
  EXPECT_EQ(checkedSub<int64_t>(uint64_t{1}, uint64_t{2}), -1);
  EXPECT_EQ(checkedMul(uint64_t{1} << 32, (uint64_t{1} << 32) - 1), (kMax >> 32) << 32);
  EXPECT_EQ(checkedMul(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(checkedCast<int32_t>(int64_t{1} << 31), std::nullopt);
  EXPECT_EQ(checkedCast<int32_t>((int64_t{1} << 31) - 1), 2147483647);
  EXPECT_EQ(checkedCast<uint8_t>(-1), std::nullopt);
}

TEST(CheckedMath, ProductOfAShape) {
  EXPECT_EQ(checkedProduct(std::vector<int64_t>{}), 1u);
  EXPECT_EQ(checkedProduct(std::vector<int64_t>{2, 3, 4}), 24u);
  EXPECT_EQ(checkedProduct(std::vector<int64_t>{2, 0, 4}), 0u);
  EXPECT_EQ(checkedProduct(std::vector<int64_t>{2, -1}), std::nullopt);
  // A zero does not hide extents that overflow.
  EXPECT_EQ(checkedProduct(std::vector<int64_t>{0, int64_t{1} << 40, int64_t{1} << 40}),
            std::nullopt);
}

TEST(Utf8, WellFormedAndNot) {
  for (const char *good : {"", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                           "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF", "\x7F"})
    EXPECT_TRUE(isValidUtf8(good)) << good;
  for (const char *bad :
       {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82", "a\xF0\x9F\x98"})
    EXPECT_FALSE(isValidUtf8(bad)) << bad;
  EXPECT_EQ(utf8ValidPrefix("ab\xFFz"), 2u);
}

TEST(DType, NamesRoundTrip) {
  for (const char *name : {"F32", "F64", "BF16", "F16", "I64", "I32", "I8", "U8", "BOOL"}) {
    auto type = dtypeFromName(name);
    ASSERT_TRUE(type) << name;
    EXPECT_STREQ(dtypeName(*type), name);
  }
  EXPECT_FALSE(dtypeFromName("F8_E4M3"));
  EXPECT_FALSE(dtypeFromName("f32"));
}

TEST(DType, HalfPrecision) {
  EXPECT_EQ(f16ToFloat(0x3C00), 1.0f);
  EXPECT_EQ(f16ToFloat(0xC000), -2.0f);
  EXPECT_EQ(f16ToFloat(0x7BFF), 65504.0f);
  EXPECT_EQ(f16ToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(f16ToFloat(0x83FF), -0x1.ff8p-15f);
  EXPECT_EQ(f16ToFloat(0x0400), 0x1p-14f);
  EXPECT_TRUE(std::signbit(f16ToFloat(0x8000)));
  EXPECT_TRUE(std::isinf(f16ToFloat(0xFC00)));
  EXPECT_TRUE(std::isnan(f16ToFloat(0x7E01)));
}

TEST(DType, Bfloat16RoundsToEven) {
  EXPECT_EQ(bf16ToFloat(0x3F80), 1.0f);
  EXPECT_EQ(floatToBf16(1.0f), 0x3F80);
  EXPECT_EQ(floatToBf16(std::bit_cast<float>(0x3F808000u)), 0x3F80); // tie, to even
  EXPECT_EQ(floatToBf16(std::bit_cast<float>(0x3F818000u)), 0x3F82);
  EXPECT_EQ(floatToBf16(std::bit_cast<float>(0x3F808001u)), 0x3F81);
  EXPECT_EQ(floatToBf16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_TRUE(std::isnan(bf16ToFloat(floatToBf16(std::bit_cast<float>(0x7F800001u)))));
}

TEST(Status, ExitCodes) {
  EXPECT_EQ(exitCode(absl::OkStatus()), 0);
  EXPECT_EQ(exitCode(invalidInput("flag --", "x")), 2);
  EXPECT_EQ(exitCode(absl::InternalError("disk")), 1);
  EXPECT_EQ(withContext(invalidInput("b"), "a"), invalidInput("a: b"));
  EXPECT_TRUE(withContext(absl::OkStatus(), "a").ok());
}

TEST(PrintableText, NothingThatATerminalObeys) {
  EXPECT_EQ(printableText("a \xC3\xA9\n"), "a \xC3\xA9\n");
  EXPECT_EQ(printableText("\x1b[2J\x7f\r"), "\\x1b[2J\\x7f\\x0d");
  EXPECT_EQ(printableText("\xC2\x9B\xFF"), "\\xc2\\x9b\\xff");
  EXPECT_EQ(printableText(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printableText(std::string(kPrintableBytes, 'a')).size(), kPrintableBytes);
  EXPECT_EQ(printableText(std::string(kPrintableBytes + 1, 'a')),
            std::string(kPrintableBytes, 'a') + "...");
}

} // namespace
} // namespace heddle
