// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/object/SharedObject.h"

#include <filesystem>

#include "lld/Common/Driver.h"
#include "runtime/io/FileLayer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

namespace heddle::codegen {
namespace {

namespace fs = std::filesystem;

/// A folder of our own that goes away with the object.
class TemporaryFolder {
public:
  static StatusOr<TemporaryFolder> create() {
    llvm::SmallString<128> path;
    if (std::error_code error = llvm::sys::fs::createUniqueDirectory("heddle-link", path))
      return absl::InternalError("cannot create a temporary folder: " + error.message());
    return TemporaryFolder(fs::path(path.str().str()));
  }
  TemporaryFolder(TemporaryFolder &&other) : path_(std::move(other.path_)) { other.path_.clear(); }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty())
      fs::remove_all(path_, ignored);
  }
  std::string file(const std::string &name) const { return (path_ / name).string(); }

private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

Status writeFile(const std::string &path, const std::string &bytes) {
  HEDDLE_ASSIGN_OR_RETURN(runtime::File file, runtime::FileLayer::system().createNew(path));
  HEDDLE_RETURN_IF_ERROR(file.write(bytes.data(), bytes.size()));
  return file.close();
}

} // namespace

StatusOr<std::string> linkSharedObject(const std::vector<std::string> &objects) {
  HEDDLE_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::create());
  std::string output = folder.file("kernels.so");
  std::vector<std::string> arguments = {"ld.lld",      "-shared",     "--build-id=none",
                                        "-z",          "noexecstack", "-s",
                                        "--threads=1", "-o",          output};
  for (size_t i = 0; i < objects.size(); ++i) {
    arguments.push_back(folder.file(std::to_string(i) + ".o"));
    HEDDLE_RETURN_IF_ERROR(writeFile(arguments.back(), objects[i]));
  }
  std::vector<const char *> argv;
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result = lld::lldMain(argv, llvm::nulls(), stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return absl::InternalError("linking the kernels failed: " + messages);
  HEDDLE_ASSIGN_OR_RETURN(runtime::MappedFile linked, runtime::FileLayer::system().map(output));
  return std::string(linked.bytes());
}

} // namespace heddle::codegen
