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

/// Sets the function's type by what its return has now.
void returnOnly(func::FuncOp function, ArrayRef<unsigned> kept) {
  Operation *terminator = function.getBody().front().getTerminator();
  SmallVector<Value> values;
  SmallVector<DictionaryAttr> attributes;
  for (unsigned index : kept) {
    values.push_back(terminator->getOperand(index));
    attributes.push_back(
        DictionaryAttr::get(function.getContext(), function.getResultAttrs(index)));
  }
  terminator->setOperands(values);
  function.setFunctionType(FunctionType::get(function.getContext(),
                                             function.getFunctionType().getInputs(),
                                             TypeRange(ValueRange(values))));
  function.setAllResultAttrs(attributes);
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
  SmallVector<func::FuncOp> functions = definedFunctions(module);
  if (index >= functions.size() || functions[index].isExternal() ||
      !functions[index].getBody().hasOneBlock() || first >= functions[index].getNumResults())
    return false;
  SmallVector<unsigned> kept;
  for (unsigned i = 0; i < functions[index].getNumResults(); ++i)
    if (i < first || i >= first + count)
      kept.push_back(i);
  returnOnly(functions[index], kept);
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
