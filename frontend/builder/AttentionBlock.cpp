// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"
#include "ir/Conventions.h"

namespace heddle::frontend {
namespace {

class AttentionLayer {
public:
  AttentionLayer(Wiring &w, int64_t layer, const AttentionParameters &parameters, int64_t rngId)
      : w_(w), graph_(w.graph), attention_(w.definition.attention()), parameters_(parameters),
        layer_(layer), rngId_(rngId) {}

  /// Of x [B, t, C] to itself, already normed where norms come first.
  Tensor run(Tensor x) {
    tokens_ = x ? x.shape()[1] : 1;
    project(x);
    cacheKeysAndValues();
    Tensor o = weighted(mask(scores()));
    if (attention_.mask_queries() && w_.keyMask)
      o = ofVisibleQueries(o);
    else if (attention_.mean_if_blind() && w_.keysSeen)
      o = meanIfBlind(o);
    return joined(o);
  }

  /// Of x to the encoder's vectors. Positions mean nothing here.
  Tensor runAcross(Tensor x) {
    tokens_ = x ? x.shape()[1] : 1;
    Tensor q = linear(w_, *parameters_.query, x);
    q_ = headNorm(parameters_.queryNorm, splitHeads(q, w_.dims.heads, tokens_));
    projectSource();
    Tensor scores =
        capped(product(q_, k_, /*transposeB=*/true) * scoreScale(w_.definition, layer_));
    if (w_.sourceMask)
      scores = hidden(scores, keysOf(*w_.sourceMask, w_.sourceLength));
    return joined(weighted(scores));
  }

private:
  /// k_ and v_ [B, G, S, D] of the encoder's vectors, or out of the cache.
  void projectSource() {
    const std::string number = std::to_string(layer_);
    const std::string keyName = ir::kCrossCacheK.str() + number,
                      valueName = ir::kCrossCacheV.str() + number;
    if (w_.cache == Wiring::Cache::extend) {
      const Shape shape = {w_.batch, w_.dims.kvHeads, w_.sourceLength, w_.dims.headDim};
      k_ = graph_.state(keyName, shape);
      v_ = graph_.state(valueName, shape);
      return;
    }
    Tensor k = linear(w_, *parameters_.key, *w_.source);
    Tensor v = linear(w_, *parameters_.value, *w_.source);
    k_ = headNorm(parameters_.keyNorm, splitHeads(k, w_.dims.kvHeads, w_.sourceLength));
    v_ = splitHeads(v, w_.dims.kvHeads, w_.sourceLength);
    if (w_.cache == Wiring::Cache::fill) {
      graph_.newState(keyName, k_);
      graph_.newState(valueName, v_);
    }
  }

  /// The values by the weights that scores give them: [B, H, t, D].
  Tensor weighted(Tensor scores) {
    Tensor weights = graph_.softmax(scores);
    weights = dropout(w_, weights, w_.definition.dropout().attention(), rngId_);
    return product(weights, v_, /*transposeB=*/false);
  }

  /// o [B, H, t, D] -> [B, t, C]
  Tensor joined(Tensor o) {
    o = graph_.reshape(graph_.transpose(o, {0, 2, 1, 3}),
                       {w_.batch, tokens_, w_.dims.queryWidth()});
    return linear(w_, parameters_.attentionOutput, o);
  }

  /// q_ [B, H, t, D], k_ and v_ [B, G, t, D].
  void project(Tensor x) {
    const int64_t queries = w_.dims.queryWidth(), keys = w_.dims.keyWidth();
    Tensor q, k, v;
    if (parameters_.qkv && attention_.qkv_layout() == proto::Attention::BY_KEY_HEAD) {
      Tensor all = linear(w_, *parameters_.qkv, x);
      const int64_t groups = w_.dims.kvHeads, shared = w_.dims.heads / groups;
      all = graph_.reshape(all, {w_.batch, tokens_, groups, shared + 2, w_.dims.headDim});
      q = ofEveryGroup(all, 0, shared);
      k = ofEveryGroup(all, shared, 1);
      v = ofEveryGroup(all, shared + 1, 1);
    } else if (parameters_.qkv) {
      Tensor all = linear(w_, *parameters_.qkv, x);
      q = columns(all, 0, queries);
      k = columns(all, queries, keys);
      v = columns(all, queries + keys, keys);
    } else {
      q = linear(w_, *parameters_.query, x);
      k = linear(w_, *parameters_.key, x);
      v = linear(w_, *parameters_.value, x);
    }
    q_ = turn(headNorm(parameters_.queryNorm, splitHeads(q, w_.dims.heads, tokens_)));
    k_ = turn(headNorm(parameters_.keyNorm, splitHeads(k, w_.dims.kvHeads, tokens_)));
    v_ = splitHeads(v, w_.dims.kvHeads, tokens_);
    plainQuery_ = q_;
    if (parameters_.distances)
      q_ = q_ + graph_.reshape(graph_.parameter(parameters_.distances->contentBias),
                               {1, w_.dims.heads, 1, w_.dims.headDim});
  }

