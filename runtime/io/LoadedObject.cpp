// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/LoadedObject.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>

namespace heddle::runtime {

StatusOr<LoadedObject> LoadedObject::load(std::string_view bytes, const std::string &what) {
  // The dynamic loader trusts what it maps: at least refuse what is no object at all.
  if (bytes.size() < 64 || memcmp(bytes.data(), "\177ELF\2\1", 6) != 0)
    return invalidInput(what, ": no 64-bit ELF object");
  std::string memory = "memory for " + what;
  int fd = memfd_create("heddle-object", MFD_CLOEXEC);
  if (fd < 0)
    return fileError("create", memory, errno);
  LoadedObject object;
  object.file_.emplace(FileCalls::system(), fd, memory);
  HEDDLE_RETURN_IF_ERROR(object.file_->write(bytes.data(), bytes.size()));
  object.handle_ = dlopen(absl::StrCat("/proc/self/fd/", fd).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object.handle_)
    return object;
  std::string reason = dlerror();
  Status status = invalidInput("cannot load ", what, ": ", reason);
  // The loader keeps the system's reason in its text alone.
  for (int shortage : {ENOMEM, EMFILE, ENFILE})
    if (reason.find(strerror(shortage)) != std::string::npos)
      return absl::ResourceExhaustedError(status.message());
  if (reason.find("failed to map segment") != std::string::npos) // for want of address space
    return absl::ResourceExhaustedError(status.message());
  return status;
}

LoadedObject &LoadedObject::operator=(LoadedObject &&other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(file_, other.file_);
  return *this;
}

LoadedObject::~LoadedObject() {
  if (handle_)
    dlclose(handle_);
}

void *LoadedObject::find(const std::string &symbol) const {
  return handle_ ? dlsym(handle_, symbol.c_str()) : nullptr;
}

} // namespace heddle::runtime
