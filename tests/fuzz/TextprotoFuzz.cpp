// SPDX-License-Identifier: Apache-2.0
// A model definition as text: parsed, validated, its parameters listed.
#include <cmath>
#include <set>

#include "frontend/Dimensions.h"
#include "frontend/Parameters.h"
#include "frontend/Validate.h"
#include "runtime/io/Textproto.h"
#include "tests/fuzz/Harness.h"

namespace heddle::fuzz {
namespace {

using namespace frontend;

/// What everything behind validateModel() relies on.
void checkParameters(const proto::ModelDef &definition) {
  std::set<std::string> names;
  for (const ParameterSpec &spec : parametersOf(definition).all()) {
    require(names.insert(spec.name).second, "two parameters are called " + spec.name);
    int64_t elements = spec.elements();
    require(elements > 0 && elements <= kMaxElements, "a parameter of impossible size");
    require(std::isfinite(spec.initializer.scale), "an initial scale that is not finite");
    for (const std::string &alias : spec.aliases)
      require(names.insert(alias).second, "a parameter's other name is taken: " + alias);
  }
}

} // namespace

void runInput(std::string_view bytes) {
  proto::ModelDef definition;
  if (!accepted(runtime::parseTextproto(std::string(bytes), "model.textproto", definition)))
    return;
  // Printing is part of a checkpoint's promise: what we write, we read back as the same.
  std::string printed = runtime::printTextproto(definition);
  proto::ModelDef again;
  require(accepted(runtime::parseTextproto(printed, "printed", again)), "cannot read our own text");
  require(runtime::printTextproto(again) == printed, "printing and reading changes a definition");

  if (!accepted(validateModel(definition, "model.textproto")))
    return;
  if (!definition.has_vocab_size())
    definition.set_vocab_size(256);
  if (!accepted(validateModel(definition, "model.textproto")))
    return;
  checkParameters(definition);
  for (int64_t seq : {int64_t{1}, int64_t{2048}, kMaxSequence})
    accepted(validateShape(definition, 8, seq));
}

} // namespace heddle::fuzz
