// SPDX-License-Identifier: Apache-2.0
// Where the time of an entry goes.

#ifndef HEDDLE_RUNTIME_CLI_PROFILE_H
#define HEDDLE_RUNTIME_CLI_PROFILE_H

#include <string>
#include <vector>

#include "runtime/plan/Device.h"

namespace heddle::runtime {

class JsonWriter;

/// Watches the launches of one plan over some runs. The plan outlives it.
class Profile : public LaunchObserver {
public:
  explicit Profile(const proto::Plan &plan) : plan_(plan) {}
  void launched(int index, Clock::time_point start, Clock::time_point end) override {
    events_.push_back({index, start, end});
  }
  void startRun() { ++runs_; }

  /// Kernels by time, the costliest first: per run, with share, calls and rate.
  std::string table() const;
  /// The same as an array.
  void writeJson(JsonWriter &json) const;
  /// The format of chrome://tracing: one event a launch, named by kernel, with its layer.
  std::string trace() const;

private:
  struct Event {
    int launch;
    Clock::time_point start, end;
  };
  struct Row {
    std::string kernel;
    double milliseconds = 0, flops = 0, bytes = 0, calls = 0; // per run
  };
  std::vector<Row> rows() const;

  const proto::Plan &plan_;
  std::vector<Event> events_;
  int runs_ = 0;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_PROFILE_H
