// SPDX-License-Identifier: Apache-2.0
// Entries, arguments, results and layers. The ops are in GraphOps.cpp.
#include "frontend/GraphBuilder.h"

#include "frontend/GraphState.h"
#include "ir/Conventions.h"
#include "ir/InputFacts.h"
#include "ir/LayerPath.h"
#include "ir/ShapeRules.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace heddle::frontend {
namespace {

constexpr char kRngName[] = "rng";

/// Where in the argument list a kind stands.
int order(llvm::StringRef kind) {
  const llvm::StringRef kinds[] = {ir::kKindParam, ir::kKindState, ir::kKindInput, ir::kKindScalar,
                                   ir::kKindRng};
  return static_cast<int>(llvm::find(kinds, kind) - kinds);
}

} // namespace

Shape Tensor::shape() const {
  if (!value_)
    return {};
  ArrayRef<int64_t> dims = ir::dimsOf(value_);
  return Shape(dims.begin(), dims.end());
}

GraphBuilder::State::State(MLIRContext &context, Element number)
    : context(context), number(number), builder(&context) {
  context.loadDialect<ir::HeddleDialect, func::FuncDialect>();
  module = ModuleOp::create(UnknownLoc::get(&context));
}

void GraphBuilder::State::fail(const std::string &message) {
  if (status.ok())
    status = invalidInput(path().empty() ? "" : path() + ": ", message);
}

std::string GraphBuilder::State::path() const { return llvm::join(layers, "."); }

Location GraphBuilder::State::location() const {
  return layers.empty() ? Location(UnknownLoc::get(&context)) : ir::layerLoc(&context, path());
}

Type GraphBuilder::State::elementType(Element element) const {
  Builder types(&context);
  switch (element) {
  case Element::f32:
    return types.getF32Type();
  case Element::f64:
    return types.getF64Type();
  case Element::bf16:
    return types.getBF16Type();
  case Element::f16:
    return types.getF16Type();
  case Element::i32:
    return types.getI32Type();
  case Element::i64:
    return types.getI64Type();
  case Element::i1:
    return types.getI1Type();
  }
  llvm_unreachable("unknown element");
}

RankedTensorType GraphBuilder::State::tensorType(const Shape &shape, Element element) {
  for (int64_t size : shape)
    if (size < 1) {
      fail("a shape " + ir::formatShape(shape) + " has no elements");
      return {};
    }
  return RankedTensorType::get(shape, elementType(element));
}

Value GraphBuilder::State::argument(llvm::StringRef kind, const std::string &name,
                                    const Shape &shape, Element element,
                                    const std::string &layerPath) {
  RankedTensorType type = tensorType(shape, element);
  if (!type)
    return {};
  if (!entry) {
    fail("argument " + name + " outside of an entry");
    return {};
  }
  size_t index = 0;
  for (; index < arguments.size() && order(arguments[index].kind) <= order(kind); ++index)
    if (arguments[index].name == name)
      break;
  for (const Port &port : arguments)
    if (port.name == name) {
      if (port.kind == kind && port.value.getType() == type)
        return port.value;
      fail("argument " + name + " is declared as " + port.kind.str() + " " +
           ir::formatShape(ir::dimsOf(port.value)) + " and as " + kind.str() + " " +
           ir::formatShape(shape));
      return {};
    }
  Location location =
      layerPath.empty() ? Location(UnknownLoc::get(&context)) : ir::layerLoc(&context, layerPath);
  Value value = entry.getBody().front().insertArgument(index, type, location);
  arguments.insert(arguments.begin() + index, Port{kind, name, value});
  return value;
}

GraphBuilder::State::Port *GraphBuilder::State::find(const std::string &argumentName) {
  for (Port &port : arguments)
    if (port.name == argumentName)
      return &port;
  fail("there is no argument " + argumentName);
  return nullptr;
}

void GraphBuilder::State::result(llvm::StringRef kind, const std::string &name, Tensor tensor) {
  if (!entry)
    return fail("result " + name + " outside of an entry");
  if (!tensor)
    return fail("result " + name + " was never computed");
  for (const Port &port : results)
    if (port.name == name)
      return fail("two results are called " + name);
  results.push_back({kind, name, tensor.value()});
}

GraphBuilder::GraphBuilder(MLIRContext &context, Element number)
    : state_(std::make_unique<State>(context, number)) {}
GraphBuilder::~GraphBuilder() = default;

void GraphBuilder::beginEntry(const std::string &name) {
  State &s = *state_;
  if (s.entry)
    return s.fail("entry " + name + " begins before the entry before it ends");
  if (s.module->lookupSymbol(name))
    return s.fail("two entries are called " + name);
  s.builder.setInsertionPointToEnd(s.module->getBody());
  s.entry = func::FuncOp::create(s.builder, UnknownLoc::get(&s.context), name,
                                 s.builder.getFunctionType({}, {}));
  s.builder.setInsertionPointToStart(s.entry.addEntryBlock());
}

