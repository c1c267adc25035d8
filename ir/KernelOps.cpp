// SPDX-License-Identifier: Apache-2.0
// The text form and the checks of heddle.kernel:
//
//   %r:2 = heddle.kernel "name" (%a = %x, %b = %y) : (types) -> (types) attributes {...} {
//     ...
//     heddle.yield %p, %q : types
//   }

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs;
  FunctionType type;
  if (parser.parseAttribute(name))
    return failure();
  SMLoc inputsLocation = parser.getCurrentLocation();
  if (parser.parseAssignmentList(arguments, inputs) || parser.parseColonType(type))
    return failure();
  result.getOrAddProperties<Properties>().name = name;
  result.addTypes(type.getResults());
  if (parser.resolveOperands(inputs, type.getInputs(), inputsLocation, result.operands))
    return failure();
  for (auto [argument, inputType] : llvm::zip_equal(arguments, type.getInputs()))
    argument.type = inputType;
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.parseRegion(*result.addRegion(), arguments))
    return failure();
  ensureTerminator(*result.regions.front(), parser.getBuilder(), result.location);
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getNameAttr() << " (";
  llvm::interleaveComma(llvm::zip(getBody().getArguments(), getInputs()), printer, [&](auto pair) {
    printer << std::get<0>(pair) << " = " << std::get<1>(pair);
  });
  printer << ") : ";
  printer.printFunctionalType(getOperation());
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {getNameAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult KernelOp::verify() {
  Block &body = getBody().front();
  if (body.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("has inputs of types ")
           << getInputs().getTypes() << ", its block takes " << body.getArgumentTypes();
  auto yield = cast<YieldOp>(body.getTerminator());
  if (yield.getValues().getTypes() != getOutputs().getTypes())
    return emitOpError("has results of types ")
           << getOutputs().getTypes() << ", its body yields " << yield.getValues().getTypes();
  if (std::optional<ArrayRef<int64_t>> offsets = getOffsets();
      offsets && offsets->size() != getOutputs().size())
    return emitOpError("has ") << offsets->size() << " offsets for " << getOutputs().size()
                               << " results";
  return success();
}
