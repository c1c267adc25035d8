// SPDX-License-Identifier: Apache-2.0
// `heddle doctor`: what this machine has, what Heddle will use of it, and why.

#ifndef HEDDLE_TOOLS_HEDDLE_DOCTOR_H
#define HEDDLE_TOOLS_HEDDLE_DOCTOR_H

namespace heddle::tools {

struct DoctorOptions {
  int threads = 0; // 0: all that this process may use
  bool json = false;
};

/// Prints the report to standard output and returns the exit code.
int runDoctor(const DoctorOptions &options);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLE_DOCTOR_H
