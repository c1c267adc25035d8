// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle-reduce/Oracle.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/io/FileLayer.h"
#include "runtime/io/WholeFile.h"

namespace heddle::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kOutputBytes = 1 << 16;

/// The candidate on disk as long as the command runs.
class CandidateFile {
public:
  static StatusOr<CandidateFile> create(const std::string &text) {
    const char *folder = std::getenv("TMPDIR");
    std::string name =
        runtime::joinPath(folder && *folder ? folder : "/tmp", "heddle-reduce-XXXXXX.mlir");
    int file = mkstemps(name.data(), 5);
    if (file < 0)
      return absl::UnavailableError(
          absl::StrCat("cannot create ", name, ": ", std::strerror(errno)));
    close(file);
    CandidateFile result(name);
    HEDDLE_RETURN_IF_ERROR(runtime::writeFileAtomically(runtime::FileLayer::system(), name, text));
    return result;
  }
  CandidateFile(CandidateFile &&other) noexcept : path_(std::exchange(other.path_, "")) {}
  ~CandidateFile() {
    if (path_.empty())
      return;
    unlink(path_.c_str());
    unlink((path_ + ".heddle").c_str()); // what a kernel's reproducer compiles to
  }
  const std::string &path() const { return path_; }

private:
  explicit CandidateFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

[[noreturn]] void becomeCommand(const std::vector<std::string> &command, int errors) {
  setpgid(0, 0); // so that a timeout ends what the command started, too
  rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  setenv("LLVM_DISABLE_SYMBOLIZATION", "1", 1); // seconds for each stack trace
  int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  std::vector<char *> argv;
  for (const std::string &argument : command)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], std::strerror(errno));
  _exit(127);
}

/// What the child writes until it ends or the time is up. False: the time is up.
bool readUntil(int from, Clock::time_point end, std::string &output) {
  char buffer[4096];
  while (true) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd waiting = {from, POLLIN, 0};
    int ready = left > 0 ? poll(&waiting, 1, static_cast<int>(left)) : 0;
    if (ready == 0)
      return false;
    if (ready < 0)
      continue; // interrupted
    ssize_t count = read(from, buffer, sizeof buffer);
    if (count <= 0)
      return true;
    if (output.size() < kOutputBytes)
      output.append(buffer, static_cast<size_t>(count));
  }
}

/// The first error without what changes from candidate to candidate: its place, names, numbers.
std::string firstError(const std::string &output) {
  size_t begin = output.find("error: ");
  if (begin == std::string::npos)
    return "";
  begin += 7;
  std::string line = output.substr(begin, output.find('\n', begin) - begin);
  // heddle says what it was doing before it says what went wrong.
  if (size_t failed = line.find(" failed: "); failed != std::string::npos)
    line = line.substr(failed + 9);
  std::string key;
  for (char c : line)
    if (!std::isdigit(static_cast<unsigned char>(c)))
      key += c;
  return key;
}

std::string keyOf(int status, const std::string &output) {
  if (WIFSIGNALED(status))
    return "signal " + std::to_string(WTERMSIG(status));
  return "exit " + std::to_string(WEXITSTATUS(status)) + " " + firstError(output);
}

} // namespace

StatusOr<Outcome> Oracle::run(const std::string &text) {
  HEDDLE_ASSIGN_OR_RETURN(CandidateFile file, CandidateFile::create(text));
  std::vector<std::string> command = options_.command;
  for (std::string &argument : command)
    for (size_t at = argument.find(kFile); at != std::string::npos;
         at = argument.find(kFile, at + file.path().size()))
      argument.replace(at, std::strlen(kFile), file.path());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return absl::UnavailableError(absl::StrCat("no pipe: ", std::strerror(errno)));
  ++runs_;
  pid_t child = fork();
  if (child == 0)
    becomeCommand(command, ends[1]);
  close(ends[1]);
  Outcome outcome;
  bool ended = false;
  int status = 0;
  if (child > 0) {
    auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::duration<double>(options_.timeoutSeconds));
    ended = readUntil(ends[0], end, outcome.output);
    if (!ended)
      kill(-child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  close(ends[0]);
  if (child < 0)
    return absl::UnavailableError(absl::StrCat("cannot fork: ", std::strerror(errno)));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return invalidInput(outcome.output.empty() ? options_.command[0] + ": cannot be run"
                                               : outcome.output);
  outcome.failed = !ended || status != 0;
  outcome.key = ended ? keyOf(status, outcome.output) : "timeout";
  return outcome;
}

Status Oracle::learn(const std::string &text) {
  HEDDLE_ASSIGN_OR_RETURN(learned_, run(text));
  if (!learned_.failed)
    return invalidInput("nothing to reduce: the command succeeds on the input");
  if (learned_.output.find(options_.match) == std::string::npos)
    return invalidInput("--match ", options_.match,
                        ": not in what the command says: ", learned_.output.substr(0, 500));
  return absl::OkStatus();
}

StatusOr<bool> Oracle::holds(const std::string &text) {
  HEDDLE_ASSIGN_OR_RETURN(Outcome outcome, run(text));
  if (!outcome.failed)
    return false;
  return options_.match.empty() ? outcome.key == learned_.key
                                : outcome.output.find(options_.match) != std::string::npos;
}

} // namespace heddle::tools
