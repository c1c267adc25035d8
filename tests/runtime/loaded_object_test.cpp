// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/LoadedObject.h"

#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

TEST(LoadedObject, two_at_once_are_two) {
  auto first = LoadedObject::load(slurp(HEDDLE_FAKE_KERNELS), "the first");
  auto second = LoadedObject::load(slurp(HEDDLE_OTHER_OBJECT), "the second");
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->find("heddle_other"), nullptr);
  auto *other = reinterpret_cast<int (*)()>(second->find("heddle_other"));
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other(), 7);
}

TEST(LoadedObject, says_what_it_could_not_load) {
  EXPECT_THAT(LoadedObject::load("text", "the kernels"), IsBadInput("the kernels: no 64-bit ELF"));
  std::string broken = "\177ELF\2\1" + std::string(100, 'x');
  EXPECT_THAT(LoadedObject::load(broken, "the kernels"), IsBadInput("cannot load the kernels: "));
}

} // namespace
} // namespace heddle::runtime
