// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/HostKernel.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "codegen/cuda/DeviceHeader.h"
#include "codegen/cuda/Nvrtc.h"
#include "runtime/io/FileLayer.h"

extern char **environ;

namespace heddle::codegen {
namespace {

constexpr const char *kCompilers[] = {"clang++-22", "clang++", "g++"};

/// A folder that goes with this.
struct ScratchFolder {
  std::string path;
  ScratchFolder() {
    std::error_code ignored;
    path = (std::filesystem::temp_directory_path(ignored) / "heddle-kernel-XXXXXX").string();
    if (!mkdtemp(path.data()))
      path.clear();
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path.empty())
      std::filesystem::remove_all(path, ignored);
  }
};

std::string onPath(const std::string &program) {
  const char *path = getenv("PATH");
  for (const std::string &folder :
       std::vector<std::string>(absl::StrSplit(path ? path : "", ':'))) {
    std::string full = folder + "/" + program;
    if (!folder.empty() && access(full.c_str(), X_OK) == 0)
      return full;
  }
  return "";
}

bool isClang(const std::string &compiler) {
  return std::filesystem::path(compiler).filename().string().find("clang") != std::string::npos;
}

std::vector<std::string> arguments(const std::string &compiler, const std::string &input,
                                   const std::string &output) {
  std::vector<std::string> list = {
      compiler, "-x", "c++", "-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-nostdlib",
      // The line table is read by runtime/cuda/emulator/LineTable.
      "-gdwarf-4", isClang(compiler) ? "-gline-tables-only" : "-g1",
      // Instruments loads and stores; its library is not linked, device/Host.cuh has the callbacks.
      "-fsanitize=thread", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti",
      "-fvisibility=hidden", "-fno-stack-protector"};
  if (isClang(compiler))
    list.insert(list.end(), {"-mllvm", "-tsan-instrument-func-entry-exit=0"});
  else
    list.insert(list.end(), {"--param", "tsan-instrument-func-entry-exit=0"});
  list.insert(list.end(), {"-o", output, input});
  return list;
}

/// Runs it with both output streams in `log`; its exit code, or -1.
int run(const std::vector<std::string> &command, const std::string &log) {
  std::vector<char *> pointers;
  for (const std::string &word : command)
    pointers.push_back(const_cast<char *>(word.c_str()));
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = -1;
  int error = posix_spawn(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (error != 0)
    return -1;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

StatusOr<std::string> readAll(const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(runtime::MappedFile file, runtime::FileLayer::system().map(path));
  return std::string(file.bytes());
}

} // namespace

StatusOr<std::string> hostCompiler() {
  if (const char *given = getenv("HEDDLE_HOST_CXX"); given && *given) {
    std::string path = strchr(given, '/') ? given : onPath(given);
    if (path.empty() || access(path.c_str(), X_OK) != 0)
      return invalidInput("HEDDLE_HOST_CXX names ", given, ", which is no program here");
    return path;
  }
  for (const char *name : kCompilers)
    if (std::string path = onPath(name); !path.empty())
      return path;
  return absl::FailedPreconditionError(
      absl::StrCat("emulated CUDA needs a C++ compiler; looked on the PATH for ",
                   absl::StrJoin(kCompilers, ", "), " (HEDDLE_HOST_CXX names another)"));
}

StatusOr<std::string> compileForEmulator(const std::string &text, const std::string &fileName) {
  HEDDLE_ASSIGN_OR_RETURN(std::string compiler, hostCompiler());
  ScratchFolder folder;
  if (folder.path.empty())
    return absl::InternalError(
        absl::StrCat("cannot create a folder for kernels: ", strerror(errno)));
  std::string input = folder.path + "/kernel.cpp", output = folder.path + "/kernel.so",
              log = folder.path + "/log";
  std::string source = kernelSource(text, fileName, {}, /*forHost=*/true);
  HEDDLE_ASSIGN_OR_RETURN(runtime::File file, runtime::FileLayer::system().createNew(input));
  HEDDLE_RETURN_IF_ERROR(file.write(source.data(), source.size()));
  int code = run(arguments(compiler, input, output), log);
  if (code != 0) {
    StatusOr<std::string> messages = readAll(log);
    return absl::InternalError(
        absl::StrCat(compiler, " cannot compile ", fileName, " for the emulator (exit code ", code,
                     ")\n", logWithLines(messages.ok() ? *messages : "", source, fileName)));
  }
  return readAll(output);
}

} // namespace heddle::codegen
