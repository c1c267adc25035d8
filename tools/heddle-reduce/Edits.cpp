// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle-reduce/Edits.h"

#include "ir/Dialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace heddle::tools {
namespace {

SmallVector<func::FuncOp> definedFunctions(ModuleOp module) {
  return llvm::to_vector(module.getOps<func::FuncOp>());
}

Value newArgument(func::FuncOp function, Type type, Location loc) {
  unsigned index = function.getNumArguments();
  return succeeded(function.insertArgument(index, type, DictionaryAttr(), loc))
             ? Value(function.getArgument(index))
             : Value();
}

/// A value that stands for `value` where its op goes: an argument of the function, handed on to the
/// kernel when the op is in a kernel's body. Null where the op is in neither.
Value replacementFor(Value value) {
  Operation *op = value.getDefiningOp();
  auto function = op->getParentOfType<func::FuncOp>();
  if (!function)
    return {};
  auto kernel = dyn_cast<ir::KernelOp>(op->getParentOp());
  if (!kernel && op->getParentOp() != function)
    return {};
  Value argument = newArgument(function, value.getType(), value.getLoc());
  if (!kernel || !argument)
    return argument;
  kernel->insertOperands(kernel->getNumOperands(), argument);
  return kernel.getBody().front().addArgument(value.getType(), value.getLoc());
}

/// One result of a function, with its attributes.
struct Result {
  Value value;
  DictionaryAttr attributes;
};

SmallVector<Result> resultsOf(func::FuncOp function) {
  SmallVector<Result> results;
  Operation *terminator = function.getBody().front().getTerminator();
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    results.push_back({terminator->getOperand(i),
                       DictionaryAttr::get(function.getContext(), function.getResultAttrs(i))});
  return results;
}

void setResults(func::FuncOp function, ArrayRef<Result> results) {
  SmallVector<Value> values;
  SmallVector<DictionaryAttr> attributes;
  for (const Result &result : results) {
    values.push_back(result.value);
    attributes.push_back(result.attributes);
  }
  function.getBody().front().getTerminator()->setOperands(values);
  function.setFunctionType(FunctionType::get(function.getContext(),
                                             function.getFunctionType().getInputs(),
                                             TypeRange(ValueRange(values))));
  function.setAllResultAttrs(attributes);
}

/// The function whose results can be edited; null where there is none.
func::FuncOp editable(ModuleOp module, size_t index) {
  SmallVector<func::FuncOp> functions = definedFunctions(module);
  if (index >= functions.size() || functions[index].isExternal() ||
      !functions[index].getBody().hasOneBlock())
    return {};
  return functions[index];
}

} // namespace

std::vector<Operation *> reducibleOps(ModuleOp module) {
  std::vector<Operation *> ops;
  for (func::FuncOp function : definedFunctions(module))
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op != function && !op->hasTrait<OpTrait::IsTerminator>())
        ops.push_back(op);
    });
  return ops;
}

bool cutOps(ModuleOp module, size_t first, size_t count) {
  std::vector<Operation *> ops = reducibleOps(module);
  if (first >= ops.size())
    return false;
  llvm::SetVector<Operation *> cut(ops.begin() + first,
                                   ops.begin() + std::min(first + count, ops.size()));
  auto goesAnyway = [&](Operation *op) {
    for (; op; op = op->getParentOp())
      if (cut.contains(op))
        return true;
    return false;
  };
  for (Operation *op : cut)
    for (Value result : op->getResults()) {
      auto stays = [&](OpOperand &use) { return !goesAnyway(use.getOwner()); };
      if (goesAnyway(op->getParentOp()) || llvm::none_of(result.getUses(), stays))
        continue;
      Value replacement = replacementFor(result);
      if (!replacement)
        return false;
      result.replaceUsesWithIf(replacement, stays);
    }
  for (Operation *op : cut)
    op->dropAllReferences();
  SmallVector<Operation *> outermost;
  for (Operation *op : cut)
    if (!goesAnyway(op->getParentOp()))
      outermost.push_back(op);
  for (Operation *op : outermost) {
    op->dropAllUses();
    op->erase();
  }
  dropUnused(module);
  return true;
}

