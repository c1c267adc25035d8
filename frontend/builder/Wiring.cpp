// SPDX-License-Identifier: Apache-2.0
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {

Tensor linear(Wiring &w, const LinearParameters &parameters, Tensor x) {
  const bool transposed = w.definition.weight_layout() == proto::OUT_IN;
  Tensor y = w.graph.matmul(x, w.graph.parameter(parameters.weight), transposed);
  return parameters.bias ? y + w.graph.parameter(*parameters.bias) : y;
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
