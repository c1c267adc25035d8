// SPDX-License-Identifier: Apache-2.0
// What layers are told beside the sequence, and what their norms make of it (arXiv:2212.09748).
#include <cmath>

#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// Cosines, then sines of the timesteps [B]: [B, R]. They are what a rotation makes of (1, 0).
Tensor cosinesAndSines(Wiring &w, Tensor timesteps) {
  const proto::TimestepEmbedding &timestep = w.definition.condition().timestep();
  const int64_t size = timestep.frequencies();
  std::vector<double> frequencies(size / 2);
  for (int64_t p = 0; p < size / 2; ++p)
    frequencies[p] =
        std::pow(timestep.theta(), -2.0 * static_cast<double>(p) / static_cast<double>(size));
  std::vector<float> unit(size, 0);
  std::fill(unit.begin(), unit.begin() + size / 2, 1.0f);
  Tensor start = w.graph.cast(w.graph.floats({1, 1, 1, size}, unit), w.number);
  start = w.graph.broadcast(start, {1, 1, w.batch, size});
  Tensor turned = w.graph.rope(start, w.graph.reshape(timesteps, {1, w.batch}), frequencies,
                               /*interleaved=*/false);
  return w.graph.reshape(turned, {w.batch, size});
}

/// [B, C]
Tensor embedTimesteps(Wiring &w, Tensor timesteps) {
  Tensor x = linear(w, *w.parameters.timestepIn, cosinesAndSines(w, timesteps));
  return linear(w, *w.parameters.timestepOut, w.graph.silu(x));
}

/// [B, C]; training takes a share of the labels away.
Tensor embedLabels(Wiring &w, Tensor labels) {
  const proto::ClassEmbedding &classes = w.definition.condition().classes();
  Tensor table = w.graph.parameter(*w.parameters.classEmbedding);
  Tensor rows = w.graph.embedding(table, labels);
  if (!w.rng || classes.dropout() == 0)
    return rows;
  // Dropout of ones: what is left is above 0.
  Tensor ones = w.graph.broadcast(w.graph.scalar(1), {w.batch, 1});
  Tensor drawn = dropout(w, ones, classes.dropout(), kClassLabelDropoutId);
  Tensor kept = w.graph.greater(drawn, w.graph.scalar(0));
  return w.graph.select(kept, rows, w.graph.slice(table, {classes.count(), 0}, {1, w.dims.width}));
}

/// `count` vectors [B, 1, C] side by side in one linear map of the condition.
std::vector<Tensor> modulationParts(Wiring &w, const LinearParameters &parameters, int64_t count) {
  Tensor all = linear(w, parameters, *w.condition);
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < count; ++i) {
    Tensor part = w.graph.slice(all, {0, i * w.dims.width}, {w.batch, w.dims.width});
    parts.push_back(w.graph.reshape(part, {w.batch, 1, w.dims.width}));
  }
  return parts;
}

} // namespace

void embedCondition(Wiring &w) {
  const proto::Conditioning &condition = w.definition.condition();
  std::optional<Tensor> timesteps, labels;
  if (condition.has_timestep()) {
    timesteps = w.graph.input("timesteps", {w.batch}, Element::i32);
    w.graph.limitInput("timesteps", condition.timestep().steps());
  }
  if (condition.has_classes()) {
    labels = w.graph.input("class_labels", {w.batch}, Element::i32);
    w.graph.limitInput("class_labels", w.parameters.classEmbedding->shape[0]);
  }
  LayerScope scope(w.graph, conditionPath(w.stack));
  std::optional<Tensor> sum;
  if (timesteps)
    sum = embedTimesteps(w, *timesteps);
  if (labels) {
    Tensor rows = embedLabels(w, *labels);
    sum = sum ? *sum + rows : rows;
  }
  w.condition = w.graph.silu(*sum);
}

void modulateLayer(Wiring &w, int64_t layer) {
  if (!w.condition)
    return;
  LayerScope scope(w.graph, modulationPath(layer, w.stack));
  const std::vector<Tensor> parts = modulationParts(w, *w.parameters.layers[layer].modulation, 6);
  w.attentionModulation = {parts[0], parts[1], parts[2]};
  w.ffnModulation = {parts[3], parts[4], parts[5]};
}

Tensor modulate(Wiring &w, const Wiring::Modulation &modulation, Tensor x) {
  Tensor factor = modulation.scale + w.graph.scalar(1);
  return x * factor + modulation.shift;
}

Wiring::Modulation finalModulation(Wiring &w) {
  const std::vector<Tensor> parts = modulationParts(w, *w.parameters.finalModulation, 2);
  return {parts[0], parts[1], {}};
}

} // namespace heddle::frontend
