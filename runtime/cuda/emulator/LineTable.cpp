// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/LineTable.h"

#include <algorithm>
#include <cstring>

#include "runtime/io/ElfSections.h"

namespace heddle::emulator {
namespace {

/// Bytes in order; reading beyond the end gives zeros and marks it.
class Reader {
public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T> T fixed() {
    T value{};
    if (bytes_.size() - at_ < sizeof(T)) {
      failed_ = true;
      return value;
    }
    memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  uint64_t unsignedLeb() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint8_t byte = fixed<uint8_t>();
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        break;
    }
    return value;
  }
  int64_t signedLeb() {
    int64_t value = 0;
    for (int shift = 0; shift < 64;) {
      uint8_t byte = fixed<uint8_t>();
      value |= static_cast<int64_t>(byte & 0x7f) << shift;
      shift += 7;
      if (byte & 0x80)
        continue;
      if ((byte & 0x40) && shift < 64)
        value |= -(int64_t{1} << shift);
      break;
    }
    return value;
  }
  std::string_view string() {
    size_t end = bytes_.find('\0', at_);
    if (end == std::string_view::npos) {
      failed_ = true;
      return {};
    }
    std::string_view text = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return text;
  }
  void skipTo(size_t offset) { at_ = std::min(offset, bytes_.size()); }
  size_t at() const { return at_; }
  bool done() const { return failed_ || at_ >= bytes_.size(); }
  bool failed() const { return failed_; }

private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

std::string_view linesOf(std::string_view object) {
  for (const runtime::ElfSection &section : runtime::elfSections(object))
    if (section.name == ".debug_line")
      return section.bytes;
  return {};
}

constexpr uint64_t kMaxRows = 4 << 20;

} // namespace

/// The machine that DWARF's line-number programs are written for (DWARF 4, section 6.2).
class LineProgram {
public:
  LineProgram(LineTable &table, std::string_view unit) : table_(table), in_(unit) {}

  void run() {
    if (!readHeader())
      return;
    reset();
    while (!in_.done() && table_.rows_.size() < kMaxRows)
      step();
  }

private:
  bool readHeader() {
    uint16_t version = in_.fixed<uint16_t>();
    uint32_t headerLength = in_.fixed<uint32_t>();
    size_t program = in_.at() + headerLength;
    if (version < 2 || version > 4)
      return false;
    minimumLength_ = in_.fixed<uint8_t>();
    if (version == 4)
      in_.fixed<uint8_t>(); // operations an instruction: 1 on x86-64
    in_.fixed<uint8_t>();   // default_is_stmt
    lineBase_ = in_.fixed<int8_t>();
    lineRange_ = in_.fixed<uint8_t>();
    opcodeBase_ = in_.fixed<uint8_t>();
    for (int i = 1; i < opcodeBase_; ++i)
      in_.fixed<uint8_t>();
    while (!in_.done() && !in_.string().empty()) {
    } // folders
    firstFile_ = static_cast<uint32_t>(table_.files_.size());
    while (!in_.done()) {
      std::string_view name = in_.string();
      if (name.empty())
        break;
      for (int skipped = 0; skipped < 3; ++skipped) // folder, time, length
        in_.unsignedLeb();
      table_.files_.emplace_back(name.substr(name.rfind('/') + 1));
    }
    in_.skipTo(program);
    return lineRange_ != 0 && !in_.failed();
  }

  void reset() {
    address_ = 0;
    file_ = 1;
    line_ = 1;
  }

  void emit(bool isEnd) {
    uint32_t index = firstFile_ + static_cast<uint32_t>(file_) - 1;
    bool isKnown = file_ >= 1 && index < table_.files_.size() && !isEnd;
    table_.rows_.push_back(
        {address_, isKnown ? index : 0, isKnown ? static_cast<uint32_t>(line_) : 0});
  }

  void advance(uint64_t operations) { address_ += operations * minimumLength_; }

  void step() {
    uint8_t opcode = in_.fixed<uint8_t>();
    if (opcode >= opcodeBase_) {
      uint8_t adjusted = opcode - opcodeBase_;
      advance(adjusted / lineRange_);
      line_ += lineBase_ + adjusted % lineRange_;
      emit(false);
    } else if (opcode == 0) {
      extended();
    } else {
      standard(opcode);
    }
  }

  void extended() {
    uint64_t length = in_.unsignedLeb();
    size_t end = in_.at() + length;
    uint8_t opcode = in_.fixed<uint8_t>();
    if (opcode == 1) { // end of a sequence
      emit(true);
      reset();
    } else if (opcode == 2) {
      address_ = in_.fixed<uint64_t>();
    }
    in_.skipTo(end);
  }

  void standard(uint8_t opcode) {
    switch (opcode) {
    case 1: // copy
      return emit(false);
    case 2:
      return advance(in_.unsignedLeb());
    case 3:
      line_ += in_.signedLeb();
      return;
    case 4:
      file_ = in_.unsignedLeb();
      return;
    case 5:  // column
    case 12: // instruction set
      in_.unsignedLeb();
      return;
    case 8: // a special opcode's advance without its row
      return advance((255 - opcodeBase_) / lineRange_);
    case 9:
      address_ += in_.fixed<uint16_t>();
      return;
    default: // statement, block, prologue and epilogue marks
      return;
    }
  }

  LineTable &table_;
  Reader in_;
  uint8_t minimumLength_ = 1, lineRange_ = 1, opcodeBase_ = 13;
  int8_t lineBase_ = 0;
  uint32_t firstFile_ = 0;
  uint64_t address_ = 0, file_ = 1;
  int64_t line_ = 1;
};

std::string SourceLine::text() const {
  return file.empty() ? "a place without a line" : file + ":" + std::to_string(line);
}

LineTable LineTable::read(std::string_view object) {
  LineTable table;
  std::string_view bytes = linesOf(object);
  while (bytes.size() > 4) {
    uint32_t length;
    memcpy(&length, bytes.data(), 4);
    if (length > bytes.size() - 4)
      break;
    LineProgram(table, bytes.substr(4, length)).run();
    bytes.remove_prefix(4 + length);
  }
  std::stable_sort(table.rows_.begin(), table.rows_.end(),
                   [](const Row &a, const Row &b) { return a.address < b.address; });
  return table;
}

SourceLine LineTable::find(uint64_t address) const {
  auto after = std::upper_bound(rows_.begin(), rows_.end(), address,
                                [](uint64_t a, const Row &row) { return a < row.address; });
  if (after == rows_.begin() || std::prev(after)->line == 0)
    return {};
  const Row &row = *std::prev(after);
  return {files_[row.file], static_cast<int>(row.line)};
}

} // namespace heddle::emulator
