// SPDX-License-Identifier: Apache-2.0
#include "codegen/BuildId.h"

#include <cstring>
#include <link.h>

namespace heddle::codegen {
namespace {

constexpr size_t aligned(size_t size) { return (size + 3) & ~size_t(3); }

/// Visits the program itself, which dl_iterate_phdr lists first.
int readNotes(dl_phdr_info *info, size_t, void *result) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    const char *at = reinterpret_cast<const char *>(info->dlpi_addr + segment.p_vaddr);
    const char *end = at + segment.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      const auto *note = reinterpret_cast<const ElfW(Nhdr) *>(at);
      const char *name = at + sizeof(*note);
      const char *content = name + aligned(note->n_namesz);
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !std::memcmp(name, "GNU", 4))
        static_cast<std::string *>(result)->assign(content, note->n_descsz);
      at = content + aligned(note->n_descsz);
    }
  }
  return 1;
}

} // namespace

std::string buildId() {
  std::string result;
  dl_iterate_phdr(readNotes, &result);
  return result;
}

} // namespace heddle::codegen
