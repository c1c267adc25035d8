// SPDX-License-Identifier: Apache-2.0
#include "frontend/builder/Wiring.h"

#include "frontend/Validate.h"

namespace heddle::frontend {
namespace {

/// Adapters count their streams down from the last one of layers, in the order of the parameters.
int64_t adapterDropoutId(Wiring &w, const ParameterSpec &a) {
  int64_t id = distanceDropoutId(hasDistances(w.definition) ? kMaxDistanceLayers : 0);
  for (const ParameterSpec &spec : w.graph.parameters()) {
    if (spec.name == a.name)
      break;
    id -= spec.ofAdapter;
  }
  return id;
}

/// scale (x A^T) B^T
Tensor adapted(Wiring &w, const AdapterParameters &adapter, Tensor x) {
  const double share = w.definition.adapters().dropout();
  if (w.rng && share > 0)
    x = w.graph.dropout(x, *w.rng, share, adapterDropoutId(w, adapter.a));
  Tensor low = w.graph.matmul(x, w.graph.parameter(adapter.a), /*transposeB=*/true);
  low = low * adapter.scale;
  return w.graph.matmul(low, w.graph.parameter(adapter.b), /*transposeB=*/true);
}

} // namespace

Tensor linear(Wiring &w, const LinearParameters &parameters, Tensor x) {
  const bool transposed = w.definition.weight_layout() == proto::OUT_IN;
  Tensor y = w.graph.matmul(x, w.graph.parameter(parameters.weight), transposed);
  if (parameters.bias)
    y = y + w.graph.parameter(*parameters.bias);
  return parameters.adapter ? y + adapted(w, *parameters.adapter, x) : y;
}

Tensor norm(Wiring &w, const NormParameters &parameters, Tensor x) {
  const double epsilon = w.definition.norm().epsilon();
  std::optional<Tensor> gamma;
  if (parameters.weight)
    gamma = w.graph.parameter(*parameters.weight);
  if (w.definition.norm().unit_offset())
    gamma = *gamma + w.graph.scalar(1);
  if (w.definition.norm().kind() == proto::Norm::RMS_NORM)
    return w.graph.rmsNorm(x, gamma, epsilon);
  std::optional<Tensor> beta;
  if (parameters.bias)
    beta = w.graph.parameter(*parameters.bias);
  return w.graph.layerNorm(x, gamma, beta, epsilon);
}

Tensor shifted(GraphBuilder &graph, Tensor integers, int64_t by) {
  if (by == 0)
    return integers;
  Tensor number = graph.cast(integers, Element::f32);
  Tensor sum = number + graph.scalar(static_cast<double>(by), Element::f32);
  return graph.cast(sum, Element::i32);
}

Tensor countKeysSeen(Wiring &w, Tensor mask, int64_t window) {
  // A running sum as a product with a triangle: [B, T] times [T, T] transposed.
  Tensor given = w.graph.cast(mask, Element::f32);
  Tensor triangle = w.graph.cast(w.graph.causalMask(w.seq, w.seq, window), Element::f32);
  return w.graph.matmul(given, triangle, /*transposeB=*/true);
}

Tensor dropout(Wiring &w, Tensor x, double p, int64_t rngId) {
  return w.rng && p > 0 ? w.graph.dropout(x, *w.rng, p, w.firstRngId + rngId) : x;
}

} // namespace heddle::frontend
