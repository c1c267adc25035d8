// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/ElfSections.h"

#include <cstring>
#include <elf.h>

namespace heddle::runtime {
namespace {

std::string_view bytesOf(std::string_view file, const Elf64_Shdr &header) {
  if (header.sh_type == SHT_NOBITS || header.sh_offset > file.size() ||
      file.size() - header.sh_offset < header.sh_size)
    return {};
  return file.substr(header.sh_offset, header.sh_size);
}

std::vector<Elf64_Shdr> headersOf(std::string_view file, const Elf64_Ehdr &elf) {
  std::vector<Elf64_Shdr> headers;
  for (uint64_t i = 0; i < elf.e_shnum; ++i) {
    uint64_t offset = elf.e_shoff + i * sizeof(Elf64_Shdr);
    if (offset > file.size() || file.size() - offset < sizeof(Elf64_Shdr))
      break;
    memcpy(&headers.emplace_back(), file.data() + offset, sizeof(Elf64_Shdr));
  }
  return headers;
}

} // namespace

std::vector<ElfSection> elfSections(std::string_view file) {
  Elf64_Ehdr elf;
  if (file.size() < sizeof elf)
    return {};
  memcpy(&elf, file.data(), sizeof elf);
  if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
      elf.e_ident[EI_DATA] != ELFDATA2LSB)
    return {};
  std::vector<Elf64_Shdr> headers = headersOf(file, elf);
  if (elf.e_shstrndx >= headers.size())
    return {};
  std::string_view names = bytesOf(file, headers[elf.e_shstrndx]);
  std::vector<ElfSection> sections;
  for (const Elf64_Shdr &header : headers) {
    if (header.sh_name >= names.size())
      continue;
    std::string_view name = names.substr(header.sh_name);
    sections.push_back({name.substr(0, name.find('\0')), bytesOf(file, header), header.sh_type});
  }
  return sections;
}

} // namespace heddle::runtime
