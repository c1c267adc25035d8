// SPDX-License-Identifier: Apache-2.0
// Writes a graph by hand, one entry (a function) at a time:
//
//   GraphBuilder graph(context);
//   graph.beginEntry("forward");
//   Tensor x = graph.input("x", {8, 16});
//   {
//     LayerScope scope(graph, "mlp");
//     Tensor w = graph.parameter("mlp.weight", {16, 4}, {Initializer::Kind::normal, 0.02});
//     x = graph.relu(graph.matmul(x, w));
//   }
//   graph.output("y", x);
//   graph.endEntry();
//   HEDDLE_ASSIGN_OR_RETURN(auto module, graph.finish());
//
// A mistake (shapes that do not go together, a name used twice) makes the op's result a null
// Tensor; ops on null tensors are null too, and finish() returns the first mistake with its layer.
// So no call needs a check of its own. Shapes are written in the letters of ir/Dialect.td.
//
// One thread at a time. The context outlives the builder and the module.

#ifndef HEDDLE_FRONTEND_GRAPHBUILDER_H
#define HEDDLE_FRONTEND_GRAPHBUILDER_H

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/Parameters.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace heddle::frontend {

enum class Element { f32, f64, bf16, f16, i32, i64, i1 };
using Shape = std::vector<int64_t>;

class GraphBuilder;

/// A value of the graph, or null after a mistake. Cheap to copy; valid while its module lives.
class Tensor {
public:
  Tensor() = default;
  Tensor(GraphBuilder &graph, mlir::Value value) : graph_(&graph), value_(value) {}

  explicit operator bool() const { return static_cast<bool>(value_); }
  mlir::Value value() const { return value_; }
  /// Null for a default-constructed tensor.
  GraphBuilder *graph() const { return graph_; }
  /// Empty for a null tensor, as for a scalar.
  Shape shape() const;

private:
  GraphBuilder *graph_ = nullptr;
  mlir::Value value_;
};

// Elementwise, broadcasting as numpy does.
Tensor operator+(Tensor a, Tensor b);
Tensor operator-(Tensor a, Tensor b);
Tensor operator*(Tensor a, Tensor b);
Tensor operator/(Tensor a, Tensor b);
Tensor operator*(Tensor a, double factor);

class GraphBuilder {
public:
  /// Loads the dialects it needs into `context`. `number` is the type of parameters and of all that
  /// is computed from them.
  explicit GraphBuilder(mlir::MLIRContext &context, Element number = Element::f32);
  ~GraphBuilder();

  // Entries. Arguments come in the order parameters, states, inputs, scalars, rng, each kind in the
  // order of its first use, wherever in the entry that is.
  void beginEntry(const std::string &name);
  void endEntry();

  /// The same name in other entries, or again in this one, is the same parameter.
  Tensor parameter(const ParameterSpec &spec);
  Tensor parameter(const std::string &name, Shape shape, Initializer initializer);
  /// The parameter gets no gradient.
  void freezeParameter(const std::string &name);
  Tensor input(const std::string &name, Shape shape, std::optional<Element> element = {});
  /// What else is known of an input's integers. See ir/InputFacts.h.
  void limitInput(const std::string &name, int64_t end);
  void setInputPadding(const std::string &name, int64_t id);
  Tensor state(const std::string &name, Shape shape);
  Tensor scalarInput(const std::string &name);
  /// [seed, step, micro_batch] of the random numbers.
  Tensor rng();

  void output(const std::string &name, Tensor tensor);
  /// The next value of a state.
  void newState(const std::string &name, Tensor tensor);

  // Constants.
  Tensor scalar(double value, std::optional<Element> element = {});
  Tensor integer(int64_t value, Element element = Element::i32);
  Tensor constant(Shape shape, const std::vector<int32_t> &values);
  /// f32.
  Tensor floats(Shape shape, const std::vector<float> &values);

  // Products: a [..., M, K] times b [K, N] or [..., K, N]. transposeB: b is [..., N, K].
  Tensor matmul(Tensor a, Tensor b, bool transposeB = false);

  // Elementwise.
  Tensor add(Tensor a, Tensor b);
  Tensor sub(Tensor a, Tensor b);
  Tensor mul(Tensor a, Tensor b);
  Tensor div(Tensor a, Tensor b);
  Tensor relu(Tensor x);
  Tensor gelu(Tensor x, bool tanhApproximation = false);
  Tensor silu(Tensor x);
  Tensor sigmoid(Tensor x);
  Tensor tanh(Tensor x);
  Tensor exp(Tensor x);
  Tensor log(Tensor x);
  Tensor sqrt(Tensor x);
  Tensor rsqrt(Tensor x);
  /// x itself where it has the type.
  Tensor cast(Tensor x, Element element);
  Tensor notEqual(Tensor a, Tensor b);
  Tensor greater(Tensor a, Tensor b);
  Tensor logicalAnd(Tensor a, Tensor b);
  Tensor select(Tensor condition, Tensor ifTrue, Tensor ifFalse);
  /// `rngId` tells this dropout's random numbers from those of others: unique in the model.
  Tensor dropout(Tensor x, Tensor rng, double p, int64_t rngId);

  // Masks, true where a query may look.
  /// [T, S], 0 for no window.
  Tensor causalMask(int64_t queries, int64_t keys, int64_t window = 0);
  /// lengths [B] gives [B, S].
  Tensor lengthMask(Tensor lengths, int64_t keys);

  // Shapes.
  Tensor reshape(Tensor x, Shape shape);
  Tensor transpose(Tensor x, Shape permutation);
  Tensor slice(Tensor x, Shape offsets, Shape sizes);
  /// As numpy.broadcast_to.
  Tensor broadcast(Tensor x, Shape shape);
  Tensor concat(const std::vector<Tensor> &parts, int64_t axis);
  /// Zeros before and behind x on each axis.
  Tensor pad(Tensor x, Shape low, Shape high);

  // Reductions and norms over the last axis.
  Tensor sum(Tensor x, Shape axes);
  Tensor max(Tensor x, Shape axes);
  Tensor softmax(Tensor x);
  /// gamma and beta [C] may be null tensors that were never made: absent.
  Tensor layerNorm(Tensor x, std::optional<Tensor> gamma, std::optional<Tensor> beta,
                   double epsilon);
  Tensor rmsNorm(Tensor x, std::optional<Tensor> gamma, double epsilon);

  // Tokens and positions.
  /// Looking `paddingId` up gives its row no gradient.
  Tensor embedding(Tensor table, Tensor ids, std::optional<int64_t> paddingId = {});
  Tensor rope(Tensor x, Tensor positions, const std::vector<double> &inverseFrequencies,
              bool interleaved);
  Tensor cacheUpdate(Tensor cache, Tensor x, Tensor positions);
  Tensor gatherRows(Tensor x, Tensor index);

  /// The mean over the targets that are not -100 of the cross entropy of logits [N, V] and targets
  /// [N].
  Tensor meanCrossEntropy(Tensor logits, Tensor targets, double labelSmoothing = 0);

  /// The verified module, or the first mistake as InvalidArgument. The builder is empty afterwards.
  StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> finish();
  /// All parameters of all entries, in the order of their first use.
  const std::vector<ParameterSpec> &parameters() const;

  /// The path of the layer that ops are being written for: "decoder.layers.7.attention".
  std::string layerPath() const;

private:
  friend class LayerScope;
  friend class OpWriter;
  struct State;
  std::unique_ptr<State> state_;
};

/// Ops written while it lives belong to the layer `name` within the layer around.
class LayerScope {
public:
  LayerScope(GraphBuilder &graph, std::string name);
  ~LayerScope();
  LayerScope(const LayerScope &) = delete;
  LayerScope &operator=(const LayerScope &) = delete;

private:
  GraphBuilder &graph_;
};

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_GRAPHBUILDER_H
