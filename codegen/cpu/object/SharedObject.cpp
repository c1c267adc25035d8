// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/object/SharedObject.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "lld/Common/Driver.h"
#include "runtime/io/FileLayer.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

namespace heddle::codegen {
namespace {

// What LLD reads and writes are paths. Ours name what is in memory: no disk needs to have room for
// it, and nothing is left of it however the process ends.

std::string pathOf(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

/// A pipe of which a thread takes what is written to path(). (Beside a regular file LLD would want
/// to make another one.)
class OutputPipe {
public:
  OutputPipe() = default;
  OutputPipe(const OutputPipe &) = delete;
  OutputPipe &operator=(const OutputPipe &) = delete;
  ~OutputPipe() { (void)close(); }

  Status open() {
    if (pipe2(ends_, O_CLOEXEC) != 0)
      return runtime::fileError("create", "a pipe for linked kernels", errno);
    try {
      reader_ = std::thread([this] { readAll(); });
    } catch (const std::system_error &error) {
      return absl::ResourceExhaustedError(std::string("cannot start a thread to link kernels: ") +
                                          error.what());
    }
    return absl::OkStatus();
  }
  std::string path() const { return pathOf(ends_[1]); }

  /// All that was written. No writer may be left but us.
  StatusOr<std::string> close() {
    if (ends_[1] >= 0)
      ::close(std::exchange(ends_[1], -1));
    if (reader_.joinable())
      reader_.join();
    if (ends_[0] >= 0)
      ::close(std::exchange(ends_[0], -1));
    if (error_)
      return runtime::fileError("read", "linked kernels from a pipe", error_);
    return std::move(bytes_);
  }

private:
  void readAll() {
    char buffer[1 << 16];
    for (;;) {
      ssize_t count = read(ends_[0], buffer, sizeof(buffer));
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        error_ = errno;
      if (count <= 0)
        break;
      bytes_.append(buffer, count);
    }
    ::close(std::exchange(ends_[0], -1)); // whoever still writes fails, and does not wait
  }

  int ends_[2] = {-1, -1};
  int error_ = 0;
  std::string bytes_;
  std::thread reader_;
};

/// All objects in one file, so that their number takes no descriptors.
StatusOr<std::unique_ptr<llvm::MemoryBuffer>> archive(const std::vector<std::string> &objects) {
  std::vector<llvm::NewArchiveMember> members;
  for (size_t i = 0; i < objects.size(); ++i)
    members.emplace_back(llvm::MemoryBufferRef(objects[i], "kernel"));
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> result = llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NoSymtab, llvm::object::Archive::K_GNU,
      /*Deterministic=*/true, /*Thin=*/false);
  if (!result)
    return absl::InternalError("gathering the kernels failed: " +
                               llvm::toString(result.takeError()));
  return std::move(*result);
}

} // namespace

StatusOr<std::string> linkSharedObject(const std::vector<std::string> &objects) {
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<llvm::MemoryBuffer> members, archive(objects));
  int descriptor = memfd_create("objects of kernels", MFD_CLOEXEC);
  if (descriptor < 0)
    return runtime::fileError("create", "memory for objects of kernels", errno);
  runtime::File input =
      runtime::File(runtime::FileCalls::system(), descriptor, "memory for objects of kernels");
  HEDDLE_RETURN_IF_ERROR(input.write(members->getBufferStart(), members->getBufferSize()));
  OutputPipe output;
  HEDDLE_RETURN_IF_ERROR(output.open());
  std::string inputPath = pathOf(descriptor), outputPath = output.path();
  const char *arguments[] = {"ld.lld",           "-shared",
                             "--build-id=none",  "-z",
                             "noexecstack",      "-s",
                             "--threads=1",      "-o",
                             outputPath.c_str(), "--whole-archive",
                             inputPath.c_str()};
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result =
      lld::lldMain(arguments, llvm::nulls(), stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return absl::InternalError("linking the kernels failed: " + messages);
  return output.close();
}

} // namespace heddle::codegen
