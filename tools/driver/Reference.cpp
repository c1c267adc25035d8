// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Reference.h"

#include <cstdio>

#include "ir/Conventions.h"
#include "ir/InputFacts.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/FiniteScan.h"
#include "runtime/plan/Positions.h"
#include "runtime/plan/PreparedEntry.h"
#include "runtime/plan/Session.h"
#include "tools/driver/Manifest.h"
#include "tools/driver/Values.h"

using namespace mlir;

namespace heddle::tools {
namespace {

/// 0, 1, ... for every row, or what the tokens say that are no padding.
Status fillPositions(std::optional<int64_t> padding, const runtime::TensorMap &inputs,
                     ir::Tensor &value) {
  const int64_t inner = value.shape.empty() ? 1 : value.shape.back();
  for (int64_t i = 0; i < value.elements(); ++i)
    value.ints[i] = i % inner;
  auto ids = inputs.find("input_ids");
  if (!padding || ids == inputs.end())
    return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(runtime::Tensor tokens,
                          runtime::convertTensor(ids->second, DType::I32, "input_ids"));
  if (tokens.elements() != value.elements())
    return absl::OkStatus(); // an error of its own
  std::vector<int32_t> positions = runtime::tokenPositions(tokens.as<int32_t>(), tokens.elements(),
                                                           inner, static_cast<int32_t>(*padding));
  value.ints.assign(positions.begin(), positions.end());
  return absl::OkStatus();
}

/// The inputs of `--inputs` as the entry takes them, defaults filled in.
StatusOr<ir::TensorRef> argumentValue(func::FuncOp function, unsigned index,
                                      const runtime::TensorMap &inputs, runtime::Session &session) {
  std::string name = ir::argumentName(function, index).str();
  auto type = cast<RankedTensorType>(function.getArgument(index).getType());
  if (ir::argumentKind(function, index) == ir::kKindParam) {
    const runtime::StoredTensor *stored = session.find(name);
    if (!stored)
      return absl::InternalError("no parameter " + name);
    return toReference({stored->dtype,
                        stored->shape,
                        {static_cast<const char *>(stored->data()), stored->bytes()}});
  }
  if (auto given = inputs.find(name); given != inputs.end()) { // which checkInputs() has been over
    HEDDLE_ASSIGN_OR_RETURN(ir::TensorRef value, toReference(given->second));
    auto typed = std::make_shared<ir::Tensor>(*value);
    HEDDLE_ASSIGN_OR_RETURN(typed->kind, ir::elementKindOf(type.getElementType()));
    return ir::TensorRef(typed);
  }
  ir::Tensor value = ir::Tensor::zeros(ir::ElementKind::i32, type.getShape().vec());
  if (name == "position_ids") {
    HEDDLE_RETURN_IF_ERROR(
        fillPositions(ir::inputFact(function, index, ir::kPaddingAttr), inputs, value));
  } else if (name == "attention_mask" || name == "decoder_attention_mask") {
    std::fill(value.ints.begin(), value.ints.end(), 1);
  } else if (name != "token_type_ids") { // which are zeros
    return invalidInput("input ", name, ": missing");
  }
  return ir::TensorRef(std::make_shared<ir::Tensor>(std::move(value)));
}

/// What the compiled model would say of the inputs: the interpreter knows no vocabularies, and
/// takes any number for any other.
Status checkInputs(func::FuncOp function, const runtime::TensorMap &inputs,
                   runtime::Session &session) {
  HEDDLE_ASSIGN_OR_RETURN(runtime::PreparedEntry * entry,
                          session.prepare(function.getName().str()));
  for (const auto &[name, value] : inputs)
    if (entry->argument(name) || !runtime::isTarget(name)) // which a forward pass leaves alone
      HEDDLE_RETURN_IF_ERROR(entry->setInput(name, value));
  return absl::OkStatus();
}

bool takesTargets(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (runtime::isTarget(ir::argumentName(function, i).str()))
      return true;
  return false;
}

} // namespace

StatusOr<int> runReference(const Source &source, CompileRequest request,
                           const runtime::RunFlags &flags) {
  runtime::FileLayer &files = runtime::FileLayer::system();
  HEDDLE_ASSIGN_OR_RETURN(
      runtime::TensorMap inputs,
      runtime::readRunInputs(files, flags.inputs,
                             source.model ? inputRules(*source.model) : runtime::InputRules()));
  if (auto mask = inputs.find("attention_mask");
      source.model && source.model->definition.positions().learned().from_mask() &&
      mask != inputs.end() && !inputs.count("position_ids")) {
    HEDDLE_ASSIGN_OR_RETURN(inputs["position_ids"], runtime::positionsFromMask(mask->second));
  }
  HEDDLE_ASSIGN_OR_RETURN(Compilation compilation, startCompilation(source, request));
  HEDDLE_RETURN_IF_ERROR(compilation.runTo(flags.entry == "grad" ? "differentiated" : "builder"));
  // Weights come through a session of the compiled model, so that both backends read the same.
  HEDDLE_ASSIGN_OR_RETURN(Compilation again, startCompilation(source, request));
  HEDDLE_ASSIGN_OR_RETURN(runtime::proto::Executable compiled, again.finish());
  HEDDLE_ASSIGN_OR_RETURN(runtime::SharedExecutable executable,
                          runtime::Executable::create(std::move(compiled), source.path));
  HEDDLE_ASSIGN_OR_RETURN(auto session, runtime::openSession(executable, flags, flags.entry));
  HEDDLE_RETURN_IF_ERROR(runtime::loadWeights(files, *session, flags, flags.seed).status());

  std::vector<runtime::Tensor> outputs;
  std::vector<runtime::TensorToWrite> tensors;
  std::vector<std::string> names;
  for (const std::string &entry : request.entries) {
    auto function = compilation.module().lookupSymbol<func::FuncOp>(entry);
    if (!function || (entry != flags.entry && !(entry == "loss" && (runtime::hasTargets(inputs) ||
                                                                    !takesTargets(function)))))
      continue;
    HEDDLE_RETURN_IF_ERROR(withContext(checkInputs(function, inputs, *session), flags.inputs));
    std::vector<ir::TensorRef> arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      HEDDLE_ASSIGN_OR_RETURN(ir::TensorRef value, argumentValue(function, i, inputs, *session));
      arguments.push_back(std::move(value));
    }
    HEDDLE_ASSIGN_OR_RETURN(std::vector<ir::TensorRef> results, ir::evaluate(function, arguments));
    for (auto [i, result] : llvm::enumerate(results)) {
      outputs.push_back(runtime::Tensor::of(DType::F64, result->shape, result->floats));
      names.push_back(ir::resultName(function, i).str());
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i)
    tensors.push_back(runtime::tensorFromMemory(names[i], outputs[i].dtype, outputs[i].shape,
                                                outputs[i].bytes.data()));
  HEDDLE_RETURN_IF_ERROR(runtime::writeSafetensorsFile(files, flags.outputs, std::move(tensors)));
  for (size_t i = 0; i < outputs.size(); ++i)
    std::printf("%s F64 %s\n", names[i].c_str(), runtime::shapeText(outputs[i].shape).c_str());
  for (size_t i = 0; i < outputs.size(); ++i)
    if (auto found =
            runtime::firstNonFinite(DType::F64, outputs[i].bytes.data(), outputs[i].elements()))
      return absl::FailedPreconditionError(
          absl::StrCat("output ", names[i], ": ",
                       runtime::describe(*found, outputs[i].shape, outputs[i].elements())));
  return 0;
}

} // namespace heddle::tools
