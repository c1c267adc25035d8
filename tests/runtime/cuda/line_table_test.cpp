// SPDX-License-Identifier: Apache-2.0
// Line tables of this binary's own making and of none: nothing in an object's bytes may harm.
#include "runtime/cuda/emulator/LineTable.h"

#include <cstring>
#include <random>
#include <tuple>

#include <gtest/gtest.h>

namespace heddle::emulator {
namespace {

void append(std::string &out, std::initializer_list<int> bytes) {
  for (int byte : bytes)
    out.push_back(static_cast<char>(byte));
}
template <typename T> void appendValue(std::string &out, T value) {
  out.append(reinterpret_cast<const char *>(&value), sizeof value);
}

/// DWARF 4: rows at 0x1000 (kernel.cu:5), 0x1008 (kernel.cu:9), 0x1010 (gk.cuh:2), end at 0x1020.
std::string lineSection() {
  std::string header;
  append(header, {1, 1, 1, 0xfb, 14, 13});              // -5, 14, first opcode 13
  append(header, {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}); // lengths of the standard ones
  header += std::string("/tmp\0\0", 6);                 // folders
  header += std::string("kernel.cu\0\1\0\0", 13) + std::string("dir/gk.cuh\0\1\0\0", 14);
  append(header, {0});
  std::string program;
  append(program, {0, 9, 2});
  appendValue<uint64_t>(program, 0x1000);
  append(program, {3, 4, 1});                // line += 4; a row
  append(program, {13 + 5 + 4 + 14 * 8});    // address += 8, line += 4, a row
  append(program, {4, 2, 3, 0x79, 2, 8, 1}); // file 2, line -= 7, address += 8, a row
  append(program, {2, 16, 0, 1, 1});         // address += 16, the end
  std::string unit;
  appendValue<uint16_t>(unit, 4);
  appendValue<uint32_t>(unit, static_cast<uint32_t>(header.size()));
  unit += header + program;
  std::string section;
  appendValue<uint32_t>(section, static_cast<uint32_t>(unit.size()));
  return section + unit;
}

/// An ELF file of two sections: .debug_line and the names.
std::string object(const std::string &lines) {
  const std::string names("\0.debug_line\0.shstrtab\0", 23);
  std::string file("\177ELF\2\1\1", 7);
  file.resize(64);
  auto set = [&](size_t at, uint64_t value, int bytes) {
    file.replace(at, bytes, reinterpret_cast<const char *>(&value), bytes);
  };
  uint64_t linesAt = 64, namesAt = linesAt + lines.size(), sectionsAt = namesAt + names.size();
  set(40, sectionsAt, 8);
  set(60, 3, 2);
  set(62, 2, 2);
  file += lines + names + std::string(64, '\0');
  for (auto [name, at, size] : {std::tuple<uint64_t, uint64_t, uint64_t>{1, linesAt, lines.size()},
                                {13, namesAt, names.size()}}) {
    std::string section(64, '\0');
    memcpy(section.data(), &name, 4);
    memcpy(section.data() + 24, &at, 8);
    memcpy(section.data() + 32, &size, 8);
    file += section;
  }
  return file;
}

TEST(LineTable, finds_the_row_that_covers_an_address) {
  LineTable table = LineTable::read(object(lineSection()));
  EXPECT_EQ(table.find(0x1000).text(), "kernel.cu:5");
  EXPECT_EQ(table.find(0x1007).text(), "kernel.cu:5");
  EXPECT_EQ(table.find(0x1008).text(), "kernel.cu:9");
  EXPECT_EQ(table.find(0x101f).text(), "gk.cuh:2");
  EXPECT_EQ(table.find(0x1020).text(), "a place without a line") << "behind the end";
  EXPECT_EQ(table.find(0xfff).text(), "a place without a line");
}

TEST(LineTable, does_without_what_is_cut_or_damaged) {
  EXPECT_TRUE(LineTable::read("").empty());
  EXPECT_TRUE(LineTable::read(std::string(64, 'x')).empty());
  std::string whole = object(lineSection());
  for (size_t size = 0; size < whole.size(); size += 3)
    LineTable::read(whole.substr(0, size)).find(0x1008);
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = whole;
    for (int byte = 0; byte < 3; ++byte)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    LineTable::read(damaged).find(random() % 0x2000);
  }
}

} // namespace
} // namespace heddle::emulator
