// SPDX-License-Identifier: Apache-2.0
// An inspection for people, and for programs.

#ifndef HEDDLE_TOOLS_DRIVER_INSPECTTEXT_H
#define HEDDLE_TOOLS_DRIVER_INSPECTTEXT_H

#include <string>

#include "tools/driver/Inspect.h"

namespace heddle::tools {

/// Tables, one section after the other.
std::string inspectionText(const Inspection &inspection);

/// One object with a member a section, on one line.
std::string inspectionJson(const Inspection &inspection);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_INSPECTTEXT_H