void GraphBuilder::endEntry() {
  State &s = *state_;
  if (!s.entry)
    return s.fail("the end of an entry without a beginning");
  SmallVector<Value> values;
  for (const State::Port &port : s.results)
    values.push_back(port.value);
  func::ReturnOp::create(s.builder, UnknownLoc::get(&s.context), values);
  SmallVector<Type> argumentTypes(s.entry.getBody().front().getArgumentTypes());
  s.entry.setFunctionType(s.builder.getFunctionType(argumentTypes, ValueRange(values).getTypes()));
  for (auto [index, port] : llvm::enumerate(s.arguments)) {
    ir::setArgumentNames(s.entry, index, port.kind, port.name);
    if (port.frozen)
      s.entry.setArgAttr(index, ir::kFrozenAttr, s.builder.getUnitAttr());
    if (port.end)
      ir::setInputFact(s.entry, index, ir::kEndAttr, *port.end);
    if (port.padding)
      ir::setInputFact(s.entry, index, ir::kPaddingAttr, *port.padding);
  }
  for (auto [index, port] : llvm::enumerate(s.results))
    ir::setResultNames(s.entry, index, port.kind, port.name);
  s.entry = {};
  s.arguments.clear();
  s.results.clear();
}

Tensor GraphBuilder::parameter(const ParameterSpec &spec) {
  State &s = *state_;
  auto [known, added] = s.parameterIndex.emplace(spec.name, s.parameters.size());
  if (added) {
    s.parameters.push_back(spec);
    if (spec.layerPath.empty())
      s.parameters.back().layerPath = s.path();
  } else if (s.parameters[known->second].shape != spec.shape) {
    s.fail("parameter " + spec.name + " is declared as " +
           ir::formatShape(s.parameters[known->second].shape) + " and as " +
           ir::formatShape(spec.shape));
    return {};
  }
  const std::string &path = s.parameters[known->second].layerPath;
  return Tensor(*this, s.argument(ir::kKindParam, spec.name, spec.shape, s.number, path));
}

Tensor GraphBuilder::parameter(const std::string &name, Shape shape, Initializer initializer) {
  return parameter(ParameterSpec{name, std::move(shape), initializer, {}, {}});
}

void GraphBuilder::freezeParameter(const std::string &name) {
  if (State::Port *port = state_->find(name))
    port->frozen = true;
}

Tensor GraphBuilder::input(const std::string &name, Shape shape, std::optional<Element> element) {
  return Tensor(
      *this, state_->argument(ir::kKindInput, name, shape, element.value_or(state_->number), ""));
}

void GraphBuilder::limitInput(const std::string &name, int64_t end) {
  if (State::Port *port = state_->find(name))
    port->end = end;
}

void GraphBuilder::setInputPadding(const std::string &name, int64_t id) {
  if (State::Port *port = state_->find(name))
    port->padding = id;
}

Tensor GraphBuilder::state(const std::string &name, Shape shape) {
  return Tensor(*this, state_->argument(ir::kKindState, name, shape, state_->number, ""));
}

Tensor GraphBuilder::scalarInput(const std::string &name) {
  return Tensor(*this, state_->argument(ir::kKindScalar, name, {}, state_->number, ""));
}

Tensor GraphBuilder::rng() {
  return Tensor(*this, state_->argument(ir::kKindRng, kRngName, {3}, Element::i64, ""));
}

void GraphBuilder::output(const std::string &name, Tensor tensor) {
  state_->result(ir::kKindOutput, name, tensor);
}
void GraphBuilder::newState(const std::string &name, Tensor tensor) {
  state_->result(ir::kKindState, name, tensor);
}

StatusOr<OwningOpRef<ModuleOp>> GraphBuilder::finish() {
  State &s = *state_;
  if (s.entry)
    s.fail("the last entry does not end");
  HEDDLE_RETURN_IF_ERROR(s.status);
  std::string messages;
  ScopedDiagnosticHandler collect(&s.context, [&](Diagnostic &diagnostic) {
    messages += (messages.empty() ? "" : "; ") + diagnostic.str();
    return success();
  });
  if (failed(verify(*s.module)))
    return invalidInput(messages);
  return std::move(s.module);
}

const std::vector<ParameterSpec> &GraphBuilder::parameters() const { return state_->parameters; }
std::string GraphBuilder::layerPath() const { return state_->path(); }

LayerScope::LayerScope(GraphBuilder &graph, std::string name) : graph_(graph) {
  graph_.state_->layers.push_back(std::move(name));
}
LayerScope::~LayerScope() { graph_.state_->layers.pop_back(); }

} // namespace heddle::frontend
