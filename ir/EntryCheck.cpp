// SPDX-License-Identifier: Apache-2.0
#include "ir/EntryCheck.h"

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace heddle::ir {
namespace {

bool isSupportedElement(Type type) {
  return type.isF32() || type.isF64() || type.isBF16() || type.isF16() || type.isInteger(1) ||
         type.isInteger(32) || type.isInteger(64);
}

LogicalResult checkString(func::FuncOp function, Attribute attribute, StringRef key,
                          const Twine &of) {
  if (!attribute || isa<StringAttr>(attribute))
    return success();
  return function.emitError(of) << " has " << key << " = " << attribute << ", expected a string";
}

LogicalResult checkKind(func::FuncOp function, StringRef kind, ArrayRef<StringRef> known,
                        const Twine &of) {
  if (kind.empty() || llvm::is_contained(known, kind))
    return success();
  return function.emitError(of) << " has " << kKindAttr << " = \"" << kind << "\", expected one of "
                                << llvm::join(known, ", ");
}

LogicalResult checkName(func::FuncOp function, StringRef name, llvm::StringSet<> &seen,
                        const Twine &of) {
  if (name.contains('\0'))
    return function.emitError(of) << " has a zero byte in its name";
  if (!name.empty() && !seen.insert(name).second)
    return function.emitError(of) << " has the name '" << name << "' of another";
  return success();
}

LogicalResult checkType(func::FuncOp function, Type type, const Twine &of) {
  if (isSupportedTensor(type))
    return success();
  return function.emitError(of) << " has type " << type
                                << ", expected a statically shaped, non-empty tensor of numbers";
}

LogicalResult checkArguments(func::FuncOp function) {
  llvm::StringSet<> seen;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    std::string of = "argument " + std::to_string(i);
    if (failed(checkString(function, function.getArgAttr(i, kKindAttr), kKindAttr, of)) ||
        failed(checkString(function, function.getArgAttr(i, kNameAttr), kNameAttr, of)) ||
        failed(checkKind(function, argumentKind(function, i),
                         {kKindParam, kKindState, kKindInput, kKindScalar, kKindRng}, of)) ||
        failed(checkName(function, argumentName(function, i), seen, of)) ||
        failed(checkType(function, function.getArgumentTypes()[i], of)))
      return failure();
  }
  return success();
}

LogicalResult checkResults(func::FuncOp function) {
  llvm::StringSet<> seen;
  llvm::StringMap<Type> types; // of the arguments: a training step has some hundreds
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    types.try_emplace(argumentName(function, i), function.getArgumentTypes()[i]);
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    std::string of = "result " + std::to_string(i);
    StringRef kind = resultKind(function, i), name = resultName(function, i);
    Type type = function.getResultTypes()[i];
    if (failed(checkString(function, function.getResultAttr(i, kKindAttr), kKindAttr, of)) ||
        failed(checkString(function, function.getResultAttr(i, kNameAttr), kNameAttr, of)) ||
        failed(checkKind(function, kind, {kKindOutput, kKindParam, kKindState}, of)) ||
        failed(checkName(function, name, seen, of)) || failed(checkType(function, type, of)))
      return failure();
    if (name.empty() || (kind != kKindParam && kind != kKindState))
      continue;
    if (auto old = types.find(name); old != types.end() && old->second != type)
      return function.emitError(of) << " is the new value of '" << name << "' and has type " << type
                                    << ", the argument has " << old->second;
  }
  return success();
}

LogicalResult checkBody(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitError("has more than one block");
  for (Operation &op : function.getBody().front().without_terminator())
    if (!isa_and_nonnull<HeddleDialect>(op.getDialect()))
      return op.emitOpError("is not of the heddle dialect");
  return success();
}

} // namespace

bool isSupportedTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && isSupportedShape(tensor) &&
         isSupportedElement(tensor.getElementType());
}

LogicalResult checkEntry(func::FuncOp function) {
  if (failed(checkArguments(function)) || failed(checkResults(function)))
    return failure();
  return function.isExternal() ? success() : checkBody(function);
}

LogicalResult checkEntries(ModuleOp module) {
  if (module.getBody()->empty())
    return module.emitError("has no functions");
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      return op.emitOpError("is no function");
    if (function.isExternal())
      return function.emitError("has no body");
    if (failed(checkEntry(function)))
      return failure();
  }
  return success();
}

} // namespace heddle::ir
