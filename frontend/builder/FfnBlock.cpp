// SPDX-License-Identifier: Apache-2.0
#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {

Tensor activate(GraphBuilder &graph, proto::Ffn::Activation activation, Tensor x) {
  switch (activation) {
  case proto::Ffn::RELU:
    return graph.relu(x);
  case proto::Ffn::GELU:
    return graph.gelu(x);
  case proto::Ffn::GELU_TANH:
    return graph.gelu(x, /*tanhApproximation=*/true);
  case proto::Ffn::SILU:
    return graph.silu(x);
  case proto::Ffn::TANH:
    return graph.tanh(x);
  case proto::Ffn::QUICK_GELU:
    return x * graph.sigmoid(x * 1.702);
  }
  return {};
}

namespace {

/// act(x w_in) w_out, or (act(x w_gate) * (x w_in)) w_out.
Tensor feedForward(Wiring &w, int64_t layer, Tensor x) {
  const LayerParameters &parameters = w.parameters.layers[layer];
  const proto::Ffn::Activation activation = w.definition.ffn().activation();
  Tensor hidden = linear(w, parameters.ffnIn, x);
  if (parameters.ffnGate)
    hidden = activate(w.graph, activation, linear(w, *parameters.ffnGate, x)) * hidden;
  else
    hidden = activate(w.graph, activation, hidden);
  hidden =
      dropout(w, hidden, w.definition.dropout().hidden(), hiddenDropoutId(w.dims.layers, layer));
  return linear(w, parameters.ffnOut, hidden);
}

} // namespace

Tensor feedForwardOf(Wiring &w, int64_t layer, Tensor x) { return feedForward(w, layer, x); }

Tensor ffnBlock(Wiring &w, int64_t layer, Tensor x) {
  LayerScope scope(w.graph, ffnPath(layer, w.stack));
  const LayerParameters &parameters = w.parameters.layers[layer];
  return residual(w, *parameters.ffnNorm, parameters.ffnPostNorm, w.ffnModulation, x,
                  w.definition.dropout().residual(), ffnResidualDropoutId(layer),
                  [&](Tensor y) { return feedForward(w, layer, y); });
}

} // namespace heddle::frontend