  Tensor columns(Tensor all, int64_t first, int64_t count) {
    return graph_.slice(all, {0, 0, first}, {w_.batch, tokens_, count});
  }

  /// Some vectors of each group [B, t, G, R + 2, D], in one row.
  Tensor ofEveryGroup(Tensor all, int64_t first, int64_t count) {
    const int64_t groups = w_.dims.kvHeads, size = w_.dims.headDim;
    Tensor part = graph_.slice(all, {0, 0, 0, first, 0}, {w_.batch, tokens_, groups, count, size});
    return graph_.reshape(part, {w_.batch, tokens_, groups * count * size});
  }

  Tensor headNorm(const std::optional<NormParameters> &parameters, Tensor x) {
    return parameters ? norm(w_, *parameters, x) : x;
  }

  /// [B, t, heads * D] -> [B, heads, t, D]
  Tensor splitHeads(Tensor x, int64_t heads, int64_t tokens) {
    return graph_.transpose(graph_.reshape(x, {w_.batch, tokens, heads, w_.dims.headDim}),
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
      const Shape shape = {w_.batch, w_.dims.kvHeads, keyCount(), w_.dims.headDim};
      Tensor place = inRing() ? *w_.ring->slot : *w_.positions;
      k_ = graph_.cacheUpdate(graph_.state(keyName, shape), k_, place);
      v_ = graph_.cacheUpdate(graph_.state(valueName, shape), v_, place);
    }
    const bool reduced = inRing() && w_.cache == Wiring::Cache::fill;
    Tensor keys = reduced ? ringOf(w_, k_) : k_;
    graph_.newState(keyName, keys);
    Tensor values = reduced ? ringOf(w_, v_) : v_;
    graph_.newState(valueName, values);
  }

  /// Whether the layer's cache is a ring.
  bool inRing() const { return w_.ring && windowOf(w_.definition, layer_) > 0; }

