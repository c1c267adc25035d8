// SPDX-License-Identifier: Apache-2.0
// How fast this machine does a piece of work on several threads at once.

#ifndef HEDDLE_TOOLS_HEDDLE_PINNEDROUNDS_H
#define HEDDLE_TOOLS_HEDDLE_PINNEDROUNDS_H

#include <functional>

namespace heddle::tools {

/// Seconds that the slowest of `threads` threads took for work(thread), each pinned to a processor
/// and all started together: the least of several rounds, because neighbours on the machine only
/// ever slow one down.
double fastestRound(int threads, const std::function<void(int thread)> &work);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_HEDDLE_PINNEDROUNDS_H
