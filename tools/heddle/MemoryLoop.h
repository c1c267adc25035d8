// SPDX-License-Identifier: Apache-2.0
// How fast this machine reads memory that no cache holds.

#ifndef HEDDLE_TOOLS_HEDDLE_MEMORYLOOP_H
#define HEDDLE_TOOLS_HEDDLE_MEMORYLOOP_H

namespace heddle::tools {

/// GB/s (10^9 bytes) of `threads` threads, each reading memory of its own from one end to the other
/// without writing; 0 where there is no memory for it.
double measureReadBandwidth(int threads);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLE_MEMORYLOOP_H
