// SPDX-License-Identifier: Apache-2.0
#include "frontend/Dimensions.h"

#include <algorithm>
#include <cmath>

#include "frontend/PatchGrid.h"

namespace heddle::frontend {
namespace {

bool isProjection(proto::Head::Kind kind) {
  return kind == proto::Head::PROJECTION || kind == proto::Head::CONTRASTIVE;
}

} // namespace

Dimensions::Dimensions(const proto::ModelDef &definition) {
  const proto::Attention &attention = definition.attention();
  width = definition.width();
  embeddingSum = definition.has_embedding_sum_width() ? definition.embedding_sum_width() : width;
  embeddingWidth = definition.has_embedding_width() ? definition.embedding_width() : embeddingSum;
  layers = definition.layers();
  heads = attention.heads();
  kvHeads = attention.has_kv_heads() ? attention.kv_heads() : heads;
  headDim = attention.has_head_dim() ? attention.head_dim() : heads > 0 ? width / heads : 0;
  hidden = definition.ffn().has_hidden() ? definition.ffn().hidden() : 4 * width;
  vocab = definition.vocab_size();
  positions = definition.max_positions();
  const proto::Head::Kind head = definition.head().kind();
  const bool ofClasses =
      head == proto::Head::SEQUENCE_CLASSES || head == proto::Head::TOKEN_CLASSES;
  classes = head == proto::Head::SPAN           ? 2
            : detectsReplacedTokens(definition) ? 1
            : ofClasses                         ? definition.head().classes()
                                                : 0;
  if (isProjection(definition.head().kind()))
    classes = definition.head().width();
  if (definition.head().kind() == proto::Head::NOISE)
    classes =
        PatchGrid(definition.patches()).pixels() * (definition.head().learned_variance() ? 2 : 1);
}

bool hasLearnedPositions(const proto::ModelDef &definition) {
  return definition.positions().kind_case() == proto::Positions::kLearned ||
         definition.positions().kind_case() == proto::Positions::KIND_NOT_SET;
}

bool normsHaveBias(const proto::ModelDef &definition) {
  if (definition.norm().kind() == proto::Norm::RMS_NORM)
    return false;
  return definition.norm().has_bias() ? definition.norm().bias() : definition.bias();
}

bool qkvHasBias(const proto::ModelDef &definition) {
  const proto::Attention &attention = definition.attention();
  return attention.has_qkv_bias() ? attention.qkv_bias() : definition.bias();
}

bool keyHasBias(const proto::ModelDef &definition) {
  const proto::Attention &attention = definition.attention();
  return attention.has_key_bias() ? attention.key_bias() : qkvHasBias(definition);
}

bool attentionOutputHasBias(const proto::ModelDef &definition) {
  const proto::Attention &attention = definition.attention();
  return attention.has_output_bias() ? attention.output_bias() : definition.bias();
}

bool ffnHasBias(const proto::ModelDef &definition) {
  return definition.ffn().has_bias() ? definition.ffn().bias() : definition.bias();
}

bool hasFinalNorm(const proto::ModelDef &definition) {
  const proto::Norm &norm = definition.norm();
  return norm.has_final() ? norm.final() : norm.placement() != proto::Norm::POST;
}

bool sharesNorm(const proto::ModelDef &definition) {
  return definition.residual() == proto::ModelDef::PARALLEL_SHARED_NORM;
}

bool hasEmbeddingProjections(const proto::ModelDef &definition) {
  return definition.has_embedding_width() && definition.embedding_width() != definition.width();
}

int64_t positionRows(const proto::ModelDef &definition) {
  if (readsImages(definition))
    return fixedSequence(definition);
  return definition.max_positions() + definition.positions().learned().offset();
}

int64_t windowOf(const proto::ModelDef &definition, int64_t layer) {
  const proto::Attention &attention = definition.attention();
  const int count = attention.window_layers_size();
  if (layer < attention.first_window_layer() ||
      (count > 0 && !attention.window_layers(static_cast<int>(layer % count))))
    return 0;
  return attention.window();
}

bool hasWindows(const proto::ModelDef &definition) {
  for (int64_t layer = 0; layer < definition.layers(); ++layer)
    if (windowOf(definition, layer) > 0)
      return true;
  return false;
}

int64_t cacheLength(const proto::ModelDef &definition, int64_t layer, int64_t seq) {
  const int64_t window = windowOf(definition, layer);
  return window > 0 ? std::min(window, seq) : seq;
}

bool hasTerm(const proto::ModelDef &definition, proto::DisentangledAttention::Term term) {
  const auto &terms = definition.attention().disentangled().terms();
  return std::find(terms.begin(), terms.end(), term) != terms.end();
}

bool hasDistances(const proto::ModelDef &definition) {
  return definition.attention().disentangled().terms_size() > 0;
}

bool hasOwnDistanceProjection(const proto::ModelDef &definition,
                              proto::DisentangledAttention::Term term) {
  return hasTerm(definition, term) && !definition.attention().disentangled().shared_projections();
}

namespace {

int termsOf(const proto::ModelDef &definition) {
  return static_cast<int>(hasTerm(definition, proto::DisentangledAttention::CONTENT_TO_POSITION)) +
         static_cast<int>(hasTerm(definition, proto::DisentangledAttention::POSITION_TO_CONTENT));
}

int64_t largestDistance(const proto::ModelDef &definition) {
  const int64_t given = definition.attention().disentangled().max_distance();
  return given > 0 ? given : definition.max_positions();
}

/// Distance d in buckets: itself up to half of them, beyond on a logarithmic scale. Models were
/// trained with logarithms in f32, so every step here rounds to f32.
int64_t bucketOf(int64_t distance, int64_t buckets, int64_t largest) {
  const int64_t middle = buckets / 2, magnitude = std::abs(distance);
  if (magnitude <= middle)
    return distance;
  const auto half = static_cast<float>(middle);
  const float place = std::log(static_cast<float>(magnitude) / half);
  const float end =
      std::log(static_cast<float>(static_cast<double>(largest - 1) / static_cast<double>(middle)));
  const float steps = std::ceil(place / end * static_cast<float>(middle - 1));
  const auto bucket = static_cast<int64_t>(steps + half);
  return distance < 0 ? -bucket : bucket;
}

} // namespace

int64_t distanceRows(const proto::ModelDef &definition) {
  const int64_t buckets = definition.attention().disentangled().buckets();
  return 2 * (buckets > 0 ? buckets : largestDistance(definition));
}

int64_t distanceRow(const proto::ModelDef &definition, int64_t distance) {
  const int64_t buckets = definition.attention().disentangled().buckets();
  const int64_t rows = distanceRows(definition);
  if (buckets > 0)
    distance = bucketOf(distance, buckets, largestDistance(definition));
  return std::clamp<int64_t>(distance + rows / 2, 0, rows - 1);
}

double scoreScale(const proto::ModelDef &definition, int64_t layer) {
  const proto::Attention &attention = definition.attention();
  const auto headDim = static_cast<double>(Dimensions(definition).headDim);
  double scale = attention.has_scale()
                     ? attention.scale()
                     : 1 / std::sqrt(attention.has_scale_dim() ? attention.scale_dim() : headDim);
  if (hasDistances(definition)) // models were trained with the f32 root
    scale =
        1 / static_cast<double>(std::sqrt(static_cast<float>(headDim * (1 + termsOf(definition)))));
  if (attention.scale_by_inverse_layer())
    scale /= static_cast<double>(layer + 1);
  return scale;
}

int64_t pooledWidth(const proto::ModelDef &definition) {
  const proto::Pooler &pooler = definition.pooler();
  return pooler.has_width() && pooler.dense() ? pooler.width() : definition.width();
}

int64_t headWidth(const proto::ModelDef &definition) {
  const proto::Head::Kind kind = definition.head().kind();
  const bool pooled =
      definition.has_pooler() && (kind == proto::Head::SEQUENCE_CLASSES || isProjection(kind));
  return pooled ? pooledWidth(definition) : definition.width();
}

bool headHasBias(const proto::ModelDef &definition) {
  const proto::Head &head = definition.head();
  return head.has_bias() ? head.bias() : !isLanguageModel(definition) && !isProjection(head.kind());
}

proto::Loss::Kind lossKind(const proto::ModelDef &definition) {
  const proto::Head &head = definition.head();
  if (head.kind() == proto::Head::NOISE)
    return proto::Loss::MEAN_SQUARED_ERROR;
  if (detectsReplacedTokens(definition))
    return proto::Loss::BINARY_CROSS_ENTROPY;
  if (head.kind() != proto::Head::SEQUENCE_CLASSES)
    return proto::Loss::CROSS_ENTROPY;
  if (definition.loss().has_kind())
    return definition.loss().kind();
  return head.classes() == 1 ? proto::Loss::MEAN_SQUARED_ERROR : proto::Loss::CROSS_ENTROPY;
}

bool predictsNext(const proto::ModelDef &definition) {
  return isLanguageModel(definition) && definition.attention().causal() &&
         !definition.has_encoder();
}

bool isLanguageModel(const proto::ModelDef &definition) {
  return definition.head().kind() == proto::Head::LANGUAGE_MODEL;
}

bool detectsReplacedTokens(const proto::ModelDef &definition) {
  return definition.head().kind() == proto::Head::REPLACED_TOKEN_DETECTION;
}

bool encodesTexts(const proto::ModelDef &definition) {
  return !readsImages(definition) && !definition.has_encoder();
}

bool learnsFromPairs(const proto::ModelDef &definition) {
  return definition.head().kind() == proto::Head::EMBEDDING;
}

int64_t longestSequence(const proto::ModelDef &definition) {
  const proto::LearnedPositions &learned = definition.positions().learned();
  return definition.max_positions() - (learned.has_padding_id() ? learned.padding_id() + 1 : 0);
}

int64_t rngStreams(int64_t layers) { return 2 + 6 * layers; }

bool drawsInTraining(const proto::ModelDef &definition) {
  return largestDropout(definition) > 0 || definition.condition().classes().dropout() > 0;
}

double largestDropout(const proto::ModelDef &definition) {
  const proto::Dropout &dropout = definition.dropout();
  return std::max({dropout.embedding(), dropout.attention(), dropout.residual(),
                   dropout.attention_output(), dropout.pooled(), dropout.classifier(),
                   dropout.hidden(), dropout.output(), dropout.distance(),
                   definition.adapters().dropout()});
}

} // namespace heddle::frontend
