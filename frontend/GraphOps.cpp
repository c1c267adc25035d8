// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "frontend/GraphState.h"
#include "ir/PaddingId.h"
#include "ir/ShapeRules.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using heddle::ir::dimsOf;
using heddle::ir::elementOf;

namespace heddle::frontend {

/// Makes an op after its shape inference and verifier agree: Op::create alone ends the process
/// where types cannot be inferred.
class OpWriter {
public:
  explicit OpWriter(GraphBuilder &graph) : graph_(graph), state_(*graph.state_) {}

  /// `set` fills in the op's properties; `type` is the result's where the op does not infer it.
  template <typename Op, typename Set>
  Tensor write(ArrayRef<Tensor> operands, Set set, RankedTensorType type = {}) {
    SmallVector<Value> values;
    for (const Tensor &operand : operands) {
      if (!operand)
        return {};
      values.push_back(operand.value());
    }
    if (!state_.entry) {
      state_.fail(Op::getOperationName().str() + " outside of an entry");
      return {};
    }
    Location location = state_.location();
    std::string messages;
    ScopedDiagnosticHandler collect(&state_.context, [&](Diagnostic &diagnostic) {
      messages += (messages.empty() ? "" : "; ") + diagnostic.str();
      return success();
    });
    OperationState description(location, Op::getOperationName());
    auto &properties = description.getOrAddProperties<typename Op::Properties>();
    set(properties);
    SmallVector<Type> types;
    if constexpr (Op::template hasTrait<InferTypeOpInterface::Trait>()) {
      if (failed(Op::inferReturnTypes(&state_.context, location, values, DictionaryAttr(),
                                      OpaqueProperties(&properties), RegionRange(), types))) {
        state_.fail(messages);
        return {};
      }
    } else {
      types.push_back(type);
    }
    description.addOperands(values);
    description.addTypes(types);
    Operation *op = state_.builder.create(description);
    if (failed(verify(op))) {
      op->erase();
      state_.fail(messages);
      return {};
    }
    return Tensor(graph_, op->getResult(0));
  }
  template <typename Op> Tensor write(ArrayRef<Tensor> operands, RankedTensorType type = {}) {
    return write<Op>(operands, [](auto &) {}, type);
  }

  Tensor constant(RankedTensorType type, ArrayRef<Attribute> values) {
    auto elements = DenseElementsAttr::get(type, values);
    return write<ir::ConstantOp>({}, [&](auto &properties) { properties.setValue(elements); });
  }

