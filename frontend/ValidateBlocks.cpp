// SPDX-License-Identifier: Apache-2.0
#include "frontend/ValidateBlocks.h"

#include <algorithm>
#include <cmath>

#include "frontend/Dimensions.h"

namespace heddle::frontend {
namespace {

Found checkResidual(const proto::ModelDef &model) {
  const proto::Norm &norm = model.norm();
  const bool pre = norm.placement() == proto::Norm::PRE;
  if (model.residual() != proto::ModelDef::SEQUENTIAL && !pre)
    return wrong("residual", "parallel parts need norm.placement PRE");
  const bool many = model.dropout().hidden() > 0 || model.dropout().output() > 0;
  if (many && rngStreams(model.layers()) > kMaxRngStreams)
    return wrong("layers", "with dropout.hidden or dropout.output, ", model.layers(),
                 " layers have more random streams than the limit of ", kMaxRngStreams);
  if (norm.residual_from_norm() && (!pre || model.residual() != proto::ModelDef::SEQUENTIAL))
    return wrong("norm.residual_from_norm", "needs norm.placement PRE and residual SEQUENTIAL");
  return std::nullopt;
}

Found checkEmbeddings(const proto::ModelDef &model) {
  if (model.has_embedding_width() &&
      (model.embedding_width() < 1 || model.embedding_width() > kMaxDimension))
    return wrong("embedding_width", "expected a size from 1 to ", kMaxDimension, ", found ",
                 model.embedding_width());
  if (model.has_padding_id() && model.has_vocab_size() &&
      (model.padding_id() < -model.vocab_size() || model.padding_id() >= model.vocab_size()))
    return wrong("padding_id", "expected one of the ", model.vocab_size(), " tokens, found ",
                 model.padding_id());
  const int64_t offset = model.positions().learned().offset();
  if (offset < 0 || offset > kMaxDimension - model.max_positions())
    return wrong("positions.learned.offset", "expected a number from 0 to ",
                 kMaxDimension - model.max_positions(), ", found ", offset);
  if (model.positions().learned().from_mask() && offset == 0)
    return wrong("positions.learned.from_mask",
                 "hidden tokens stand at -1 then: it needs an offset");
  if (model.positions().has_alibi() && !model.attention().causal())
    return wrong("positions.alibi", "needs attention.causal");
  return std::nullopt;
}

Found checkPositions(const proto::ModelDef &model) {
  const proto::Sinusoidal &waves = model.positions().sinusoidal();
  const proto::RelativeBias &bias = model.positions().relative_bias();
  if (model.positions().has_sinusoidal()) {
    const int64_t width = Dimensions(model).embeddingSum;
    if (width % 2 != 0)
      return wrong("positions.sinusoidal", "needs an even width, found ", width);
    if (!(waves.theta() > 0) || !std::isfinite(waves.theta()))
      return wrong("positions.sinusoidal.theta", "expected a positive number, found ",
                   waves.theta());
    if (waves.reach_theta() && width < 4)
      return wrong("positions.sinusoidal.reach_theta", "needs two frequencies");
  }
  if (!model.positions().has_relative_bias())
    return std::nullopt;
  // Half of the buckets of a direction are of one distance, and there is one at least.
  const int64_t share = model.attention().causal() ? 2 : 4;
  if (Found found =
          checkRange("positions.relative_bias.buckets", bias.buckets(), share, kMaxRelativeBuckets))
    return found;
  return checkRange("positions.relative_bias.max_distance", bias.max_distance(),
                    bias.buckets() / share + 1, kMaxDimension);
}

Found checkWindows(const proto::Attention &attention) {
  if (attention.first_window_layer() < 0)
    return wrong("attention.first_window_layer", "expected a layer's number, found ",
                 attention.first_window_layer());
  if (attention.window_layers_size() > kMaxLayers)
    return wrong("attention.window_layers", attention.window_layers_size(),
                 " elements, more than the limit of ", kMaxLayers);
  const auto &layers = attention.window_layers();
  const auto first = std::find(layers.begin(), layers.end(), true);
  if (first != layers.end() && attention.window() == 0)
    return wrong("attention.window_layers", "layer ", first - layers.begin(),
                 " has a window, but its size is not given");
  return std::nullopt;
}

Found checkScores(const proto::ModelDef &model) {
  const proto::Attention &attention = model.attention();
  if (attention.has_scale_dim() &&
      (!(attention.scale_dim() > 0) || !std::isfinite(attention.scale_dim())))
    return wrong("attention.scale_dim", "expected a positive number, found ",
                 attention.scale_dim());
  if (attention.has_scale_dim() && attention.has_scale())
    return wrong("attention.scale_dim", "attention.scale is given too");
  if (attention.mean_if_blind() && !attention.causal() && !attention.mask_queries())
    return wrong("attention.mean_if_blind", "needs attention.causal or attention.mask_queries");
  if (attention.has_key_bias() && attention.fused_qkv())
    return wrong("attention.key_bias", "needs attention.fused_qkv: false");
  if (attention.qkv_layout() != proto::Attention::BY_KIND && !attention.fused_qkv())
    return wrong("attention.qkv_layout", "needs attention.fused_qkv");
  if (model.positions().alibi().scaled() && attention.scale_by_inverse_layer())
    return wrong("positions.alibi.scaled", "does not go with attention.scale_by_inverse_layer");
  if (!(model.head().soft_cap() >= 0) || !std::isfinite(model.head().soft_cap()))
    return wrong("head.soft_cap", "expected a positive number, or 0 for none, found ",
                 model.head().soft_cap());
  return std::nullopt;
}

Found checkDistances(const proto::ModelDef &model) {
  if (!hasDistances(model))
    return std::nullopt;
  const proto::Attention &attention = model.attention();
  const proto::DisentangledAttention &distances = attention.disentangled();
  if (attention.causal())
    return wrong("attention.disentangled", "needs attention.causal: false");
  if (attention.has_kv_heads() && attention.kv_heads() != attention.heads())
    return wrong("attention.disentangled", "needs a key head for each query head");
  if (distances.shared_projections() && attention.fused_qkv())
    return wrong("attention.disentangled.shared_projections", "needs attention.fused_qkv: false");
  if (attention.has_scale() || attention.has_scale_dim() || attention.scale_by_inverse_layer())
    return wrong(attention.has_scale() ? "attention.scale" : "attention.scale_dim",
                 "attention.disentangled says the scale");
  const int64_t largest =
      distances.max_distance() > 0 ? distances.max_distance() : model.max_positions();
  if (largest < 1 || largest > kMaxSequence)
    return wrong("attention.disentangled.max_distance", "expected a distance from 1 to ",
                 kMaxSequence, ", or max_positions in its place, found ", largest);
  const int64_t buckets = distances.buckets(), middle = buckets / 2;
  if (buckets == 1 || buckets > kMaxSequence)
    return wrong("attention.disentangled.buckets", "expected a number from 2 to ", kMaxSequence,
                 ", or 0 for none, found ", buckets);
  // The logarithmic scale from the middle to the largest distance has no length there.
  if (buckets > 0 && largest == middle + 1 &&
      (model.max_positions() == 0 || model.max_positions() > largest))
    return wrong("attention.disentangled.buckets", buckets, " buckets leave none for distances ",
                 "from ", middle, " to ", largest - 1);
  if (model.layers() > kMaxDistanceLayers)
    return wrong("layers", "attention.disentangled allows at most ", kMaxDistanceLayers);
  return std::nullopt;
}

Found checkDistanceEncoding(const proto::ModelDef &model) {
  const proto::Attention &attention = model.attention();
  const bool ownKeys = !attention.has_kv_heads() || attention.kv_heads() == attention.heads();
  if (attention.see_self() && attention.causal())
    return wrong("attention.see_self", "needs attention.causal: false");
  if (attention.projections_by_head() && (attention.fused_qkv() || !ownKeys))
    return wrong("attention.projections_by_head",
                 "needs attention.fused_qkv: false and a key head for each query head");
  if (model.has_token_types() &&
      model.token_types().compared() != attention.distance_encoding().token_types())
    return wrong("token_types.compared", "goes with attention.distance_encoding.token_types");
  if (!attention.has_distance_encoding())
    return std::nullopt;
  if (attention.causal())
    return wrong("attention.distance_encoding", "needs attention.causal: false");
  if (!ownKeys)
    return wrong("attention.distance_encoding", "needs a key head for each query head");
  if (hasDistances(model))
    return wrong("attention.distance_encoding", "does not go with attention.disentangled");
  if (model.width() % 2 != 0)
    return wrong("width", "attention.distance_encoding needs an even one, found ", model.width());
  if (attention.distance_encoding().token_types() && !model.has_token_types())
    return wrong("token_types", "is missing: attention.distance_encoding compares them");
  return std::nullopt;
}

Found checkAdapterFields(const proto::ModelDef &model) {
  if (!model.has_adapters())
    return std::nullopt;
  const proto::LowRankAdapters &adapters = model.adapters();
  if (adapters.rank() < 1 || adapters.rank() > kMaxDimension)
    return wrong("adapters.rank", "expected a size from 1 to ", kMaxDimension, ", found ",
                 adapters.rank());
  if (!(adapters.alpha() > 0) || !std::isfinite(adapters.alpha()))
    return wrong("adapters.alpha", "expected a positive number, found ", adapters.alpha());
  if (!(adapters.dropout() >= 0 && adapters.dropout() < 1))
    return wrong("adapters.dropout", "expected a number from 0 to less than 1, found ",
                 adapters.dropout());
  if (adapters.targets().empty())
    return wrong("adapters.targets", "is missing");
  return std::nullopt;
}

} // namespace

std::optional<FieldError> findBlockError(const proto::ModelDef &definition) {
  for (const Found &found :
       {checkResidual(definition), checkEmbeddings(definition), checkPositions(definition),
        checkWindows(definition.attention()), checkScores(definition), checkDistances(definition),
        checkDistanceEncoding(definition), checkAdapterFields(definition)})
    if (found)
      return found;
  return std::nullopt;
}

} // namespace heddle::frontend
