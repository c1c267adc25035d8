// SPDX-License-Identifier: Apache-2.0
#include "frontend/Validate.h"

#include <algorithm>
#include <cmath>

#include "frontend/Dimensions.h"
#include "frontend/PatchGrid.h"
#include "frontend/ValidateBlocks.h"
#include "frontend/ValidateEncoder.h"
#include "frontend/ValidateHead.h"
#include "frontend/ValidateImages.h"
#include "frontend/ValidateNames.h"
#include "frontend/ValidateTowers.h"
#include "runtime/base/CheckedMath.h"

namespace heddle::frontend {

Found checkSize(const char *field, bool given, int64_t value, int64_t limit) {
  if (!given)
    return wrong(field, "is missing");
  if (value < 1 || value > limit)
    return wrong(field, "expected a size from 1 to ", limit, ", found ", value);
  return std::nullopt;
}

Found checkRange(const char *field, int64_t value, int64_t from, int64_t to) {
  if (value < from || value > to)
    return wrong(field, "expected a number from ", from, " to ", to, ", found ", value);
  return std::nullopt;
}

namespace {

Found checkShare(const char *field, double value) {
  if (!(value >= 0 && value < 1))
    return wrong(field, "expected a number from 0 to less than 1, found ", value);
  return std::nullopt;
}

Found checkPositive(const char *field, bool given, double value) {
  if (!given)
    return wrong(field, "is missing");
  if (!(value > 0) || !std::isfinite(value))
    return wrong(field, "expected a positive number, found ", value);
  return std::nullopt;
}

#define HEDDLE_RETURN_IF_FOUND(check)                                                              \
  do {                                                                                             \
    if (Found found = (check))                                                                     \
      return found;                                                                                \
  } while (false)

Found checkSizes(const proto::ModelDef &model) {
  HEDDLE_RETURN_IF_FOUND(checkSize("width", model.has_width(), model.width()));
  HEDDLE_RETURN_IF_FOUND(checkSize("layers", model.has_layers(), model.layers(), kMaxLayers));
  if (model.has_vocab_size())
    HEDDLE_RETURN_IF_FOUND(checkSize("vocab_size", true, model.vocab_size()));
  if (model.max_positions() < 0 || model.max_positions() > kMaxDimension)
    return wrong("max_positions", "expected a size from 0 to ", kMaxDimension, ", found ",
                 model.max_positions());
  if (hasLearnedPositions(model) && model.max_positions() == 0 && !readsImages(model))
    return wrong("max_positions", "is missing: learned positions need it");
  if (model.ffn().has_hidden())
    return checkSize("ffn.hidden", true, model.ffn().hidden());
  if (model.width() > kMaxDimension / 4)
    return wrong("width", "4 width, the default of ffn.hidden, is more than ", kMaxDimension);
  return std::nullopt;
}

Found checkAttention(const proto::ModelDef &model) {
  const proto::Attention &attention = model.attention();
  HEDDLE_RETURN_IF_FOUND(
      checkSize("attention.heads", attention.has_heads(), attention.heads(), kMaxHeads));
  if (attention.has_head_dim())
    HEDDLE_RETURN_IF_FOUND(checkSize("attention.head_dim", true, attention.head_dim()));
  else if (model.width() % attention.heads() != 0)
    return wrong("attention.heads", attention.heads(), " heads do not divide the width, ",
                 model.width());
  if (attention.has_kv_heads()) {
    HEDDLE_RETURN_IF_FOUND(
        checkSize("attention.kv_heads", true, attention.kv_heads(), attention.heads()));
    if (attention.heads() % attention.kv_heads() != 0)
      return wrong("attention.kv_heads", attention.kv_heads(), " do not divide the ",
                   attention.heads(), " query heads");
  }
  Dimensions dims(model);
  auto columns =
      checkedProduct<int64_t>(std::initializer_list<int64_t>{3, dims.heads, dims.headDim});
  if (!columns || *columns > kMaxDimension)
    return wrong("attention.head_dim", dims.heads, " heads of ", dims.headDim,
                 " need projections of more than ", kMaxDimension, " columns");
  if (attention.has_scale() && (!std::isfinite(attention.scale()) || attention.scale() == 0))
    return wrong("attention.scale", "expected a finite number other than 0, found ",
                 attention.scale());
  if (attention.window() < 0 || attention.window() > kMaxDimension)
    return wrong("attention.window", "expected a number of keys, or 0 for all, found ",
                 attention.window());
  if (attention.window() > 0 && !attention.causal())
    return wrong("attention.window", "needs attention.causal");
  if (!(attention.soft_cap() >= 0) || !std::isfinite(attention.soft_cap()))
    return wrong("attention.soft_cap", "expected a positive number, or 0 for none, found ",
                 attention.soft_cap());
  return std::nullopt;
}

Found checkRotary(const proto::ModelDef &model) {
  const proto::Rotary &rotary = model.positions().rotary();
  HEDDLE_RETURN_IF_FOUND(checkPositive("positions.rotary.theta", true, rotary.theta()));
  if (!(rotary.fraction() > 0 && rotary.fraction() <= 1))
    return wrong("positions.rotary.fraction", "expected a number above 0 up to 1, found ",
                 rotary.fraction());
  int64_t headDim = Dimensions(model).headDim;
  auto turning = static_cast<int64_t>(static_cast<double>(headDim) * rotary.fraction());
  if (turning < 2 || turning % 2 != 0)
    return wrong("attention.head_dim", "rotary positions turn pairs of components, but ", turning,
                 " of the head's ", headDim, " components would turn");
  if (rotary.has_linear())
    return checkPositive("positions.rotary.linear.factor", rotary.linear().has_factor(),
                         rotary.linear().factor());
  if (!rotary.has_llama3())
    return std::nullopt;
  const proto::Llama3Scaling &llama3 = rotary.llama3();
  HEDDLE_RETURN_IF_FOUND(
      checkPositive("positions.rotary.llama3.factor", llama3.has_factor(), llama3.factor()));
  HEDDLE_RETURN_IF_FOUND(checkPositive("positions.rotary.llama3.low_frequency_factor", true,
                                       llama3.low_frequency_factor()));
  HEDDLE_RETURN_IF_FOUND(checkPositive("positions.rotary.llama3.high_frequency_factor", true,
                                       llama3.high_frequency_factor()));
  if (llama3.low_frequency_factor() >= llama3.high_frequency_factor())
    return wrong("positions.rotary.llama3.high_frequency_factor", "expected more than the low ",
                 "frequency factor, ", llama3.low_frequency_factor(), ", found ",
                 llama3.high_frequency_factor());
  return checkSize("positions.rotary.llama3.original_max_positions",
                   llama3.has_original_max_positions(), llama3.original_max_positions());
}

Found checkNumbers(const proto::ModelDef &model) {
  HEDDLE_RETURN_IF_FOUND(checkPositive("norm.epsilon", true, model.norm().epsilon()));
  if (model.norm().kind() == proto::Norm::RMS_NORM && model.norm().bias())
    return wrong("norm.bias", "RMS_NORM has no bias");
  HEDDLE_RETURN_IF_FOUND(checkShare("dropout.embedding", model.dropout().embedding()));
  HEDDLE_RETURN_IF_FOUND(checkShare("dropout.attention", model.dropout().attention()));
  HEDDLE_RETURN_IF_FOUND(checkShare("dropout.residual", model.dropout().residual()));
  HEDDLE_RETURN_IF_FOUND(
      checkShare("dropout.attention_output", model.dropout().attention_output()));
  HEDDLE_RETURN_IF_FOUND(checkShare("dropout.hidden", model.dropout().hidden()));
  HEDDLE_RETURN_IF_FOUND(checkShare("dropout.output", model.dropout().output()));
  HEDDLE_RETURN_IF_FOUND(checkShare("dropout.pooled", model.dropout().pooled()));
  HEDDLE_RETURN_IF_FOUND(checkShare("dropout.classifier", model.dropout().classifier()));
  HEDDLE_RETURN_IF_FOUND(checkShare("dropout.distance", model.dropout().distance()));
  HEDDLE_RETURN_IF_FOUND(checkShare("loss.label_smoothing", model.loss().label_smoothing()));
  double scale = model.initializer().scale();
  if (!(scale >= 0) || !std::isfinite(scale))
    return wrong("initializer.scale", "expected a number from 0, found ", scale);
  return std::nullopt;
}

/// The number of weights, or nothing where it is above kMaxElements.
std::optional<int64_t> countElements(const proto::ModelDef &model) {
  Dimensions dims(model);
  auto square = [](int64_t a, int64_t b) { return checkedMul<int64_t>(a, b); };
  // Biases and norms are smaller than the weight beside them: counted as doubling it.
  int64_t layer = 0, total = 0;
  const int64_t own =
      hasOwnDistanceProjection(model, proto::DisentangledAttention::CONTENT_TO_POSITION) +
      hasOwnDistanceProjection(model, proto::DisentangledAttention::POSITION_TO_CONTENT);
  const int64_t modulated = model.norm().adaln_zero() ? 6 * dims.width : 0;
  for (int64_t columns : {(2 + own) * dims.queryWidth() + 2 * dims.keyWidth(), dims.hidden,
                          dims.hidden, dims.hidden, dims.width, modulated}) {
    auto elements = square(dims.width, columns);
    if (!elements || *elements > kMaxElements)
      return std::nullopt;
    layer += *elements;
  }
  auto layers = square(layer, dims.layers);
  const int64_t widest = std::max({dims.width, dims.embeddingSum, dims.embeddingWidth});
  const int64_t distances = hasDistances(model) ? distanceRows(model) : 0;
  const int64_t types = model.has_token_types() ? model.token_types().count() : 0;
  const int64_t projected = dims.embeddingSum != dims.width ? dims.embeddingSum : 0;
  const int64_t narrowed = hasEmbeddingProjections(model) ? 2 * dims.width : 0; // in and out
  const int64_t pooled = model.has_pooler() ? pooledWidth(model) : 0;
  const int64_t transformed = model.head().has_transform() ? dims.width : 0;
  const proto::Conditioning &condition = model.condition();
  const int64_t labels = condition.has_classes() ? condition.classes().count() + 1 : 0;
  const int64_t times = condition.has_timestep() ? condition.timestep().frequencies() : 0;
  const int64_t pixels = readsImages(model) ? PatchGrid(model.patches()).pixels() : 0;
  for (int64_t rows : {dims.vocab, dims.vocab, dims.positions, types, projected, narrowed, pooled,
                       transformed, dims.classes, distances, labels, times,
                       times > 0 ? dims.width : 0, pixels, fixedSequence(model), modulated}) {
    auto elements = square(rows, widest);
    if (!elements || *elements > kMaxElements)
      return std::nullopt;
    total += *elements;
  }
  int64_t vector = dims.width; // of an embedding
  for (const proto::DenseLayer &dense : model.head().dense()) {
    auto elements = square(dense.width(), vector + 1);
    if (!elements || *elements > kMaxElements)
      return std::nullopt;
    total += *elements;
    vector = dense.width();
  }
  auto sum = layers ? checkedAdd<int64_t>(*layers, total) : std::nullopt;
  return sum && *sum <= kMaxElements ? sum : std::nullopt;
}

} // namespace

std::optional<FieldError> findFieldError(const proto::ModelDef &definition) {
  HEDDLE_RETURN_IF_FOUND(checkSizes(definition));
  HEDDLE_RETURN_IF_FOUND(checkAttention(definition));
  if (definition.positions().has_rotary())
    HEDDLE_RETURN_IF_FOUND(checkRotary(definition));
  HEDDLE_RETURN_IF_FOUND(checkNumbers(definition));
  HEDDLE_RETURN_IF_FOUND(findBlockError(definition));
  HEDDLE_RETURN_IF_FOUND(findHeadError(definition));
  HEDDLE_RETURN_IF_FOUND(findImageError(definition));
  HEDDLE_RETURN_IF_FOUND(findTowerError(definition));
  if (!countElements(definition))
    return wrong("width", "the model has more than ", kMaxElements, " weights");
  HEDDLE_RETURN_IF_FOUND(findNameError(definition));
  return findEncoderError(definition);
}

Status validateModel(const proto::ModelDef &definition, const std::string &file) {
  if (std::optional<FieldError> error = findFieldError(definition))
    return invalidInput(file, ": field \"", error->field, "\": ", error->problem);
  return absl::OkStatus();
}

Status validateShape(const proto::ModelDef &definition, int64_t batch, int64_t seq) {
  if (batch < 1 || batch > kMaxDimension)
    return invalidInput("batch: expected a size from 1 to ", kMaxDimension, ", found ", batch);
  if (seq < 1 || seq > kMaxSequence)
    return invalidInput("seq: expected a size from 1 to ", kMaxSequence, ", found ", seq);
  if (const int64_t fixed = fixedSequence(definition); fixed > 0 && seq != fixed)
    return invalidInput("seq: ", seq, ", but an image of ", definition.patches().height(), " x ",
                        definition.patches().width(), " is a sequence of ", fixed);
  if (definition.max_positions() > 0 && seq > longestSequence(definition))
    return invalidInput("seq: ", seq, " is more than the ", longestSequence(definition),
                        " positions of the model");
  Dimensions dims(definition);
  // The largest tensors between layers: scores, hidden vectors, logits.
  for (int64_t last : {dims.hidden, dims.vocab, 3 * dims.queryWidth(), dims.width,
                       dims.embeddingSum, dims.classes}) {
    auto elements = checkedProduct<int64_t>(std::initializer_list<int64_t>{batch, seq, last});
    if (!elements || *elements > kMaxElements)
      return invalidInput("batch ", batch, " and seq ", seq, ": a tensor of ", batch, " x ", seq,
                          " x ", last, " is more than ", kMaxElements, " elements");
  }
  for (const proto::DenseLayer &dense : definition.head().dense())
    if (auto elements = checkedMul<int64_t>(batch, dense.width());
        !elements || *elements > kMaxElements)
      return invalidInput("batch ", batch, ": a tensor of ", batch, " x ", dense.width(),
                          " is more than ", kMaxElements, " elements");
  auto scores =
      checkedProduct<int64_t>(std::initializer_list<int64_t>{batch, dims.heads, seq, seq});
  if (!scores || *scores > kMaxElements)
    return invalidInput("batch ", batch, " and seq ", seq, ": attention scores of ", batch, " x ",
                        dims.heads, " x ", seq, " x ", seq, " are more than ", kMaxElements,
                        " elements");
  return absl::OkStatus();
}

} // namespace heddle::frontend
