// SPDX-License-Identifier: Apache-2.0
// What a process must settle before it opens its first file.

#ifndef HEDDLE_RUNTIME_CLI_PROCESS_H
#define HEDDLE_RUNTIME_CLI_PROCESS_H

namespace heddle::runtime {

/// The first call of main(). From here on what goes wrong outside is an error of the call at hand,
/// with a message and an exit code, and not the death of the process:
/// - a reader that has gone (SIGPIPE) and a file at its size limit (SIGXFSZ) fail the write;
/// - a closed standard stream stays closed: no file of ours takes its descriptor;
/// - SIGINT and SIGTERM end the process with exit code 130 (train defers them, see InterruptGuard);
/// - a mapped file that is cut short is an error message (see MapFaults.h);
/// - running out of memory is an error message and exit code 1, unless the program has a handler.
void prepareProcess();

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_PROCESS_H
