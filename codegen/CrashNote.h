// SPDX-License-Identifier: Apache-2.0
// What the compiler leaves behind when it fails: a file that reproduces the failure, and the
// command that does. Also when it crashes, in whatever state memory then is: text and message are
// made beforehand, and the crash handler only writes them.

#ifndef HEDDLE_CODEGEN_CRASHNOTE_H
#define HEDDLE_CODEGEN_CRASHNOTE_H

#include <string>

namespace heddle::codegen {

/// A failure that is ours to mend, for the user to pass on.
struct Reproducer {
  std::string path;    // the file to write
  std::string text;    // its content
  std::string doing;   // what was being done, "pass cse of stage fused"
  std::string command; // what fails again, given the file
};

/// `heddle-reproducer-<random>.mlir` in `folder`; where that is empty, in $TMPDIR or /tmp.
std::string reproducerPath(const std::string &folder);

/// Whose mistake it is when the compiler fails on what its own builder wrote, or crashes.
inline constexpr const char *kBugLine = "this is a bug in Heddle: please report it, with that file";

/// Writes the file, and returns what to tell the user: the command that reproduces, or why the file
/// could not be written.
std::string leaveReproducer(const Reproducer &reproducer);

/// While it lives, a crash of this thread leaves `reproducer`. Notes of one thread nest: the
/// youngest counts. The reproducer outlives the note and may be changed only when no crash can
/// happen: by the thread itself.
class CrashNote {
public:
  explicit CrashNote(const Reproducer &reproducer);
  ~CrashNote();
  CrashNote(const CrashNote &) = delete;
  CrashNote &operator=(const CrashNote &) = delete;

private:
  const Reproducer *previous_;
};

/// From here on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT, a stack overflow, LLVM's fatal errors
/// and memory running out say what happened, leave what the crash note says and end the process
/// with exit code 1. For main functions: the handlers are the process's own.
void installCrashHandler();

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CRASHNOTE_H
