// SPDX-License-Identifier: Apache-2.0
// A model definition as text.
#include "frontend/Validate.h"
#include "runtime/io/Textproto.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/ModelChecks.h"
#include "tests/fuzz/ProtoMutator.h"

namespace heddle::fuzz {

void runInput(std::string_view bytes) {
  frontend::proto::ModelDef definition;
  if (accepted(runtime::parseTextproto(std::string(bytes), "model.textproto", definition)) &&
      accepted(frontend::validateModel(definition, "model.textproto")) && isSmall(definition))
    loadAndCheck({{"model.textproto", std::string(bytes)}}, "model.textproto");
}

} // namespace heddle::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t mostBytes,
                                          unsigned seed) {
  using namespace heddle::fuzz;
  Random random(seed);
  std::string text(reinterpret_cast<char *>(data), size);
  if (random() % 2 || !mutateTextproto(text, heddle::frontend::proto::ModelDef(), random))
    mutateBytes(text, mostBytes);
  return store(text, data, mostBytes);
}
