// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {

Tensor finalNorm(Wiring &w, Tensor x) {
  LayerScope scope(w.graph, finalNormPath(w.stack));
  if (w.parameters.finalNorm)
    x = norm(w, *w.parameters.finalNorm, x);
  if (w.condition)
    x = modulate(w, finalModulation(w), x);
  return dropout(w, x, w.definition.dropout().output(), outputDropoutId(w.dims.layers));
}

Tensor head(Wiring &w, Tensor x) {
  LayerScope scope(w.graph, kHeadPath);
  x = headTransform(w, x);
  const ParameterSpec &weight =
      w.parameters.headWeight ? *w.parameters.headWeight : *w.parameters.tokenEmbedding;
  if (w.definition.head().scaled())
    x = x * (1 / std::sqrt(static_cast<double>(w.dims.width)));
  if (w.parameters.embeddingOut)
    x = linear(w, *w.parameters.embeddingOut, x);
  Tensor logits = w.graph.matmul(x, w.graph.parameter(weight), /*transposeB=*/true);
  logits = w.parameters.headBias ? logits + w.graph.parameter(*w.parameters.headBias) : logits;
  if (w.parameters.headConstantBias)
    logits = logits + w.graph.parameter(*w.parameters.headConstantBias);
  if (w.definition.head().soft_cap() > 0) {
    Tensor cap = w.graph.scalar(w.definition.head().soft_cap());
    logits = w.graph.tanh(logits / cap) * cap;
  }
  return logits;
}

Tensor headTransform(Wiring &w, Tensor x) {
  if (!w.parameters.headTransform)
    return x;
  x = linear(w, *w.parameters.headTransform, x);
  x = activate(w.graph, w.definition.head().transform().activation(), x);
  return w.parameters.headNorm ? norm(w, *w.parameters.headNorm, x) : x;
}

} // namespace heddle::frontend
