// SPDX-License-Identifier: Apache-2.0
// A config.json, read by the families that are embedded in the binary.
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/ModelChecks.h"

namespace heddle::fuzz {

void runInput(std::string_view bytes) {
  loadAndCheckConfig({{"model/config.json", std::string(bytes)}});
}

} // namespace heddle::fuzz
