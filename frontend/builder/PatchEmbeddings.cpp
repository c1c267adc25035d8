// SPDX-License-Identifier: Apache-2.0
// An image as a sequence of vectors.
#include <cmath>
#include <numeric>

#include "frontend/LayerNames.h"
#include "frontend/PatchGrid.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// [B, channels, height, width] -> [B, patches, channels * patch height * patch width]
Tensor cutIntoPatches(Wiring &w, const PatchGrid &grid, Tensor pixels) {
  const int64_t height = grid.rows * grid.patchHeight, width = grid.columns * grid.patchWidth;
  const proto::Patches &patches = w.definition.patches();
  if (height != patches.height() || width != patches.width())
    pixels = w.graph.slice(pixels, {0, 0, 0, 0}, {w.batch, grid.channels, height, width});
  pixels = w.graph.reshape(
      pixels, {w.batch, grid.channels, grid.rows, grid.patchHeight, grid.columns, grid.patchWidth});
  pixels = w.graph.transpose(pixels, {0, 2, 4, 1, 3, 5});
  return w.graph.reshape(pixels, {w.batch, grid.patches(), grid.pixels()});
}

/// A convolution whose windows do not overlap is one product.
Tensor project(Wiring &w, const PatchGrid &grid, Tensor patches) {
  const LinearParameters &parameters = *w.parameters.patchEmbedding;
  Tensor weight = w.graph.parameter(parameters.weight);
  weight = w.graph.reshape(weight, {w.dims.width, grid.pixels()});
  Tensor x = w.graph.matmul(patches, weight, /*transposeB=*/true);
  return parameters.bias ? x + w.graph.parameter(*parameters.bias) : x;
}

/// [B, patches, C] -> [B, 1 + patches, C]
Tensor withClassToken(Wiring &w, Tensor x) {
  Tensor token = w.graph.parameter(*w.parameters.classToken);
  token = w.graph.reshape(token, {1, 1, w.dims.width});
  token = w.graph.broadcast(token, {w.batch, 1, w.dims.width});
  return w.graph.concat({token, x}, 1);
}

/// Sines, then cosines of one coordinate of the T places: [T, C / 2]. They are what a rotation by
/// minus the angle makes of (0, 1).
Tensor sinesAndCosines(Wiring &w, const std::vector<int32_t> &places) {
  const auto count = static_cast<int64_t>(places.size()), size = w.dims.width / 2;
  const double theta = w.definition.positions().sinusoidal_2d().theta();
  std::vector<double> frequencies(size / 2);
  for (int64_t p = 0; p < size / 2; ++p)
    frequencies[p] = -std::pow(theta, -2.0 * static_cast<double>(p) / static_cast<double>(size));
  std::vector<float> unit(size, 0);
  std::fill(unit.begin() + size / 2, unit.end(), 1);
  Tensor start = w.graph.cast(w.graph.floats({1, 1, 1, size}, unit), w.number);
  start = w.graph.broadcast(start, {1, 1, count, size});
  Tensor turned = w.graph.rope(start, w.graph.constant({1, count}, places), frequencies,
                               /*interleaved=*/false);
  return w.graph.reshape(turned, {count, size});
}

/// [T, C]; a class token, before the patches, stands at no place: zeros.
Tensor fixedPositions(Wiring &w, const PatchGrid &grid) {
  std::vector<int32_t> rows, columns;
  for (int64_t patch = 0; patch < grid.patches(); ++patch) {
    rows.push_back(static_cast<int32_t>(patch / grid.columns));
    columns.push_back(static_cast<int32_t>(patch % grid.columns));
  }
  Tensor byColumn = sinesAndCosines(w, columns);
  Tensor byRow = sinesAndCosines(w, rows);
  Tensor all = w.graph.concat({byColumn, byRow}, 1);
  if (grid.before == 0)
    return all;
  Tensor none = w.graph.broadcast(w.graph.scalar(0), {grid.before, w.dims.width});
  return w.graph.concat({none, all}, 0);
}

/// [B, channels, height, width] -> [B, T, C]
Tensor embedPatches(Wiring &w, Tensor pixels) {
  LayerScope scope(w.graph, embeddingsPath(w.stack));
  const PatchGrid grid(w.definition.patches());
  Tensor x = project(w, grid, cutIntoPatches(w, grid, pixels));
  if (w.parameters.classToken)
    x = withClassToken(w, x);
  if (w.parameters.positionEmbedding)
    x = x + w.graph.parameter(*w.parameters.positionEmbedding);
  else if (w.definition.positions().has_sinusoidal_2d())
    x = x + fixedPositions(w, grid);
  if (w.parameters.embeddingNorm)
    x = norm(w, *w.parameters.embeddingNorm, x);
  return dropout(w, x, w.definition.dropout().embedding(), kEmbeddingDropoutId);
}

} // namespace

Tensor imageVectors(Wiring &w) {
  const proto::Patches &patches = w.definition.patches();
  Tensor pixels = w.graph.input("pixel_values",
                                {w.batch, patches.channels(), patches.height(), patches.width()});
  if (w.definition.has_condition())
    embedCondition(w);
  return finalNorm(w, layersOf(w, embedPatches(w, pixels)));
}

} // namespace heddle::frontend
