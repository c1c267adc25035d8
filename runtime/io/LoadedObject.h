// SPDX-License-Identifier: Apache-2.0
// A shared object from memory, in this process.

#ifndef HEDDLE_RUNTIME_IO_LOADEDOBJECT_H
#define HEDDLE_RUNTIME_IO_LOADEDOBJECT_H

#include <optional>
#include <string>
#include <string_view>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

/// Its symbols live as long as this. Move only; lookups are safe on all threads.
class LoadedObject {
public:
  LoadedObject() = default;
  /// Loads it without a file on disk (memfd_create, dlopen). It is code and can do what this
  /// process can: only on the user's word. `what` names it in errors: "the kernels".
  static StatusOr<LoadedObject> load(std::string_view bytes, const std::string &what);
  LoadedObject(LoadedObject &&other) noexcept { *this = std::move(other); }
  LoadedObject &operator=(LoadedObject &&other) noexcept;
  ~LoadedObject();

  /// Null if there is none.
  void *find(const std::string &symbol) const;
  /// dlopen's, null for nothing loaded.
  void *handle() const { return handle_; }

private:
  void *handle_ = nullptr;
  /// Open as long as the object is loaded: the loader knows an object by its path, which is made of
  /// the descriptor's number, and would give this object for another one under the same number.
  std::optional<File> file_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_LOADEDOBJECT_H
