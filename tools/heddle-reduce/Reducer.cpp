// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle-reduce/Reducer.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "tools/heddle-reduce/Edits.h"

using namespace mlir;

namespace heddle::tools {

Reducer::Reducer(OwningOpRef<ModuleOp> module, std::string footer, Oracle &oracle, int maxRuns)
    : module_(std::move(module)), footer_(std::move(footer)), oracle_(oracle), maxRuns_(maxRuns),
      best_(print(*module_)) {}

std::string Reducer::print(ModuleOp module) const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(locations_, /*prettyForm=*/false));
  stream << footer_;
  return text;
}

size_t Reducer::opCount() { return reducibleOps(*module_).size(); }

StatusOr<bool> Reducer::take(OwningOpRef<ModuleOp> candidate) {
  if (failed(verify(*candidate)))
    return false;
  std::string text = print(*candidate);
  if (text == best_)
    return false;
  HEDDLE_ASSIGN_OR_RETURN(bool holds, oracle_.holds(text));
  if (!holds)
    return false;
  module_ = std::move(candidate);
  best_ = std::move(text);
  progress_ = true;
  return true;
}

StatusOr<bool> Reducer::attempt(const Edit &edit) {
  if (exhausted())
    return false;
  OwningOpRef<ModuleOp> candidate = module_->clone();
  if (!edit(*candidate))
    return false;
  return take(std::move(candidate));
}

Status Reducer::attemptChunks(const std::function<size_t()> &size,
                              const std::function<bool(ModuleOp, size_t, size_t)> &edit) {
  for (size_t count = std::max<size_t>(size(), 1);; count = (count + 1) / 2) {
    for (size_t end = size(); end > 0 && !exhausted();) {
      size_t first = end > count ? end - count : 0;
      HEDDLE_ASSIGN_OR_RETURN(
          bool taken, attempt([&](ModuleOp module) { return edit(module, first, end - first); }));
      // Others may have gone with these, so the place is looked up again.
      end = taken ? std::min(first, size()) : first;
    }
    if (count == 1)
      return absl::OkStatus();
  }
}

Status Reducer::dropFunctions() {
  for (size_t index = std::distance(module_->getOps<func::FuncOp>().begin(),
                                    module_->getOps<func::FuncOp>().end());
       index-- > 0;)
    HEDDLE_RETURN_IF_ERROR(
        attempt([&](ModuleOp module) { return dropFunction(module, index); }).status());
  return absl::OkStatus();
}

Status Reducer::dropAllResults() {
  auto functions = [&] { return llvm::to_vector(module_->getOps<func::FuncOp>()); };
  for (size_t index = 0; index < functions().size(); ++index)
    HEDDLE_RETURN_IF_ERROR(attemptChunks([&] { return size_t{functions()[index].getNumResults()}; },
                                         [&](ModuleOp module, size_t first, size_t count) {
                                           return dropResults(module, index, first, count);
                                         }));
  return absl::OkStatus();
}

Status Reducer::peelResults() {
  auto functions = [&] { return llvm::to_vector(module_->getOps<func::FuncOp>()); };
  for (size_t index = 0; index < functions().size(); ++index)
    for (size_t result = 0; result < functions()[index].getNumResults() && !exhausted();) {
      HEDDLE_ASSIGN_OR_RETURN(
          bool taken, attempt([&](ModuleOp module) { return peelResult(module, index, result); }));
      result += taken ? 0 : 1;
    }
  return absl::OkStatus();
}

Status Reducer::dropLocations() {
  locations_ = false;
  std::string text = print(*module_);
  HEDDLE_ASSIGN_OR_RETURN(bool holds, oracle_.holds(text));
  if (holds)
    best_ = std::move(text);
  locations_ = !holds;
  return absl::OkStatus();
}

Status Reducer::simplifyOps() {
  for (size_t index = opCount(); index-- > 0 && !exhausted();) {
    HEDDLE_RETURN_IF_ERROR(
        attempt([&](ModuleOp module) { return inlineKernel(module, index); }).status());
    if (index >= opCount())
      continue;
    for (size_t operand = 0; operand < reducibleOps(*module_)[index]->getNumOperands(); ++operand) {
      HEDDLE_ASSIGN_OR_RETURN(
          bool taken, attempt([&](ModuleOp module) { return bypassOp(module, index, operand); }));
      if (taken)
        break;
    }
  }
  return absl::OkStatus();
}

Status Reducer::shrinkShapes() {
  for (int64_t size : axisSizes(best_))
    for (int64_t smaller : {int64_t{1}, int64_t{2}, int64_t{3}, size / 8, size / 2}) {
      std::optional<std::string> text =
          smaller >= 1 && smaller < size ? shrinkAxis(best_, size, smaller) : std::nullopt;
      if (!text || exhausted())
        continue;
      // Most such texts do not fit together: no reason to say so.
      ScopedDiagnosticHandler quiet(module_->getContext(), [](Diagnostic &) { return success(); });
      OwningOpRef<ModuleOp> candidate = parseSourceString<ModuleOp>(*text, module_->getContext());
      if (!candidate)
        continue;
      HEDDLE_ASSIGN_OR_RETURN(bool taken, take(std::move(candidate)));
      if (taken)
        break;
    }
  return absl::OkStatus();
}

Status Reducer::run() {
  ScopedDiagnosticHandler quiet(module_->getContext(), [](Diagnostic &) { return success(); });
  HEDDLE_RETURN_IF_ERROR(dropLocations());
  do {
    progress_ = false;
    HEDDLE_RETURN_IF_ERROR(dropFunctions());
    HEDDLE_RETURN_IF_ERROR(dropAllResults());
    HEDDLE_RETURN_IF_ERROR(attemptChunks([&] { return opCount(); }, cutOps));
    HEDDLE_RETURN_IF_ERROR(peelResults());
    HEDDLE_RETURN_IF_ERROR(simplifyOps());
    HEDDLE_RETURN_IF_ERROR(attempt([](ModuleOp module) {
                             dropUnused(module);
                             return true;
                           }).status());
    HEDDLE_RETURN_IF_ERROR(attempt(dropNotes).status());
    HEDDLE_RETURN_IF_ERROR(shrinkShapes());
  } while (progress_ && !exhausted());
  return absl::OkStatus();
}

} // namespace heddle::tools
