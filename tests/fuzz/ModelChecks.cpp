// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/ModelChecks.h"

#include <cmath>
#include <map>

#include "frontend/HuggingFace.h"
#include "frontend/Validate.h"
#include "runtime/io/Textproto.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/MemoryFiles.h"

namespace heddle::fuzz {
namespace {

using namespace frontend;

void checkParameters(const std::vector<ParameterSpec> &parameters) {
  std::map<std::string, const ParameterSpec *> names;
  auto isOwn = [&](const std::string &name, const ParameterSpec &spec) {
    return names.emplace(name, &spec).first->second == &spec;
  };
  for (const ParameterSpec &spec : parameters) {
    require(isOwn(spec.name, spec), "two parameters are called " + spec.name);
    int64_t elements = spec.elements();
    require(elements > 0 && elements <= kMaxElements, "a parameter of impossible size");
    require(std::isfinite(spec.initializer.scale), "an initial scale that is not finite");
    for (const std::string &alias : spec.aliases)
      require(isOwn(alias, spec), "a parameter's other name is taken: " + alias);
  }
}

/// A checkpoint carries the definition as text: it must come back as it was.
void checkText(const proto::ModelDef &definition) {
  std::string printed = runtime::printTextproto(definition);
  proto::ModelDef again;
  require(accepted(runtime::parseTextproto(printed, "printed", again)), "cannot read our own text");
  require(runtime::printTextproto(again) == printed, "printing and reading changes a definition");
  require(validateModel(again, "printed").ok(), "a definition is invalid once it is printed");
}

} // namespace

bool isSmall(const proto::ModelDef &definition) { return definition.layers() <= 256; }

void loadAndCheck(const Folder &files, const std::string &path, const ModelOverrides &overrides) {
  MemoryFiles calls(files);
  runtime::FileLayer layer(calls);
  StatusOr<Model> model = loadModel(layer, path, overrides);
  if (!accepted(model) || !accepted(bindVocabulary(*model, 256)))
    return;
  checkParameters(model->parameters);
  checkText(model->definition);
  for (int64_t seq : {int64_t{1}, int64_t{2048}, kMaxSequence})
    accepted(validateShape(model->definition, 8, seq));
}

void loadAndCheckConfig(const Folder &files, const ModelOverrides &overrides) {
  MemoryFiles calls(files);
  runtime::FileLayer layer(calls);
  static const Families embedded = *Families::load(layer);
  StatusOr<Families> families =
      overrides.familyFile ? Families::load(layer, overrides.familyFile) : embedded;
  Model model;
  if (!accepted(families) || !accepted(readHuggingFace(layer, "model", *families, model)))
    return;
  require(validateModel(model.definition, "config.json").ok(), "a config gives a bad definition");
  if (isSmall(model.definition))
    loadAndCheck(files, "model", overrides);
}

} // namespace heddle::fuzz
