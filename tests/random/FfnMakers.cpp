// SPDX-License-Identifier: Apache-2.0
// FFNs as one op and written out, with the variations that heddle-fuse-ffn must see and refuse.
#include "tests/random/Makers.h"

#include <cmath>

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

struct Weights {
  Value matrix, bias;
};

Weights weights(GraphMaker &g, int64_t in, int64_t out, bool transposed) {
  Value matrix = transposed ? g.floatOf({out, in}) : g.floatOf({in, out});
  return {matrix, g.random().oneIn(2) ? g.floatOf({out}) : Value()};
}

/// Whether relu, inside the op, meets a value near its bend.
bool bendsInside(GraphMaker &g, FfnOp op) {
  if (op.getActivation() != Activation::relu)
    return false;
  const ir::Tensor &activated = g.valueOf(op.getGate() ? op.getGate() : op.getHidden());
  return llvm::any_of(activated.floats, [](double value) { return std::abs(value) < 1e-3; });
}

void ffn(GraphMaker &g) {
  Value x = g.anyFloat(2);
  const int64_t width = dimsOf(x).back(), hidden = g.size(),
                out = g.random().oneIn(3) ? g.size() : width;
  const bool transposed = g.random().oneIn(2), gated = g.random().oneIn(2);
  Weights in = weights(g, width, hidden, transposed), last = weights(g, hidden, out, transposed);
  Weights gate = gated ? weights(g, width, hidden, transposed) : Weights();
  const auto activation = static_cast<Activation>(g.random().below(5));
  const bool drops = g.random().oneIn(3);
  const auto rngId = static_cast<int64_t>(drops ? g.random().below(1 << 16) : 0);
  auto op = g.makeOp<FfnOp>(x, in.matrix, in.bias, gate.matrix, gate.bias, last.matrix, last.bias,
                            drops ? g.rng() : Value(), activation, transposed,
                            APFloat(drops ? 0.25 : 0.0), rngId);
  if (bendsInside(g, op))
    g.giveUp();
  g.publish(op.getY());
  if (g.random().oneIn(6))
    g.publish(op.getHidden());
  if (gated && g.random().oneIn(6))
    g.publish(op.getGate());
}

Value linear(GraphMaker &g, Value x, int64_t out, bool transposed) {
  Weights w = weights(g, dimsOf(x).back(), out, transposed);
  Value y = g.make<MatmulOp>(x, w.matrix, false, transposed);
  return w.bias ? g.make<AddOp>(y, w.bias) : y;
}

Value innerActivated(GraphMaker &g, Value x) {
  switch (g.random().below(7)) {
  case 0:
    return g.make<ReluOp>(x);
  case 1:
    return g.make<SiluOp>(x);
  case 2:
    return g.make<MulOp>(x, g.make<SigmoidOp>(x));
  case 3: // quick_gelu, or nearly
    return g.make<MulOp>(
        x, g.make<SigmoidOp>(
               g.make<MulOp>(x, g.constant(g.random().oneIn(4) ? 1.7 : FfnOp::kQuickGeluSlope))));
  case 4:
    return g.make<TanhOp>(x); // no FFN's
  default:
    return g.make<GeluOp>(x, g.random().oneIn(2));
  }
}

void writtenFfn(GraphMaker &g) {
  Value x = g.anyFloat(2);
  const int64_t width = dimsOf(x).back(), hidden = g.size();
  bool transposed = g.random().oneIn(2);
  auto maybePublish = [&](Value value) {
    if (g.random().oneIn(12))
      g.publish(value);
    return value;
  };
  Value first = maybePublish(linear(g, x, hidden, transposed));
  Value inner = maybePublish(innerActivated(g, first));
  if (g.random().oneIn(2)) {
    Value other = g.random().oneIn(6) ? g.floatOf({dimsOf(x).begin(), dimsOf(x).end()}) : x;
    Value hiddenValue =
        g.random().oneIn(8)
            ? inner
            : linear(g, other, hidden, g.random().oneIn(8) ? !transposed : transposed);
    inner =
        g.random().oneIn(2) ? g.make<MulOp>(inner, hiddenValue) : g.make<MulOp>(hiddenValue, inner);
    maybePublish(inner);
  }
  if (g.random().oneIn(8))
    inner = g.make<DropoutOp>(inner.getType(), inner, g.rng(), llvm::APFloat(0.5),
                              g.random().below(100));
  if (g.random().oneIn(8))
    transposed = !transposed;
  Value y = linear(g, inner, g.random().oneIn(3) ? g.size() : width, transposed);
  if (dimsOf(y) == dimsOf(x) && g.random().oneIn(2))
    y = g.make<AddOp>(x, y);
  g.publish(y);
}

/// Something that only looks like a bias: it has more axes than the product, or fewer values.
void oddBias(GraphMaker &g) {
  Value x = g.floatOf(g.shape(2));
  const int64_t rows = dimsOf(x)[0], hidden = g.size();
  Value y = g.make<MatmulOp>(x, g.newFloat({dimsOf(x)[1], hidden}), false, false);
  const std::vector<Shape> shapes = {{1}, {1, hidden}, {rows, 1}, {2, 1, hidden}, {rows, hidden}};
  y = g.make<AddOp>(y, g.newFloat(g.random().pick(shapes)));
  y = innerActivated(g, y);
  y = g.make<MatmulOp>(y, g.newFloat({hidden, g.size()}), false, false);
  g.publish(g.make<AddOp>(g.newFloat({g.random().oneIn(2) ? 1 : dimsOf(y).back()}), y));
}

} // namespace

std::vector<Maker> ffnMakers() { return {{ffn, 3}, {writtenFfn, 6}, {oddBias, 2}}; }

} // namespace heddle::random
