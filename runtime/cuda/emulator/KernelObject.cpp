// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/KernelObject.h"

#include <algorithm>
#include <dlfcn.h>
#include <link.h>

#include "runtime/cuda/emulator/Operations.h"

namespace heddle::emulator {
namespace {

struct Extent {
  uint64_t start, end = 0;
};

/// How far the object that is loaded at extent.start reaches.
int measure(dl_phdr_info *info, size_t, void *argument) {
  auto *extent = static_cast<Extent *>(argument);
  if (info->dlpi_addr != extent->start)
    return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i)
    if (info->dlpi_phdr[i].p_type == PT_LOAD)
      extent->end = std::max<uint64_t>(extent->end, extent->start + info->dlpi_phdr[i].p_vaddr +
                                                        info->dlpi_phdr[i].p_memsz);
  return 1;
}

} // namespace

StatusOr<KernelObject> KernelObject::load(std::string_view sharedObject) {
  KernelObject object;
  HEDDLE_ASSIGN_OR_RETURN(object.object_,
                          runtime::LoadedObject::load(sharedObject, "an emulated kernel"));
  auto **abi = static_cast<const gk_EmulatorAbi **>(object.object_.find("gk_abi"));
  link_map *map = nullptr;
  if (!abi || dlinfo(object.object_.handle(), RTLD_DI_LINKMAP, &map) != 0)
    return invalidInput("the object is no kernel for the emulator: it has no gk_abi");
  *abi = &emulatorAbi();
  Extent extent{map->l_addr};
  dl_iterate_phdr(measure, &extent);
  object.start_ = extent.start;
  object.size_ = extent.end - extent.start;
  object.lines_ = LineTable::read(sharedObject);
  return object;
}

KernelEntry KernelObject::find(const std::string &kernel) const {
  return reinterpret_cast<KernelEntry>(object_.find(kernel + "__launch"));
}

} // namespace heddle::emulator
