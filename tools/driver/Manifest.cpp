// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Manifest.h"

#include <set>

#include "frontend/Adapters.h"
#include "frontend/Dimensions.h"
#include "frontend/Frozen.h"
#include "frontend/Model.h"
#include "frontend/PatchGrid.h"
#include "frontend/Stacks.h"
#include "ir/Conventions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/Version.h"
#include "runtime/plan/Executable.h"
#include "runtime/train/Objective.h"

using namespace mlir;

namespace heddle::tools {
namespace {

namespace proto = runtime::proto;

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
  case frontend::Initializer::Kind::constant:
    to.set_kind(proto::Initializer::CONSTANT);
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
  parameter.set_of_adapter(spec.ofAdapter);
  parameter.mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
  parameter.mutable_aliases()->Add(spec.aliases.begin(), spec.aliases.end());
}

/// A and B follow each other.
void describeAdapters(const frontend::Model &model, proto::Manifest &manifest) {
  const frontend::proto::LowRankAdapters &adapters = model.definition.adapters();
  const frontend::ParameterSpec *a = nullptr;
  for (const frontend::ParameterSpec &spec : model.parameters) {
    if (!spec.ofAdapter)
      continue;
    if (!a) {
      a = &spec;
      continue;
    }
    proto::LowRankAdapter &adapter = *manifest.add_adapters();
    adapter.set_weight(frontend::weightOfAdapter(spec));
    adapter.set_a(a->name);
    adapter.set_b(spec.name);
    adapter.set_scale(adapters.alpha() / static_cast<double>(adapters.rank()));
    adapter.set_transposed(model.definition.weight_layout() == frontend::proto::IN_OUT);
    a = nullptr;
  }
  manifest.set_adapter_config(frontend::adapterConfig(model));
  manifest.set_lora(frontend::printAdapters(adapters));
  manifest.set_merge_adapters(adapters.merged());
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
  *manifest.mutable_task() = taskOf(model);
  manifest.set_label_smoothing(model.definition.loss().label_smoothing());
  manifest.set_dropout(frontend::largestDropout(model.definition));
  for (const frontend::ParameterSpec &spec : model.parameters) {
    addParameter(spec, manifest);
    if (frontend::isFrozen(model.definition, spec))
      manifest.mutable_parameters()->rbegin()->set_frozen(true);
  }
  *manifest.mutable_frozen() = model.definition.frozen();
  if (model.definition.has_adapters())
    describeAdapters(model, manifest);
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

proto::Task taskOf(const frontend::Model &model) {
  proto::Task task;
  using frontend::proto::Head;
  using frontend::proto::Loss;
  const Head &head = model.definition.head();
  runtime::Objective objective = runtime::Objective::None;
  switch (head.kind()) {
  case Head::LANGUAGE_MODEL:
    objective = model.definition.has_encoder() ? runtime::Objective::SequenceToSequence
                : model.shiftLabels            ? runtime::Objective::CausalLm
                : head.next_sentence()         ? runtime::Objective::NextSentence
                                               : runtime::Objective::MaskedLm;
    break;
  case Head::SEQUENCE_CLASSES: {
    const Loss::Kind loss = frontend::lossKind(model.definition);
    objective = frontend::readsImages(model.definition) ? runtime::Objective::Images
                                                        : runtime::Objective::Classification;
    task.set_labels(loss == Loss::MEAN_SQUARED_ERROR     ? proto::Task::NUMBERS
                    : loss == Loss::BINARY_CROSS_ENTROPY ? proto::Task::SEVERAL_CLASSES
                                                         : proto::Task::CLASS);
    break;
  }
  case Head::TOKEN_CLASSES:
    objective = runtime::Objective::Classification;
    task.set_labels(proto::Task::TOKEN_CLASSES);
    break;
  case Head::SPAN:
    objective = runtime::Objective::Classification;
    task.set_labels(proto::Task::SPAN);
    break;
  case Head::EMBEDDING:
    objective = runtime::Objective::Contrastive;
    break;
  case Head::NOISE:
    objective = runtime::Objective::Denoising;
    break;
  default:
    break;
  }
  if (model.definition.decoder_input().has_start_id())
    task.set_decoder_start(model.definition.decoder_input().start_id());
  task.set_objective(runtime::objectiveName(objective));
  // A denoiser is told what is in an image.
  task.set_classes(head.kind() == Head::NOISE ? model.definition.condition().classes().count()
                                              : head.classes());
  return task;
}

proto::Manifest makeManifest(ModuleOp module, const frontend::Model *model,
                             const std::string &origin, const CompileRequest &request) {
  proto::Manifest manifest;
  manifest.set_format_version(runtime::kExecutableFormat);
  manifest.set_compiler_version(kVersion);
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
