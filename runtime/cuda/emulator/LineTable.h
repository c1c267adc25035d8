// SPDX-License-Identifier: Apache-2.0
// Which line of a kernel's text a machine instruction comes from, read from the object's own
// section .debug_line (DWARF 4, 64-bit ELF), so that reports need no tool and no library.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_LINETABLE_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_LINETABLE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heddle::emulator {

struct SourceLine {
  std::string file; ///< without a folder; empty: not known
  int line = 0;
  std::string text() const;
};

/// Ranges of addresses, relative to where the object is loaded. Whatever is cut short or not
/// understood is left out: a report without a line is better than none.
class LineTable {
public:
  static LineTable read(std::string_view object);
  SourceLine find(uint64_t address) const;
  bool empty() const { return rows_.empty(); }

private:
  struct Row {
    uint64_t address;
    uint32_t file, line; ///< line 0: a gap begins
  };
  friend class LineProgram;
  std::vector<Row> rows_; ///< by address
  std::vector<std::string> files_;
};

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_LINETABLE_H
