// SPDX-License-Identifier: Apache-2.0
// Scores that depend on the distance between query and key through a table of vectors.
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

using Term = proto::DisentangledAttention;

class DistanceScores {
public:
  DistanceScores(Wiring &w, int64_t layer)
      : w_(w), graph_(w.graph), parameters_(w.parameters.layers[layer]) {
    table_ = *w.distances;
    if (const double share = w.definition.dropout().distance(); w.rng && share > 0)
      table_ = graph_.dropout(table_, *w.rng, share, distanceDropoutId(layer));
    scale_ = scoreScale(w.definition, layer);
  }

  Tensor run(Tensor q, Tensor k) {
    std::optional<Tensor> sum;
    if (hasTerm(w_.definition, Term::CONTENT_TO_POSITION)) {
      Tensor rows = project(ownOr(parameters_.distanceKey, parameters_.key), /*ascending=*/false);
      sum = products(q, rows);
    }
    if (hasTerm(w_.definition, Term::POSITION_TO_CONTENT)) {
      Tensor rows = project(ownOr(parameters_.distanceQuery, parameters_.query), true);
      Tensor ofKeys = graph_.transpose(products(k, rows), {0, 1, 3, 2});
      sum = sum ? *sum + ofKeys : ofKeys;
    }
    return *sum;
  }

private:
  static const LinearParameters &ownOr(const std::optional<LinearParameters> &own,
                                       const std::optional<LinearParameters> &shared) {
    return own ? *own : *shared;
  }

  /// The projected vectors of the distances T - 1, ..., -(T - 1), or the other way round:
  /// [1, H, 2T - 1, D]. Whichever is shorter is projected, the table or its rows.
  Tensor project(const LinearParameters &parameters, bool ascending) {
    const int64_t count = 2 * w_.seq - 1;
    std::vector<int32_t> numbers;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t distance = ascending ? i - w_.seq + 1 : w_.seq - 1 - i;
      numbers.push_back(static_cast<int32_t>(distanceRow(w_.definition, distance)));
    }
    Tensor which = graph_.constant({count}, numbers);
    Tensor rows;
    if (distanceRows(w_.definition) < count) {
      rows = linear(w_, parameters, table_);
      rows = graph_.embedding(rows, which);
    } else {
      rows = graph_.embedding(table_, which);
      rows = linear(w_, parameters, rows);
    }
    rows = graph_.reshape(rows, {1, count, w_.dims.heads, w_.dims.headDim});
    return graph_.transpose(rows, {0, 2, 1, 3});
  }

  /// x [B, H, T, D], rows [1, H, 2T - 1, D] to y[., ., i, j] = scale x_i . rows[T - 1 - i + j].
  Tensor products(Tensor x, Tensor rows) {
    Tensor all = graph_.matmul(x, rows, /*transposeB=*/true) * scale_;
    return skew(all);
  }

  /// x [B, H, T, 2T - 1] to y[., ., i, j] = x[., ., i, T - 1 - i + j]: in row-major order the
  /// elements of row i begin 2T - 2 behind those of row i - 1, the first at T - 1.
  Tensor skew(Tensor x) {
    const int64_t b = w_.batch, h = w_.dims.heads, t = w_.seq;
    if (t == 1)
      return x;
    x = graph_.reshape(x, {b, h, t * (2 * t - 1)});
    x = graph_.slice(x, {0, 0, t - 1}, {b, h, t * (2 * t - 2)});
    x = graph_.reshape(x, {b, h, t, 2 * t - 2});
    return graph_.slice(x, {0, 0, 0, 0}, {b, h, t, t});
  }

  Wiring &w_;
  GraphBuilder &graph_;
  const LayerParameters &parameters_;
  Tensor table_;
  double scale_ = 1;
};

} // namespace

Tensor distanceTable(Wiring &w) {
  Tensor table = w.graph.parameter(*w.parameters.distanceEmbedding);
  return w.parameters.distanceNorm ? norm(w, *w.parameters.distanceNorm, table) : table;
}

Tensor distanceScores(Wiring &w, int64_t layer, Tensor q, Tensor k) {
  return DistanceScores(w, layer).run(q, k);
}

} // namespace heddle::frontend
