// SPDX-License-Identifier: Apache-2.0
#include "ir/Conventions.h"

using namespace mlir;

namespace heddle::ir {
namespace {

StringRef textOf(Attribute attribute) {
  auto text = dyn_cast_or_null<StringAttr>(attribute);
  return text ? text.getValue() : StringRef();
}

} // namespace

StringRef argumentKind(func::FuncOp function, unsigned index) {
  return textOf(function.getArgAttr(index, kKindAttr));
}
StringRef argumentName(func::FuncOp function, unsigned index) {
  return textOf(function.getArgAttr(index, kNameAttr));
}
StringRef resultKind(func::FuncOp function, unsigned index) {
  return textOf(function.getResultAttr(index, kKindAttr));
}
StringRef resultName(func::FuncOp function, unsigned index) {
  return textOf(function.getResultAttr(index, kNameAttr));
}

bool isTrainable(func::FuncOp function, unsigned index) {
  return argumentKind(function, index) == kKindParam && !function.getArgAttr(index, kFrozenAttr);
}

void setArgumentNames(func::FuncOp function, unsigned index, StringRef kind, StringRef name) {
  MLIRContext *context = function.getContext();
  function.setArgAttr(index, kKindAttr, StringAttr::get(context, kind));
  function.setArgAttr(index, kNameAttr, StringAttr::get(context, name));
}
void setResultNames(func::FuncOp function, unsigned index, StringRef kind, StringRef name) {
  MLIRContext *context = function.getContext();
  function.setResultAttr(index, kKindAttr, StringAttr::get(context, kind));
  function.setResultAttr(index, kNameAttr, StringAttr::get(context, name));
}

std::vector<std::string> nameTheNameless(func::FuncOp function) {
  std::vector<std::string> given;
  auto firstFree = [](StringRef stem, unsigned index, auto isTaken) {
    std::string name = (stem + Twine(index)).str();
    while (isTaken(name))
      name += "_";
    return name;
  };
  auto orElse = [](StringRef kind, StringRef usual) { return kind.empty() ? usual : kind; };
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    std::string name = argumentName(function, i).str();
    if (name.empty()) {
      name =
          firstFree("arg", i, [&](StringRef n) { return findArgument(function, n).has_value(); });
      given.push_back("argument " + std::to_string(i) + ": " + name);
    }
    setArgumentNames(function, i, orElse(argumentKind(function, i), kKindInput), name);
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    std::string name = resultName(function, i).str();
    if (name.empty()) {
      name =
          firstFree("result", i, [&](StringRef n) { return findResult(function, n).has_value(); });
      given.push_back("result " + std::to_string(i) + ": " + name);
    }
    setResultNames(function, i, orElse(resultKind(function, i), kKindOutput), name);
  }
  return given;
}

std::optional<unsigned> findArgument(func::FuncOp function, StringRef name) {
  for (unsigned index = 0; index < function.getNumArguments(); ++index)
    if (argumentName(function, index) == name)
      return index;
  return std::nullopt;
}
std::optional<unsigned> findResult(func::FuncOp function, StringRef name) {
  for (unsigned index = 0; index < function.getNumResults(); ++index)
    if (resultName(function, index) == name)
      return index;
  return std::nullopt;
}

} // namespace heddle::ir
