// SPDX-License-Identifier: Apache-2.0
#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {

Tensor parallelBlock(Wiring &w, int64_t layer, Tensor x) {
  const LayerParameters &parameters = w.parameters.layers[layer];
  const double share = w.definition.dropout().residual();
  Tensor normed, attended;
  {
    LayerScope scope(w.graph, attentionPath(layer, w.stack));
    normed = norm(w, parameters.attentionNorm, x);
    attended = attentionOf(w, layer, normed);
    attended = dropout(w, attended, share, attentionResidualDropoutId(layer));
    attended = x + attended;
  }
  LayerScope scope(w.graph, ffnPath(layer, w.stack));
  if (parameters.ffnNorm)
    normed = norm(w, *parameters.ffnNorm, x);
  Tensor added = feedForwardOf(w, layer, normed);
  added = dropout(w, added, share, ffnResidualDropoutId(layer));
  return attended + added;
}

} // namespace heddle::frontend