bool bypassOp(ModuleOp module, size_t index, size_t operand) {
  std::vector<Operation *> ops = reducibleOps(module);
  if (index >= ops.size() || operand >= ops[index]->getNumOperands())
    return false;
  Operation *op = ops[index];
  Value from = op->getOperand(operand);
  bool replaced = false;
  for (Value result : op->getResults())
    if (result.getType() == from.getType() && !result.use_empty()) {
      result.replaceAllUsesWith(from);
      replaced = true;
    }
  if (replaced)
    dropUnused(module);
  return replaced;
}

bool inlineKernel(ModuleOp module, size_t index) {
  std::vector<Operation *> ops = reducibleOps(module);
  auto kernel = index < ops.size() ? dyn_cast<ir::KernelOp>(ops[index]) : ir::KernelOp();
  if (!kernel)
    return false;
  IRMapping mapping;
  mapping.map(kernel.getBody().getArguments(), kernel.getInputs());
  OpBuilder builder(kernel);
  Block &body = kernel.getBody().front();
  for (Operation &op : body.without_terminator())
    builder.clone(op, mapping);
  for (auto [result, yielded] :
       llvm::zip_equal(kernel.getResults(), body.getTerminator()->getOperands()))
    result.replaceAllUsesWith(mapping.lookupOrDefault(yielded));
  kernel.erase();
  return true;
}

bool dropFunction(ModuleOp module, size_t index) {
  SmallVector<func::FuncOp> functions = definedFunctions(module);
  if (functions.size() < 2 || index >= functions.size())
    return false;
  functions[index].erase();
  return true;
}

bool dropResults(ModuleOp module, size_t index, size_t first, size_t count) {
  func::FuncOp function = editable(module, index);
  if (!function || first >= function.getNumResults())
    return false;
  SmallVector<Result> results = resultsOf(function);
  results.erase(results.begin() + first, results.begin() + std::min(first + count, results.size()));
  setResults(function, results);
  dropUnused(module);
  return true;
}

bool peelResult(ModuleOp module, size_t index, size_t result) {
  func::FuncOp function = editable(module, index);
  if (!function || result >= function.getNumResults())
    return false;
  SmallVector<Result> results = resultsOf(function);
  Operation *last = results[result].value.getDefiningOp();
  if (!last)
    return false;
  results.erase(results.begin() + result);
  for (Value operand : last->getOperands())
    if (operand.getDefiningOp() &&
        llvm::none_of(results, [&](const Result &known) { return known.value == operand; }))
      results.push_back({operand, DictionaryAttr::get(function.getContext())});
  setResults(function, results);
  dropUnused(module);
  return true;
}

void dropUnused(ModuleOp module) {
  // Users come behind what they use, so that one walk backwards sees all that dies.
  std::vector<Operation *> ops = reducibleOps(module);
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op) && op->getRegions().empty())
      op->erase();
  ops = reducibleOps(module);
  for (Operation *op : llvm::reverse(ops)) {
    auto kernel = dyn_cast<ir::KernelOp>(op);
    if (!kernel)
      continue;
    if (isOpTriviallyDead(op)) {
      op->erase();
      continue;
    }
    Block &body = kernel.getBody().front();
    for (unsigned i = body.getNumArguments(); i-- > 0;)
      if (body.getArgument(i).use_empty()) {
        body.eraseArgument(i);
        kernel->eraseOperand(i);
      }
  }
  for (func::FuncOp function : definedFunctions(module))
    for (unsigned i = function.getNumArguments(); !function.isExternal() && i-- > 0;)
      if (function.getArgument(i).use_empty())
        (void)function.eraseArgument(i);
}

bool dropNotes(ModuleOp module) {
  module->walk([](Operation *op) {
    op->setLoc(UnknownLoc::get(op->getContext()));
    if (isa<ir::HeddleDialect>(op->getDialect()))
      op->setDiscardableAttrs(ArrayRef<NamedAttribute>{});
  });
  for (func::FuncOp function : definedFunctions(module)) {
    for (BlockArgument argument : function.getArguments())
      argument.setLoc(UnknownLoc::get(function.getContext()));
    SmallVector<DictionaryAttr> none(function.getNumArguments());
    function.setAllArgAttrs(none);
    none.resize(function.getNumResults());
    function.setAllResultAttrs(none);
  }
  return true;
}

} // namespace heddle::tools
