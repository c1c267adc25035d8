// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Manifest.h"

#include <set>

#include "frontend/Dimensions.h"
#include "frontend/Model.h"
#include "frontend/Stacks.h"
#include "ir/Conventions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/plan/Executable.h"

using namespace mlir;

namespace heddle::tools {
namespace {

namespace proto = runtime::proto;

constexpr const char *kCompilerVersion = "heddle 0.1";

proto::Initializer initializerOf(const frontend::Initializer &from) {
  proto::Initializer to;
  to.set_scale(from.scale);
  switch (from.kind) {
  case frontend::Initializer::Kind::zeros:
    to.set_kind(proto::Initializer::ZEROS);
    break;
  case frontend::Initializer::Kind::ones:
    to.set_kind(proto::Initializer::ONES);
    break;
  case frontend::Initializer::Kind::normal:
    to.set_kind(proto::Initializer::NORMAL);
    break;
  case frontend::Initializer::Kind::uniform:
    to.set_kind(proto::Initializer::UNIFORM);
    break;
  }
  return to;
}

void addParameter(const frontend::ParameterSpec &spec, proto::Manifest &manifest) {
  proto::Parameter &parameter = *manifest.add_parameters();
  parameter.set_name(spec.name);
  parameter.set_dtype(proto::F32);
  parameter.set_layer_path(spec.layerPath);
  *parameter.mutable_initializer() = initializerOf(spec.initializer);
  parameter.mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
  parameter.mutable_aliases()->Add(spec.aliases.begin(), spec.aliases.end());
}

void describeModel(const frontend::Model &model, const CompileRequest &request,
                   proto::Manifest &manifest) {
  frontend::Dimensions sizes(model.definition);
  manifest.set_model_name(model.definition.name());
  manifest.set_family(model.family);
  manifest.set_vocab_size(sizes.vocab);
  manifest.set_max_positions(sizes.positions);
  manifest.set_shift_labels(model.shiftLabels);
  if (model.definition.has_encoder()) {
    const frontend::proto::DecoderInput &input = model.definition.decoder_input();
    const frontend::proto::ModelDef encoder = frontend::encoderOf(model.definition);
    manifest.set_source_seq(
        frontend::sourceLength(model.definition, request.seq, request.sourceSeq));
    manifest.set_source_vocab_size(frontend::Dimensions(encoder).vocab);
    if (input.has_start_id())
      manifest.set_decoder_start_id(input.start_id());
    if (input.has_padding_id())
      manifest.set_decoder_padding_id(input.padding_id());
  }
  manifest.set_positions_from_mask(model.definition.positions().learned().from_mask());
  manifest.set_dropout(frontend::largestDropout(model.definition));
  for (const frontend::ParameterSpec &spec : model.parameters)
    addParameter(spec, manifest);
  for (const frontend::ModelFile &file : model.files) {
    proto::EmbeddedFile &embedded = *manifest.add_files();
    embedded.set_name(file.name);
    embedded.set_content(file.content);
  }
  manifest.mutable_ignored_tensors()->Add(model.ignoredTensors.begin(), model.ignoredTensors.end());
}

/// A module from text says only what its functions' arguments are.
void describeModule(ModuleOp module, proto::Manifest &manifest) {
  std::set<std::string> seen;
  module.walk([&](func::FuncOp function) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      std::string name = ir::argumentName(function, i).str();
      if (ir::argumentKind(function, i) != ir::kKindParam || !seen.insert(name).second)
        continue;
      frontend::ParameterSpec spec;
      spec.name = name;
      spec.shape = cast<RankedTensorType>(function.getArgument(i).getType()).getShape().vec();
      if (spec.shape.size() > 1)
        spec.initializer = {frontend::Initializer::Kind::normal, 0.02};
      addParameter(spec, manifest);
    }
  });
}

} // namespace

runtime::InputRules inputRules(const frontend::Model &model) {
  const frontend::proto::DecoderInput &input = model.definition.decoder_input();
  runtime::InputRules rules{model.shiftLabels, model.definition.has_encoder(), {}, {}};
  if (input.has_start_id())
    rules.decoderStart = input.start_id();
  if (input.has_padding_id())
    rules.decoderPadding = input.padding_id();
  return rules;
}

proto::Manifest makeManifest(ModuleOp module, const frontend::Model *model,
                             const std::string &origin, const CompileRequest &request) {
  proto::Manifest manifest;
  manifest.set_format_version(runtime::kExecutableFormat);
  manifest.set_compiler_version(kCompilerVersion);
  manifest.set_target(request.target.name());
  for (const std::string &feature : request.target.requiredFeatures())
    manifest.add_cpu_features(feature);
  manifest.set_dtype("f32");
  manifest.set_batch(request.batch);
  manifest.set_seq(request.seq);
  if (model) {
    describeModel(*model, request, manifest);
  } else {
    manifest.set_model_name(origin);
    describeModule(module, manifest);
  }
  return manifest;
}

} // namespace heddle::tools
