// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"
#include "ir/Conventions.h"

namespace heddle::frontend {
namespace {

class AttentionLayer {
public:
  AttentionLayer(Wiring &w, int64_t layer)
      : w_(w), graph_(w.graph), attention_(w.definition.attention()),
        parameters_(w.parameters.layers[layer]), layer_(layer) {}

  /// x [B, t, C], already normed where norms come first.
  Tensor run(Tensor x) {
    tokens_ = x ? x.shape()[1] : 1;
    project(x);
    cacheKeysAndValues();
    Tensor weights = graph_.softmax(mask(scores()));
    weights = dropout(w_, weights, w_.definition.dropout().attention(), attentionDropoutId(layer_));
    Tensor o = product(weights, v_, /*transposeB=*/false);
    o = graph_.reshape(graph_.transpose(o, {0, 2, 1, 3}),
                       {w_.batch, tokens_, w_.dims.queryWidth()});
    return linear(w_, parameters_.attentionOutput, o);
  }

private:
  /// q_ [B, H, t, D], k_ and v_ [B, G, t, D].
  void project(Tensor x) {
    const int64_t queries = w_.dims.queryWidth(), keys = w_.dims.keyWidth();
    Tensor q, k, v;
    if (parameters_.qkv) {
      Tensor all = linear(w_, *parameters_.qkv, x);
      q = columns(all, 0, queries);
      k = columns(all, queries, keys);
      v = columns(all, queries + keys, keys);
    } else {
      q = linear(w_, *parameters_.query, x);
      k = linear(w_, *parameters_.key, x);
      v = linear(w_, *parameters_.value, x);
    }
    q_ = turn(splitHeads(q, w_.dims.heads));
    k_ = turn(splitHeads(k, w_.dims.kvHeads));
    v_ = splitHeads(v, w_.dims.kvHeads);
  }

  Tensor columns(Tensor all, int64_t first, int64_t count) {
    return graph_.slice(all, {0, 0, first}, {w_.batch, tokens_, count});
  }

  /// [B, t, heads * D] -> [B, heads, t, D]
  Tensor splitHeads(Tensor x, int64_t heads) {
    return graph_.transpose(graph_.reshape(x, {w_.batch, tokens_, heads, w_.dims.headDim}),
                            {0, 2, 1, 3});
  }

  /// By rotary positions, where the model has them.
  Tensor turn(Tensor x) {
    if (!w_.ropeTurns)
      return x;
    return graph_.rope(x, *w_.ropeTurns, w_.inverseFrequencies,
                       w_.definition.positions().rotary().interleaved());
  }

  void cacheKeysAndValues() {
    if (w_.cache == Wiring::Cache::none)
      return;
    const std::string number = std::to_string(layer_);
    const std::string keyName = ir::kCacheK.str() + number, valueName = ir::kCacheV.str() + number;
    if (w_.cache == Wiring::Cache::extend) {
      const Shape shape = {w_.batch, w_.dims.kvHeads, w_.seq, w_.dims.headDim};
      k_ = graph_.cacheUpdate(graph_.state(keyName, shape), k_, *w_.positions);
      v_ = graph_.cacheUpdate(graph_.state(valueName, shape), v_, *w_.positions);
    }
    graph_.newState(keyName, k_);
    graph_.newState(valueName, v_);
  }

  /// a [B, H, t, .] times b [B, G, ., .], each key head shared by H/G query heads.
  Tensor product(Tensor a, Tensor b, bool transposeB) {
    const int64_t heads = w_.dims.heads, groups = w_.dims.kvHeads;
    if (heads == groups || !a || !b)
      return graph_.matmul(a, b, transposeB);
    const Shape left = a.shape(), right = b.shape();
    a = graph_.reshape(a, {left[0], groups, heads / groups, left[2], left[3]});
    b = graph_.reshape(b, {right[0], groups, 1, right[2], right[3]});
    Tensor y = graph_.matmul(a, b, transposeB);
    return y ? graph_.reshape(y, {left[0], heads, left[2], y.shape()[4]}) : y;
  }

  /// [B, H, t, S], before the mask.
  Tensor scores() {
    double scale = attention_.has_scale() ? attention_.scale()
                                          : 1 / std::sqrt(static_cast<double>(w_.dims.headDim));
    if (attention_.scale_by_inverse_layer())
      scale /= static_cast<double>(layer_ + 1);
    Tensor scores = product(q_, k_, /*transposeB=*/true) * scale;
    if (attention_.soft_cap() > 0) {
      Tensor cap = graph_.scalar(attention_.soft_cap());
      scores = graph_.tanh(scores / cap) * cap;
    }
    return scores;
  }

  Tensor mask(Tensor scores) {
    std::optional<Tensor> visible;
    auto also = [&](Tensor condition) {
      visible = visible ? graph_.logicalAnd(*visible, condition) : condition;
    };
    auto perKey = [&](Tensor condition) {
      return graph_.reshape(condition, {w_.batch, 1, 1, w_.seq});
    };
    if (w_.cache == Wiring::Cache::extend)
      also(perKey(*w_.visibleKeys));
    else if (attention_.causal())
      also(graph_.causalMask(tokens_, tokens_, attention_.window()));
    if (w_.keyMask)
      also(perKey(graph_.notEqual(*w_.keyMask, graph_.integer(0))));
    if (!visible)
      return scores;
    return graph_.select(*visible, scores, graph_.scalar(-std::numeric_limits<double>::infinity()));
  }

  Wiring &w_;
  GraphBuilder &graph_;
  const proto::Attention &attention_;
  const LayerParameters &parameters_;
  int64_t layer_;
  int64_t tokens_ = 1; // t
  Tensor q_, k_, v_;
};

} // namespace

Tensor attentionBlock(Wiring &w, int64_t layer, Tensor x) {
  LayerScope scope(w.graph, attentionPath(layer));
  const proto::Dropout &dropout = w.definition.dropout();
  const double share =
      dropout.has_attention_output() ? dropout.attention_output() : dropout.residual();
  return residual(w, w.parameters.layers[layer].attentionNorm, x, share,
                  attentionResidualDropoutId(layer),
                  [&](Tensor y) { return AttentionLayer(w, layer).run(y); });
}

} // namespace heddle::frontend
