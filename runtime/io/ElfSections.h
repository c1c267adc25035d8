// SPDX-License-Identifier: Apache-2.0
// The sections of a 64-bit little-endian ELF file, whatever it is for.

#ifndef HEDDLE_RUNTIME_IO_ELFSECTIONS_H
#define HEDDLE_RUNTIME_IO_ELFSECTIONS_H

#include <cstdint>
#include <string_view>
#include <vector>

namespace heddle::runtime {

struct ElfSection {
  std::string_view name, bytes;
  uint32_t type;
};

/// In the file's order, as views of `file`. Those whose place lies outside of the file, and all of
/// a file that is none, are left out; a section without bytes of its own (SHT_NOBITS) has none
/// here.
std::vector<ElfSection> elfSections(std::string_view file);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_ELFSECTIONS_H
