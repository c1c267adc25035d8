// SPDX-License-Identifier: Apache-2.0
#include "frontend/Dimensions.h"

#include <algorithm>
#include <cmath>

namespace heddle::frontend {

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
  const bool span = definition.head().kind() == proto::Head::SPAN;
  classes = span ? 2 : definition.head().classes();
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

double scoreScale(const proto::ModelDef &definition, int64_t layer) {
  const proto::Attention &attention = definition.attention();
  const auto headDim = static_cast<double>(Dimensions(definition).headDim);
  double scale = attention.has_scale()
                     ? attention.scale()
                     : 1 / std::sqrt(attention.has_scale_dim() ? attention.scale_dim() : headDim);
  if (attention.scale_by_inverse_layer())
    scale /= static_cast<double>(layer + 1);
  return scale;
}

bool headHasBias(const proto::ModelDef &definition) {
  const proto::Head &head = definition.head();
  return head.has_bias() ? head.bias() : !isLanguageModel(definition);
}

proto::Loss::Kind lossKind(const proto::ModelDef &definition) {
  const proto::Head &head = definition.head();
  if (head.kind() != proto::Head::SEQUENCE_CLASSES)
    return proto::Loss::CROSS_ENTROPY;
  if (definition.loss().has_kind())
    return definition.loss().kind();
  return head.classes() == 1 ? proto::Loss::MEAN_SQUARED_ERROR : proto::Loss::CROSS_ENTROPY;
}

bool isLanguageModel(const proto::ModelDef &definition) {
  return definition.head().kind() == proto::Head::LANGUAGE_MODEL;
}

int64_t longestSequence(const proto::ModelDef &definition) {
  const proto::LearnedPositions &learned = definition.positions().learned();
  return definition.max_positions() - (learned.has_padding_id() ? learned.padding_id() + 1 : 0);
}

int64_t rngStreams(int64_t layers) { return 2 + 6 * layers; }

double largestDropout(const proto::ModelDef &definition) {
  const proto::Dropout &dropout = definition.dropout();
  return std::max({dropout.embedding(), dropout.attention(), dropout.residual(),
                   dropout.attention_output(), dropout.pooled(), dropout.classifier(),
                   dropout.hidden(), dropout.output()});
}

} // namespace heddle::frontend