  /// S, of the scores that are computed.
  int64_t keyCount() const {
    return inRing() && w_.cache == Wiring::Cache::extend ? w_.ring->slots : w_.seq;
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

  /// o [B, H, T, D] where attention_mask lets the query itself be seen, which sees itself then;
  /// elsewhere the mean of v or zeros.
  Tensor ofVisibleQueries(Tensor o) {
    Tensor sees = graph_.notEqual(*w_.keyMask, graph_.integer(0));
    if (attention_.mean_if_blind())
      return meanWhereNot(sees, o);
    sees = graph_.reshape(sees, {w_.batch, 1, w_.seq, 1});
    return graph_.select(sees, o, graph_.scalar(0));
  }

  /// o [B, H, T, D] where a query sees a key, elsewhere the mean of v.
  Tensor meanIfBlind(Tensor o) {
    const bool windowed = windowOf(w_.definition, layer_) > 0;
    Tensor seen = windowed ? *w_.windowKeysSeen : *w_.keysSeen;
    return meanWhereNot(graph_.greater(seen, graph_.scalar(0, Element::f32)), o);
  }

  /// sees [B, T]
  Tensor meanWhereNot(Tensor sees, Tensor o) {
    const int64_t groups = w_.dims.kvHeads, shared = w_.dims.heads / groups, size = w_.dims.headDim;
    sees = graph_.reshape(sees, {w_.batch, 1, 1, w_.seq, 1});
    Tensor mean = graph_.sum(v_, {2}) * (1 / static_cast<double>(w_.seq));
    mean = graph_.reshape(mean, {w_.batch, groups, 1, 1, size});
    o = graph_.reshape(o, {w_.batch, groups, shared, w_.seq, size});
    o = graph_.select(sees, o, mean);
    return graph_.reshape(o, {w_.batch, w_.dims.heads, w_.seq, size});
  }

  /// [B, H, t, S], before the mask.
  Tensor scores() {
    Tensor scores = product(q_, k_, /*transposeB=*/true) * scoreScale(w_.definition, layer_);
    const bool extended = inRing() && w_.cache == Wiring::Cache::extend;
    if (const std::optional<Tensor> &bias = extended ? w_.ring->scoreBias : w_.scoreBias)
      scores = scores + *bias;
    if (w_.distances)
      scores = scores + distanceScores(w_, layer_, q_, k_);
    if (parameters_.distances || sparesSelf())
      scores = scores + sumOfBiases();
    return capped(scores);
  }

  /// Whether a query sees itself where attention_mask hides it, which no mask of keys says.
  bool sparesSelf() const { return attention_.see_self() && w_.keyMask; }

  Tensor sumOfBiases() {
    if (!parameters_.distances)
      return hiddenButSelf(w_);
    Tensor sum = sineScores(w_, *parameters_.distances, layer_, plainQuery_);
    return sparesSelf() ? sum + hiddenButSelf(w_) : sum;
  }

  Tensor capped(Tensor scores) {
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
    if (w_.cache == Wiring::Cache::extend) {
      Tensor filled = inRing() ? *w_.ring->visible : *w_.visibleKeys;
      also(graph_.reshape(filled, {w_.batch, 1, 1, keyCount()}));
    } else if (attention_.causal()) {
      also(graph_.causalMask(tokens_, tokens_, windowOf(w_.definition, layer_)));
    }
    if (w_.keyMask && !sparesSelf())
      also(keysOf(*w_.keyMask, w_.seq));
    return visible ? hidden(scores, *visible) : scores;
  }

  /// mask [B, S] -> [B, 1, 1, S], true where it is not 0.
  Tensor keysOf(Tensor mask, int64_t keys) {
    return graph_.reshape(graph_.notEqual(mask, graph_.integer(0)), {w_.batch, 1, 1, keys});
  }

  Tensor hidden(Tensor scores, Tensor visible) {
    return graph_.select(visible, scores, graph_.scalar(-std::numeric_limits<double>::infinity()));
  }

  Wiring &w_;
  GraphBuilder &graph_;
  const proto::Attention &attention_;
  const AttentionParameters &parameters_;
  int64_t layer_, rngId_;
  int64_t tokens_ = 1; // t
  Tensor q_, k_, v_;
  Tensor plainQuery_; // q_ before the bias of its products with the keys
};

/// The share of what attention adds that is dropped.
double outputDropout(const proto::Dropout &dropout) {
  return dropout.has_attention_output() ? dropout.attention_output() : dropout.residual();
}

} // namespace

Tensor attentionOf(Wiring &w, int64_t layer, Tensor x) {
  return AttentionLayer(w, layer, w.parameters.layers[layer], attentionDropoutId(layer)).run(x);
}

Tensor attentionBlock(Wiring &w, int64_t layer, Tensor x) {
  LayerScope scope(w.graph, attentionPath(layer, w.stack));
  const LayerParameters &parameters = w.parameters.layers[layer];
  return residual(w, parameters.attentionNorm, parameters.attentionPostNorm, w.attentionModulation,
                  x, outputDropout(w.definition.dropout()), attentionResidualDropoutId(layer),
                  [&](Tensor y) { return attentionOf(w, layer, y); });
}

Tensor crossAttentionBlock(Wiring &w, int64_t layer, Tensor x) {
  LayerScope scope(w.graph, crossAttentionPath(layer, w.stack));
  const AttentionParameters &parameters = *w.parameters.layers[layer].cross;
  const int64_t rngId = crossDropoutId(w.dims.layers, layer);
  return residual(
      w, parameters.attentionNorm, parameters.attentionPostNorm, std::nullopt, x,
      outputDropout(w.definition.dropout()), crossResidualDropoutId(w.dims.layers, layer),
      [&](Tensor y) { return AttentionLayer(w, layer, parameters, rngId).runAcross(y); });
}

} // namespace heddle::frontend
