// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/LineReader.h"
#include "tests/runtime/FaultyFileCalls.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;
using testing::IsEmpty;

class Lines : public testing::Test {
protected:
  StatusOr<std::vector<std::string>> read(const std::string &content, uint64_t limit = 1 << 20) {
    spill(folder_ / "x", content);
    FileLayer layer(calls_);
    LineReader reader(*layer.openForRead(folder_ / "x"), limit);
    std::vector<std::string> lines;
    while (true) {
      HEDDLE_ASSIGN_OR_RETURN(std::optional<std::string> line, reader.next());
      if (!line)
        return lines;
      EXPECT_EQ(reader.place(), (folder_ / "x: line ") + std::to_string(lines.size() + 1));
      lines.push_back(*line);
    }
  }
  TempFolder folder_;
  FaultyFileCalls calls_;
};

TEST_F(Lines, WithAndWithoutALastBreak) {
  EXPECT_THAT(*read(""), IsEmpty());
  EXPECT_THAT(*read("\n"), ElementsAre(""));
  EXPECT_THAT(*read("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(*read("a\r\nb\n"), ElementsAre("a\r", "b"));
  EXPECT_THAT(*read(std::string("\0\n\0", 3)),
              ElementsAre(std::string(1, '\0'), std::string(1, '\0')));
}

TEST_F(Lines, LongerThanABlock) {
  std::string line((1 << 16) + 7, 'x');
  EXPECT_THAT(*read(line + "\n" + line + "y\nz"), ElementsAre(line, line + "y", "z"));
  // A break at the very end of a block.
  line.resize((1 << 16) - 1);
  EXPECT_THAT(*read(line + "\nz"), ElementsAre(line, "z"));
}

TEST_F(Lines, LimitIsInclusive) {
  EXPECT_THAT(read("ab\nabc\nabcd", 4), IsOk());
  EXPECT_THAT(read("ab\nabcd\nabcde\n", 4),
              IsBadInput("x: line 3: more than the limit of 4 bytes"));
}

TEST_F(Lines, ErrorsAndInterruptions) {
  calls_.plan({.at = 2, .error = EINTR, .only = Call::Read});
  EXPECT_THAT(*read("a\nb"), ElementsAre("a", "b"));
  calls_.plan({.at = 1, .error = EIO, .only = Call::Read});
  EXPECT_THAT(read("a\nb"), IsError("x: Input/output error"));
}

} // namespace
} // namespace heddle::runtime
