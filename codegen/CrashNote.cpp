// SPDX-License-Identifier: Apache-2.0
#include "codegen/CrashNote.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <new>
#include <random>
#include <unistd.h>

#include "runtime/io/FileLayer.h"
#include "runtime/io/WholeFile.h"
#include "llvm/Support/ErrorHandling.h"

namespace heddle::codegen {
namespace {

thread_local const Reproducer *current = nullptr;

/// Handlers run on a stack of their own: the thread's may be what overflowed.
class HandlerStack {
public:
  HandlerStack() {
    stack_t stack = {};
    stack.ss_sp = memory_.get();
    stack.ss_size = kBytes;
    sigaltstack(&stack, &previous_);
  }
  ~HandlerStack() { sigaltstack(&previous_, nullptr); }

private:
  static constexpr size_t kBytes = size_t{64} << 10;
  std::unique_ptr<char[]> memory_ = std::make_unique<char[]>(kBytes);
  stack_t previous_ = {};
};

void giveThisThreadAHandlerStack() {
  // The main thread's serves until the end of the process; a worker's as long as the worker.
  thread_local HandlerStack stack;
}

//===- In the handler: system calls only ----------------------------------------------------------

bool writeAll(int file, const char *text, size_t size) {
  while (size > 0) {
    ssize_t written = write(file, text, size);
    if (written <= 0)
      return false;
    text += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

void say(const char *text) { (void)writeAll(STDERR_FILENO, text, std::strlen(text)); }

bool writeReproducer(const Reproducer &reproducer) {
  int file =
      open(reproducer.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  return file >= 0 && writeAll(file, reproducer.text.data(), reproducer.text.size());
}

[[noreturn]] void die(const char *what, const char *detail, bool ours) {
  static std::atomic_flag dying = ATOMIC_FLAG_INIT;
  if (dying.test_and_set())
    for (;;) // another thread is writing its note; this one must not cut it short
      pause();
  // One without a text is still being made.
  const Reproducer *reproducer = current && !current->text.empty() ? current : nullptr;
  for (const char *part : {"error: ", reproducer ? reproducer->doing.c_str() : "heddle",
                           " failed: ", what, detail, "\n"})
    say(part);
  if (reproducer && writeReproducer(*reproducer))
    for (const char *part : {"reproduce with: ", reproducer->command.c_str(), "\n"})
      say(part);
  else if (reproducer)
    say("no reproducer could be written\n");
  if (ours)
    say(reproducer ? kBugLine : "this is a bug in Heddle: please report it, with the command line");
  say("\n");
  _exit(1);
}

const char *nameOf(int signal) {
  switch (signal) {
  case SIGSEGV:
    return "segmentation fault or stack overflow (SIGSEGV)";
  case SIGBUS:
    return "bus error (SIGBUS)";
  case SIGFPE:
    return "arithmetic exception (SIGFPE)";
  case SIGILL:
    return "illegal instruction (SIGILL)";
  default:
    return "abort (SIGABRT)";
  }
}

void onSignal(int signal) { die(nameOf(signal), "", /*ours=*/true); }
void onLlvmError(void *, const char *reason, bool) { die("LLVM: ", reason, /*ours=*/true); }
void onOutOfMemory() { die("out of memory", "", /*ours=*/false); }
void onLlvmOutOfMemory(void *, const char *, bool) { onOutOfMemory(); }

} // namespace

std::string reproducerPath(const std::string &folder) {
  std::random_device random;
  char name[64];
  std::snprintf(name, sizeof name, "heddle-reproducer-%08x%08x.mlir", random(), random());
  if (!folder.empty())
    return runtime::joinPath(folder, name);
  const char *temporary = std::getenv("TMPDIR");
  return runtime::joinPath(temporary && *temporary ? temporary : "/tmp", name);
}

std::string leaveReproducer(const Reproducer &reproducer) {
  Status written =
      runtime::writeFileAtomically(runtime::FileLayer::system(), reproducer.path, reproducer.text);
  if (!written.ok())
    return absl::StrCat("no reproducer could be written: ", std::string(written.message()));
  return absl::StrCat("reproduce with: ", reproducer.command);
}

CrashNote::CrashNote(const Reproducer &reproducer) : previous_(current) {
  giveThisThreadAHandlerStack();
  current = &reproducer;
}

CrashNote::~CrashNote() { current = previous_; }

void installCrashHandler() {
  giveThisThreadAHandlerStack();
  struct sigaction action = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_ONSTACK;
  sigfillset(&action.sa_mask);
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    sigaction(signal, &action, nullptr);
  std::set_new_handler(onOutOfMemory);
  llvm::install_fatal_error_handler(onLlvmError);
  llvm::install_bad_alloc_error_handler(onLlvmOutOfMemory);
}

} // namespace heddle::codegen
