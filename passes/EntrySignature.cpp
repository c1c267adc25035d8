// SPDX-License-Identifier: Apache-2.0
#include "passes/EntrySignature.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

DictionaryAttr attributes(MLIRContext *context, StringRef kind, StringRef name) {
  Builder builder(context);
  return builder.getDictionaryAttr({builder.getNamedAttr(kKindAttr, builder.getStringAttr(kind)),
                                    builder.getNamedAttr(kNameAttr, builder.getStringAttr(name))});
}

BlockArgument insertArgument(func::FuncOp function, unsigned index, RankedTensorType type,
                             StringRef kind, StringRef name) {
  MLIRContext *context = function.getContext();
  Location loc = NameLoc::get(StringAttr::get(context, name));
  LogicalResult inserted =
      function.insertArgument(index, type, attributes(context, kind, name), loc);
  assert(succeeded(inserted) && "a function type always takes one more argument");
  (void)inserted;
  return function.getArgument(index);
}

} // namespace

BlockArgument insertState(func::FuncOp function, RankedTensorType type, StringRef name) {
  unsigned index = function.getNumArguments();
  while (index > 0 && argumentKind(function, index - 1) != kKindParam &&
         argumentKind(function, index - 1) != kKindState)
    --index;
  return insertArgument(function, index, type, kKindState, name);
}

BlockArgument insertScalar(func::FuncOp function, RankedTensorType type, StringRef name) {
  unsigned index = function.getNumArguments();
  while (index > 0 && argumentKind(function, index - 1) == kKindRng)
    --index;
  return insertArgument(function, index, type, kKindScalar, name);
}

void EntryResults::add(Value value, StringRef kind, StringRef name) {
  values_.push_back(value);
  attributes_.push_back(attributes(function_.getContext(), kind, name));
}

void EntryResults::finish() {
  function_.getBody().front().getTerminator()->setOperands(values_);
  function_.setFunctionType(FunctionType::get(function_.getContext(),
                                              function_.getFunctionType().getInputs(),
                                              TypeRange(ValueRange(values_))));
  function_.setAllResultAttrs(attributes_);
}

} // namespace heddle::passes
