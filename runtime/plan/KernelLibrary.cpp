// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/KernelLibrary.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

StatusOr<KernelLibrary> KernelLibrary::load(std::string_view sharedObject) {
  KernelLibrary library;
  if (sharedObject.empty())
    return library;
  // The dynamic loader trusts what it maps: at least refuse what is no object at all.
  if (sharedObject.size() < 64 || memcmp(sharedObject.data(), "\177ELF\2\1", 6) != 0)
    return invalidInput("the kernels are no 64-bit ELF object");
  int fd = memfd_create("heddle-kernels", MFD_CLOEXEC);
  if (fd < 0)
    return fileError("create", "memory for kernels", errno);
  File file(FileCalls::system(), fd, "memory for kernels");
  HEDDLE_RETURN_IF_ERROR(file.write(sharedObject.data(), sharedObject.size()));
  library.handle_ = dlopen(absl::StrCat("/proc/self/fd/", fd).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library.handle_) {
    std::string reason = dlerror();
    Status status = invalidInput("cannot load the kernels: ", reason);
    // The loader keeps the system's reason in its text alone.
    for (int shortage : {ENOMEM, EMFILE, ENFILE})
      if (reason.find(strerror(shortage)) != std::string::npos)
        return absl::ResourceExhaustedError(status.message());
    if (reason.find("failed to map segment") != std::string::npos) // for want of address space
      return absl::ResourceExhaustedError(status.message());
    return status;
  }
  return library;
}

KernelLibrary::~KernelLibrary() {
  if (handle_)
    dlclose(handle_);
}

KernelFunction KernelLibrary::find(const std::string &symbol) const {
  return handle_ ? reinterpret_cast<KernelFunction>(dlsym(handle_, symbol.c_str())) : nullptr;
}

} // namespace heddle::runtime
