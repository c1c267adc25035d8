// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_RUNTIME_PLAN_BYTETEXT_H
#define HEDDLE_RUNTIME_PLAN_BYTETEXT_H

#include <cstdint>
#include <cstdio>
#include <string>

namespace heddle::runtime {

/// "512 B", "3.2 MiB": three digits at most, for people.
inline std::string byteText(uint64_t bytes) {
  static constexpr const char *kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1000 && unit < 4; ++unit)
    value /= 1024;
  char text[32];
  snprintf(text, sizeof text, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
           kUnits[unit]);
  return text;
}

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_BYTETEXT_H
