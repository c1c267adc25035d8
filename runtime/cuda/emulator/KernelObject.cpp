// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/KernelObject.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/cuda/emulator/Operations.h"
#include "runtime/io/FileLayer.h"

namespace heddle::emulator {
namespace {

Status writeAll(int descriptor, std::string_view bytes) {
  int copy = dup(descriptor); // File closes its own
  if (copy < 0)
    return runtime::fileError("open", "memory for an emulated kernel", errno);
  runtime::File file(runtime::FileCalls::system(), copy, "memory for an emulated kernel");
  return file.write(bytes.data(), bytes.size());
}

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
  if (sharedObject.size() < 64 || memcmp(sharedObject.data(), "\177ELF\2\1", 6) != 0)
    return invalidInput("the emulated kernel is no 64-bit ELF object");
  KernelObject object;
  object.descriptor_ = memfd_create("heddle-emulated-kernel", MFD_CLOEXEC);
  if (object.descriptor_ < 0)
    return runtime::fileError("create", "memory for an emulated kernel", errno);
  HEDDLE_RETURN_IF_ERROR(writeAll(object.descriptor_, sharedObject));
  object.handle_ =
      dlopen(absl::StrCat("/proc/self/fd/", object.descriptor_).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!object.handle_)
    return invalidInput("cannot load an emulated kernel: ", dlerror());
  auto **abi = static_cast<const gk_EmulatorAbi **>(dlsym(object.handle_, "gk_abi"));
  link_map *map = nullptr;
  if (!abi || dlinfo(object.handle_, RTLD_DI_LINKMAP, &map) != 0)
    return invalidInput("the object is no kernel for the emulator: it has no gk_abi");
  *abi = &emulatorAbi();
  Extent extent{map->l_addr};
  dl_iterate_phdr(measure, &extent);
  object.start_ = extent.start;
  object.size_ = extent.end - extent.start;
  object.lines_ = LineTable::read(sharedObject);
  return object;
}

KernelObject &KernelObject::operator=(KernelObject &&other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  std::swap(lines_, other.lines_);
  return *this;
}

KernelObject::~KernelObject() {
  if (handle_)
    dlclose(handle_);
  if (descriptor_ >= 0)
    close(descriptor_);
}

KernelEntry KernelObject::find(const std::string &kernel) const {
  return reinterpret_cast<KernelEntry>(dlsym(handle_, (kernel + "__launch").c_str()));
}

} // namespace heddle::emulator
