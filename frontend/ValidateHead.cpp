// SPDX-License-Identifier: Apache-2.0
#include "frontend/ValidateHead.h"

#include <cmath>

#include "frontend/Dimensions.h"
#include "frontend/ValidateNames.h"
#include "runtime/base/Limits.h"
#include "runtime/base/Utf8.h"

namespace heddle::frontend {
namespace {

Found checkEmbeddingParts(const proto::ModelDef &model) {
  if (model.has_token_types())
    if (Found found =
            checkRange("token_types.count", model.token_types().count(), 1, kMaxDimension))
      return found;
  if (model.has_embedding_sum_width())
    if (Found found =
            checkRange("embedding_sum_width", model.embedding_sum_width(), 1, kMaxDimension))
      return found;
  if (model.project_before_norm() && !model.embedding_norm())
    return wrong("project_before_norm", "needs embedding_norm");
  if (model.has_embedding_sum_width() && model.has_embedding_width())
    return wrong("embedding_width", "does not go with embedding_sum_width");
  const int64_t largestId = model.has_vocab_size() ? model.vocab_size() - 1 : kMaxDimension;
  const proto::LearnedPositions &learned = model.positions().learned();
  if (learned.has_padding_id() && model.max_positions() < 2)
    return wrong("max_positions", "leaves no position beside that of positions.learned.padding_id");
  if (learned.has_padding_id()) // at least one position is left
    return checkRange("positions.learned.padding_id", learned.padding_id(), 0,
                      std::min(largestId, model.max_positions() - 2));
  return std::nullopt;
}

Found checkHead(const proto::ModelDef &model) {
  const proto::Head &head = model.head();
  if (model.pooler().has_width())
    if (Found found = checkRange("pooler.width", model.pooler().width(), 1, kMaxDimension))
      return found;
  const bool classes =
      head.kind() == proto::Head::SEQUENCE_CLASSES || head.kind() == proto::Head::TOKEN_CLASSES;
  if (classes && !head.has_classes())
    return wrong("head.classes", "is missing");
  if (classes)
    if (Found found = checkRange("head.classes", head.classes(), 1, kMaxDimension))
      return found;
  if (lossKind(model) != proto::Loss::CROSS_ENTROPY && model.loss().label_smoothing() != 0)
    return wrong("loss.label_smoothing", "needs loss.kind: CROSS_ENTROPY");
  if (head.next_sentence() && (!isLanguageModel(model) || !model.has_pooler()))
    return wrong("head.next_sentence", "needs a pooler and a head of kind LANGUAGE_MODEL");
  const bool embeds = head.kind() == proto::Head::EMBEDDING;
  if (!embeds && (head.has_pooling() || head.has_normalize() || head.dense_size() > 0))
    return wrong(head.has_pooling()     ? "head.pooling"
                 : head.has_normalize() ? "head.normalize"
                                        : "head.dense",
                 "needs a head of kind EMBEDDING");
  if (head.dense_size() > kMaxDenseLayers)
    return wrong("head.dense", "expected at most ", kMaxDenseLayers, " layers, found ",
                 head.dense_size());
  for (const proto::DenseLayer &layer : head.dense()) {
    if (!layer.has_width())
      return wrong("head.dense.width", "is missing");
    if (Found found = checkRange("head.dense.width", layer.width(), 1, kMaxDimension))
      return found;
    if (layer.has_name() && (layer.name().empty() || !isPlainText(layer.name())))
      return wrong("head.dense.name", "expected plain text of 1 to ", kMaxModuleName, " bytes");
  }
  if (!embeds && model.loss().has_temperature())
    return wrong("loss.temperature", "needs a head of kind EMBEDDING");
  if (const double temperature = model.loss().temperature();
      !(temperature > 0) || !std::isfinite(temperature))
    return wrong("loss.temperature", "expected a number above 0, found ", temperature);
  if (embeds && !encodesTexts(model))
    return wrong("head.kind", "EMBEDDING needs a model of one stack that reads texts");
  if (embeds && (head.has_transform() || head.has_soft_cap() || head.has_bias()))
    return wrong("head.kind", "EMBEDDING goes without transform, soft_cap and bias");
  const bool ofDecoder = model.has_encoder();
  const bool looksAhead = classes || head.kind() == proto::Head::SPAN ||
                          detectsReplacedTokens(model) || head.next_sentence();
  if (looksAhead && !ofDecoder && model.attention().causal())
    return wrong("head.kind", "needs attention.causal: false");
  if (head.constant_bias() && !isLanguageModel(model))
    return wrong("head.constant_bias", "needs a head of kind LANGUAGE_MODEL");
  if (head.has_transform() && model.has_embedding_width())
    return wrong("head.transform", "does not go with embedding_width");
  if (isLanguageModel(model) && head.tied() && model.has_embedding_sum_width() &&
      model.embedding_sum_width() != model.width() && !head.has_transform())
    return wrong("embedding_sum_width", "a tied head needs head.transform, which leads back to it");
  return std::nullopt;
}

Found checkNames(const proto::ParameterNames &names) {
  const std::pair<const char *, const std::string *> texts[] = {
      {"names.head_bias", names.has_head_bias() ? &names.head_bias() : nullptr},
      {"names.other_norm_weight",
       names.has_other_norm_weight() ? &names.other_norm_weight() : nullptr},
      {"names.other_norm_bias", names.has_other_norm_bias() ? &names.other_norm_bias() : nullptr}};
  for (const auto &[field, text] : texts)
    if (text && text->empty())
      return wrong(field, "is empty");
  if (names.has_other_norm_weight() && names.other_norm_weight() == names.other_norm_bias())
    return wrong("names.other_norm_bias", "is names.other_norm_weight too");
  return std::nullopt;
}

} // namespace

std::optional<FieldError> findHeadError(const proto::ModelDef &definition) {
  if (Found found = checkEmbeddingParts(definition))
    return found;
  if (Found found = checkHead(definition))
    return found;
  return checkNames(definition.names());
}

} // namespace heddle::frontend
