// SPDX-License-Identifier: Apache-2.0
// What happens when a mapped file is cut short by another process while it is being read.
//
// The page is then gone, and the instruction that reads it gets SIGBUS: there is no call that could
// return an error. Copying every file into memory first would cost a model its size twice, so the
// signal is made to say what a failed read would have said.

#ifndef HEDDLE_RUNTIME_IO_MAPFAULTS_H
#define HEDDLE_RUNTIME_IO_MAPFAULTS_H

namespace heddle::runtime {

/// From here on a read beyond what is left of a mapped file ends the process with
/// `error: cannot read PATH: it was cut short while it was being read` and exit code 2, a page that
/// the disk fails to bring with exit code 1. Nothing is unwound: a process that maps files for long
/// holds nothing that may not be lost. Any other SIGBUS goes to the handler there was before, or
/// kills. Call it once, in main.
void reportMapFaults();

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_MAPFAULTS_H