  Builder &attributes() { return state_.builder; }
  GraphBuilder::State &state() { return state_; }

private:
  GraphBuilder &graph_;
  GraphBuilder::State &state_;
};

namespace {

RankedTensorType typeLike(Tensor x, Type element) {
  return x ? ir::tensorOf(x.value()).clone(element) : RankedTensorType();
}
RankedTensorType typeOf(Tensor x) { return x ? ir::tensorOf(x.value()) : RankedTensorType(); }

} // namespace

Tensor GraphBuilder::scalar(double value, std::optional<Element> element) {
  OpWriter writer(*this);
  Type type = state_->elementType(element.value_or(state_->number));
  return writer.constant(RankedTensorType::get({}, type), FloatAttr::get(type, value));
}

Tensor GraphBuilder::integer(int64_t value, Element element) {
  OpWriter writer(*this);
  Type type = state_->elementType(element);
  return writer.constant(RankedTensorType::get({}, type), IntegerAttr::get(type, value));
}

namespace {

template <typename Value>
Tensor writeConstant(OpWriter &&writer, const Shape &shape, Element element,
                     const std::vector<Value> &values) {
  RankedTensorType type = writer.state().tensorType(shape, element);
  if (!type)
    return {};
  if (type.getNumElements() != static_cast<int64_t>(values.size())) {
    writer.state().fail("a constant of shape " + ir::formatShape(shape) + " got " +
                        std::to_string(values.size()) + " values");
    return {};
  }
  auto elements = DenseElementsAttr::get(type, ArrayRef<Value>(values));
  return writer.write<ir::ConstantOp>({}, [&](auto &p) { p.setValue(elements); });
}

} // namespace

Tensor GraphBuilder::constant(Shape shape, const std::vector<int32_t> &values) {
  return writeConstant(OpWriter(*this), shape, Element::i32, values);
}
Tensor GraphBuilder::floats(Shape shape, const std::vector<float> &values) {
  return writeConstant(OpWriter(*this), shape, Element::f32, values);
}

Tensor GraphBuilder::matmul(Tensor a, Tensor b, bool transposeB) {
  OpWriter writer(*this);
  return writer.write<ir::MatmulOp>({a, b}, [&](auto &properties) {
    if (transposeB)
      properties.setTransposeB(writer.attributes().getUnitAttr());
  });
}

Tensor GraphBuilder::add(Tensor a, Tensor b) { return OpWriter(*this).write<ir::AddOp>({a, b}); }
Tensor GraphBuilder::sub(Tensor a, Tensor b) { return OpWriter(*this).write<ir::SubOp>({a, b}); }
Tensor GraphBuilder::mul(Tensor a, Tensor b) { return OpWriter(*this).write<ir::MulOp>({a, b}); }
Tensor GraphBuilder::div(Tensor a, Tensor b) { return OpWriter(*this).write<ir::DivOp>({a, b}); }
Tensor GraphBuilder::relu(Tensor x) { return OpWriter(*this).write<ir::ReluOp>({x}); }
Tensor GraphBuilder::silu(Tensor x) { return OpWriter(*this).write<ir::SiluOp>({x}); }
Tensor GraphBuilder::sigmoid(Tensor x) { return OpWriter(*this).write<ir::SigmoidOp>({x}); }
Tensor GraphBuilder::tanh(Tensor x) { return OpWriter(*this).write<ir::TanhOp>({x}); }
Tensor GraphBuilder::exp(Tensor x) { return OpWriter(*this).write<ir::ExpOp>({x}); }
Tensor GraphBuilder::log(Tensor x) { return OpWriter(*this).write<ir::LogOp>({x}); }

Tensor GraphBuilder::sqrt(Tensor x) { return OpWriter(*this).write<ir::SqrtOp>({x}); }
Tensor GraphBuilder::rsqrt(Tensor x) { return OpWriter(*this).write<ir::RsqrtOp>({x}); }

Tensor GraphBuilder::gelu(Tensor x, bool tanhApproximation) {
  OpWriter writer(*this);
  return writer.write<ir::GeluOp>({x}, [&](auto &properties) {
    if (tanhApproximation)
      properties.setTanhApproximation(writer.attributes().getUnitAttr());
  });
}

Tensor GraphBuilder::cast(Tensor x, Element element) {
  RankedTensorType type = typeLike(x, state_->elementType(element));
  return x && type == typeOf(x) ? x : OpWriter(*this).write<ir::CastOp>({x}, type);
}

namespace {

Tensor compare(GraphBuilder &graph, ir::ComparePredicate predicate, Tensor a, Tensor b,
               MLIRContext &context) {
  auto attribute = ir::ComparePredicateAttr::get(&context, predicate);
  return OpWriter(graph).write<ir::CompareOp>(
      {a, b}, [&](auto &properties) { properties.setPredicate(attribute); });
}

} // namespace

Tensor GraphBuilder::notEqual(Tensor a, Tensor b) {
  return compare(*this, ir::ComparePredicate::ne, a, b, state_->context);
}
Tensor GraphBuilder::greater(Tensor a, Tensor b) {
  return compare(*this, ir::ComparePredicate::gt, a, b, state_->context);
}

Tensor GraphBuilder::logicalAnd(Tensor a, Tensor b) {
  return OpWriter(*this).write<ir::LogicalAndOp>({a, b});
}

Tensor GraphBuilder::select(Tensor condition, Tensor ifTrue, Tensor ifFalse) {
  return OpWriter(*this).write<ir::SelectOp>({condition, ifTrue, ifFalse});
}

Tensor GraphBuilder::dropout(Tensor x, Tensor rng, double p, int64_t rngId) {
  OpWriter writer(*this);
  return writer.write<ir::DropoutOp>(
      {x, rng},
      [&](auto &properties) {
        properties.setP(writer.attributes().getF64FloatAttr(p));
        properties.setRngId(writer.attributes().getI64IntegerAttr(rngId));
      },
      typeOf(x));
}

Tensor GraphBuilder::causalMask(int64_t queries, int64_t keys, int64_t window) {
  OpWriter writer(*this);
  RankedTensorType type = state_->tensorType({queries, keys}, Element::i1);
  if (!type)
    return {};
  return writer.write<ir::CausalMaskOp>(
      {},
      [&](auto &properties) {
        if (window > 0)
          properties.setWindow(writer.attributes().getI64IntegerAttr(window));
      },
      type);
}

Tensor GraphBuilder::lengthMask(Tensor lengths, int64_t keys) {
  if (!lengths)
    return {};
  RankedTensorType type = state_->tensorType({lengths.shape().at(0), keys}, Element::i1);
  return type ? OpWriter(*this).write<ir::LengthMaskOp>({lengths}, type) : Tensor();
}

Tensor GraphBuilder::reshape(Tensor x, Shape shape) {
  RankedTensorType type = state_->tensorType(shape, state_->number);
  if (!x || !type)
    return {};
  if (x.shape() == shape)
    return x;
  return OpWriter(*this).write<ir::ReshapeOp>({x}, type.clone(elementOf(x.value())));
}

Tensor GraphBuilder::transpose(Tensor x, Shape permutation) {
  auto attribute = state_->builder.getDenseI64ArrayAttr(permutation);
  return OpWriter(*this).write<ir::TransposeOp>(
      {x}, [&](auto &properties) { properties.setPermutation(attribute); });
}

Tensor GraphBuilder::slice(Tensor x, Shape offsets, Shape sizes) {
  Builder &attributes = state_->builder;
  return OpWriter(*this).write<ir::SliceOp>({x}, [&](auto &properties) {
    properties.setOffsets(attributes.getDenseI64ArrayAttr(offsets));
    properties.setSizes(attributes.getDenseI64ArrayAttr(sizes));
  });
}

Tensor GraphBuilder::broadcast(Tensor x, Shape shape) {
  RankedTensorType type = state_->tensorType(shape, state_->number);
  if (!x || !type)
    return {};
  return OpWriter(*this).write<ir::BroadcastOp>({x}, type.clone(elementOf(x.value())));
}

Tensor GraphBuilder::concat(const std::vector<Tensor> &parts, int64_t axis) {
  auto attribute = state_->builder.getI64IntegerAttr(axis);
  return OpWriter(*this).write<ir::ConcatOp>(
      parts, [&](auto &properties) { properties.setAxis(attribute); });
}

Tensor GraphBuilder::pad(Tensor x, Shape low, Shape high) {
  Builder &attributes = state_->builder;
  return OpWriter(*this).write<ir::PadOp>({x}, [&](auto &properties) {
    properties.setLow(attributes.getDenseI64ArrayAttr(low));
    properties.setHigh(attributes.getDenseI64ArrayAttr(high));
  });
}

Tensor GraphBuilder::sum(Tensor x, Shape axes) {
  auto attribute = state_->builder.getDenseI64ArrayAttr(axes);
  return OpWriter(*this).write<ir::SumOp>({x},
                                          [&](auto &properties) { properties.setAxes(attribute); });
}

Tensor GraphBuilder::max(Tensor x, Shape axes) {
  auto attribute = state_->builder.getDenseI64ArrayAttr(axes);
  return OpWriter(*this).write<ir::MaxOp>({x},
                                          [&](auto &properties) { properties.setAxes(attribute); });
}

Tensor GraphBuilder::softmax(Tensor x) { return OpWriter(*this).write<ir::SoftmaxOp>({x}); }

Tensor GraphBuilder::layerNorm(Tensor x, std::optional<Tensor> gamma, std::optional<Tensor> beta,
                               double epsilon) {
  OpWriter writer(*this);
  SmallVector<Tensor> operands{x};
  if (gamma)
    operands.push_back(*gamma);
  if (beta)
    operands.push_back(*beta);
  return writer.write<ir::LayerNormOp>(operands, [&](auto &properties) {
    properties.setEps(writer.attributes().getF64FloatAttr(epsilon));
    properties.setOperandSegmentSizes({1, gamma.has_value(), beta.has_value()});
  });
}

Tensor GraphBuilder::rmsNorm(Tensor x, std::optional<Tensor> gamma, double epsilon) {
  OpWriter writer(*this);
  SmallVector<Tensor> operands{x};
  if (gamma)
    operands.push_back(*gamma);
  return writer.write<ir::RmsNormOp>(operands, [&](auto &properties) {
    properties.setEps(writer.attributes().getF64FloatAttr(epsilon));
  });
}

Tensor GraphBuilder::embedding(Tensor table, Tensor ids, std::optional<int64_t> paddingId) {
  Tensor rows = OpWriter(*this).write<ir::EmbeddingOp>({table, ids});
  if (rows && paddingId)
    ir::setPaddingId(rows.value().getDefiningOp<ir::EmbeddingOp>(), *paddingId);
  return rows;
}

Tensor GraphBuilder::rope(Tensor x, Tensor positions, const std::vector<double> &inverseFrequencies,
                          bool interleaved) {
  OpWriter writer(*this);
  return writer.write<ir::RopeOp>(
      {x, positions},
      [&](auto &properties) {
        properties.setInvFreq(writer.attributes().getDenseF64ArrayAttr(inverseFrequencies));
        properties.setAttentionScaling(writer.attributes().getF64FloatAttr(1.0));
        if (interleaved)
          properties.setInterleaved(writer.attributes().getUnitAttr());
      },
      typeOf(x));
}

Tensor GraphBuilder::cacheUpdate(Tensor cache, Tensor x, Tensor positions) {
  return OpWriter(*this).write<ir::CacheUpdateOp>({cache, x, positions}, typeOf(cache));
}

Tensor GraphBuilder::gatherRows(Tensor x, Tensor index) {
  if (!x)
    return {};
  Shape shape = x.shape();
  if (shape.size() == 3)
    shape.erase(shape.begin() + 1);
  return OpWriter(*this).write<ir::GatherRowsOp>(
      {x, index}, RankedTensorType::get(shape, elementOf(x.value())));
}

Tensor GraphBuilder::meanCrossEntropy(Tensor logits, Tensor targets, double labelSmoothing) {
  constexpr int64_t kIgnored = -100;
  OpWriter writer(*this);
  Builder &attributes = writer.attributes();
  Tensor losses = writer.write<ir::CrossEntropyOp>({logits, targets}, [&](auto &properties) {
    properties.setIgnoreIndex(attributes.getI64IntegerAttr(kIgnored));
    properties.setLabelSmoothing(attributes.getF64FloatAttr(labelSmoothing));
  });
  if (!losses)
    return {};
  Tensor count = writer.write<ir::CountTargetsOp>(
      {targets},
      [&](auto &properties) { properties.setIgnoreIndex(attributes.getI64IntegerAttr(kIgnored)); },
      RankedTensorType::get({}, elementOf(losses.value())));
  return div(sum(losses, {0}), count);
}

namespace {

template <typename Apply> Tensor combine(Tensor a, Tensor b, Apply apply) {
  GraphBuilder *graph = a.graph() ? a.graph() : b.graph();
  return graph ? apply(*graph) : Tensor();
}

} // namespace

Tensor operator+(Tensor a, Tensor b) {
  return combine(a, b, [&](GraphBuilder &graph) { return graph.add(a, b); });
}
Tensor operator-(Tensor a, Tensor b) {
  return combine(a, b, [&](GraphBuilder &graph) { return graph.sub(a, b); });
}
Tensor operator*(Tensor a, Tensor b) {
  return combine(a, b, [&](GraphBuilder &graph) { return graph.mul(a, b); });
}
Tensor operator/(Tensor a, Tensor b) {
  return combine(a, b, [&](GraphBuilder &graph) { return graph.div(a, b); });
}
Tensor operator*(Tensor a, double factor) {
  return a.graph() ? a.graph()->mul(a, a.graph()->scalar(factor)) : Tensor();
}

} // namespace heddle::frontend
