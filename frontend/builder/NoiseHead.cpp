// SPDX-License-Identifier: Apache-2.0
// From the vectors of patches back to an image.
#include "frontend/LayerNames.h"
#include "frontend/PatchGrid.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// Channels [first, first + count) of [B, rows, columns, patch height, patch width, channels] as an
/// image [B, count, height, width].
Tensor joinPatches(Wiring &w, const PatchGrid &grid, Tensor x, int64_t first, int64_t count) {
  x = w.graph.slice(x, {0, 0, 0, 0, 0, first},
                    {w.batch, grid.rows, grid.columns, grid.patchHeight, grid.patchWidth, count});
  x = w.graph.transpose(x, {0, 5, 1, 3, 2, 4});
  return w.graph.reshape(
      x, {w.batch, count, grid.rows * grid.patchHeight, grid.columns * grid.patchWidth});
}

} // namespace

Outputs noiseOutputs(Wiring &w, Tensor x) {
  LayerScope scope(w.graph, kHeadPath);
  const PatchGrid grid(w.definition.patches());
  const bool variance = w.definition.head().learned_variance();
  if (grid.before > 0)
    x = w.graph.slice(x, {0, grid.before, 0}, {w.batch, grid.patches(), w.dims.width});
  x = w.graph.matmul(x, w.graph.parameter(*w.parameters.headWeight), /*transposeB=*/true);
  if (w.parameters.headBias)
    x = x + w.graph.parameter(*w.parameters.headBias);
  x = w.graph.reshape(x, {w.batch, grid.rows, grid.columns, grid.patchHeight, grid.patchWidth,
                          grid.channels * (variance ? 2 : 1)});
  Outputs outputs = {{"noise", joinPatches(w, grid, x, 0, grid.channels)}};
  if (variance)
    outputs.emplace_back("variance", joinPatches(w, grid, x, grid.channels, grid.channels));
  return outputs;
}

} // namespace heddle::frontend
