// SPDX-License-Identifier: Apache-2.0
// A folder: family.textproto, as --family gives it, and model/config.json that it reads.
#include "frontend/Family.pb.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/ModelChecks.h"
#include "tests/fuzz/ProtoMutator.h"

namespace heddle::fuzz {
namespace {

constexpr char kFamily[] = "family.textproto";

} // namespace

void runInput(std::string_view bytes) {
  frontend::ModelOverrides overrides;
  overrides.familyFile = kFamily;
  loadAndCheckConfig(parseFolder(bytes), overrides);
}

} // namespace heddle::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t mostBytes,
                                          unsigned seed) {
  using namespace heddle::fuzz;
  Random random(seed);
  std::string text(reinterpret_cast<char *>(data), size);
  Folder folder = parseFolder(text);
  bool mutated = random() % 3 > 0 && folder.contains(kFamily) &&
                 mutateTextproto(folder[kFamily], heddle::frontend::proto::Family(), random);
  if (mutated)
    text = printFolder(folder);
  else
    mutateBytes(text, mostBytes);
  return store(text, data, mostBytes);
}
