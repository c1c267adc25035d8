// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/Profile.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "runtime/io/JsonWriter.h"

namespace heddle::runtime {

std::vector<Profile::Row> Profile::rows() const {
  std::map<std::string, Row> byKernel;
  double perRun = runs_ > 0 ? 1.0 / runs_ : 0;
  for (const Event &event : events_) {
    const proto::Launch &launch = plan_.launches(event.launch);
    Row &row = byKernel[launch.kernel()];
    row.kernel = launch.kernel();
    row.milliseconds +=
        perRun * std::chrono::duration<double, std::milli>(event.end - event.start).count();
    row.flops += perRun * launch.flops();
    row.bytes += perRun * launch.bytes();
    row.calls += perRun;
  }
  std::vector<Row> sorted;
  for (auto &[name, row] : byKernel)
    sorted.push_back(std::move(row));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Row &a, const Row &b) { return a.milliseconds > b.milliseconds; });
  return sorted;
}

std::string Profile::table() const {
  std::vector<Row> all = rows();
  double total = 0;
  for (const Row &row : all)
    total += row.milliseconds;
  std::string text = "      ms   share  calls  GFLOP/s     GB/s  kernel\n";
  for (const Row &row : all) {
    char line[128];
    snprintf(line, sizeof line, "%8.3f  %5.1f%%  %5.0f  %7.1f  %7.1f  ", row.milliseconds,
             100 * row.milliseconds / total, row.calls, row.flops / (row.milliseconds * 1e6),
             row.bytes / (row.milliseconds * 1e6));
    text += line + row.kernel + "\n";
  }
  return text;
}

void Profile::writeJson(JsonWriter &json) const {
  json.beginArray();
  for (const Row &row : rows())
    json.beginObject()
        .member("kernel", row.kernel)
        .member("ms", row.milliseconds)
        .member("calls", row.calls)
        .member("flops", row.flops)
        .member("bytes", row.bytes)
        .endObject();
  json.endArray();
}

std::string Profile::trace() const {
  JsonWriter json;
  json.beginObject().key("traceEvents").beginArray();
  auto microseconds = [&](Clock::time_point t) {
    return std::chrono::duration<double, std::micro>(t - events_.front().start).count();
  };
  for (const Event &event : events_) {
    const proto::Launch &launch = plan_.launches(event.launch);
    json.beginObject()
        .member("name", launch.kernel())
        .member("ph", "X")
        .member("pid", 1)
        .member("tid", 1)
        .member("ts", microseconds(event.start))
        .member("dur", microseconds(event.end) - microseconds(event.start))
        .key("args")
        .beginObject()
        .member("layer", launch.layer())
        .member("launch", event.launch)
        .member("tasks", launch.tasks())
        .member("flops", launch.flops())
        .endObject()
        .endObject();
  }
  json.endArray().member("displayTimeUnit", "ms").endObject();
  return json.take() + "\n";
}

} // namespace heddle::runtime
