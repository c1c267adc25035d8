// SPDX-License-Identifier: Apache-2.0
#include "frontend/ValidateImages.h"

#include <cmath>

#include "frontend/Dimensions.h"
#include "frontend/PatchGrid.h"
#include "runtime/base/CheckedMath.h"

namespace heddle::frontend {
namespace {

Found checkPatchSizes(const proto::Patches &patches) {
  const Found sizes[] = {
      checkSize("patches.height", patches.has_height(), patches.height()),
      checkSize("patches.width", patches.has_width(), patches.width()),
      checkSize("patches.patch_height", patches.has_patch_height(), patches.patch_height()),
      checkSize("patches.patch_width", patches.has_patch_width(), patches.patch_width()),
      checkSize("patches.channels", true, patches.channels())};
  for (const Found &found : sizes)
    if (found)
      return found;
  if (patches.patch_height() > patches.height())
    return wrong("patches.patch_height", patches.patch_height(), " is more than the image's ",
                 patches.height());
  if (patches.patch_width() > patches.width())
    return wrong("patches.patch_width", patches.patch_width(), " is more than the image's ",
                 patches.width());
  auto pixels = checkedProduct<int64_t>(std::initializer_list<int64_t>{
      patches.channels(), patches.patch_height(), patches.patch_width()});
  if (!pixels || *pixels > kMaxDimension)
    return wrong("patches.patch_height", "a patch of more than ", kMaxDimension, " numbers");
  const PatchGrid grid(patches);
  auto sequence = checkedMul<int64_t>(grid.rows, grid.columns);
  if (!sequence || *sequence >= kMaxSequence)
    return wrong("patches.height", grid.rows, " x ", grid.columns, " patches, expected fewer than ",
                 kMaxSequence);
  return std::nullopt;
}

/// What belongs to tokens, or to looking back.
Found checkNoTokens(const proto::ModelDef &model) {
  const std::pair<const char *, bool> fields[] = {
      {"vocab_size", model.has_vocab_size()},
      {"max_positions", model.has_max_positions()},
      {"token_types", model.has_token_types()},
      {"embedding_width", model.has_embedding_width()},
      {"embedding_sum_width", model.has_embedding_sum_width()},
      {"padding_id", model.has_padding_id()},
      {"scale_embeddings", model.scale_embeddings()},
      {"positions.rotary", model.positions().has_rotary()},
      {"positions.alibi", model.positions().has_alibi()},
      {"positions.learned.offset", model.positions().learned().offset() != 0},
      {"positions.learned.from_mask", model.positions().learned().from_mask()},
      {"positions.learned.padding_id", model.positions().learned().has_padding_id()}};
  for (const auto &[field, given] : fields)
    if (given)
      return wrong(field, "does not go with patches");
  if (model.attention().causal())
    return wrong("attention.causal", "expected false: every patch sees all others");
  const proto::Head::Kind kind = model.head().kind();
  if (kind != proto::Head::NONE && kind != proto::Head::SEQUENCE_CLASSES &&
      kind != proto::Head::NOISE && kind != proto::Head::PROJECTION)
    return wrong("head.kind", proto::Head::Kind_Name(kind), " does not go with patches");
  return std::nullopt;
}

Found checkPatches(const proto::ModelDef &model) {
  if (!model.has_patches()) {
    if (model.positions().has_sinusoidal_2d())
      return wrong("positions.sinusoidal_2d", "needs patches");
    if (model.head().kind() == proto::Head::NOISE)
      return wrong("head.kind", "NOISE needs patches");
    return std::nullopt;
  }
  if (Found found = checkPatchSizes(model.patches()))
    return found;
  if (Found found = checkNoTokens(model))
    return found;
  const double theta = model.positions().sinusoidal_2d().theta();
  if (!(theta > 0) || !std::isfinite(theta))
    return wrong("positions.sinusoidal_2d.theta", "expected a positive number, found ", theta);
  if (model.positions().has_sinusoidal_2d() && model.width() % 4 != 0)
    return wrong("width", "positions in two directions need a multiple of 4, found ",
                 model.width());
  return std::nullopt;
}

Found checkNoise(const proto::ModelDef &model) {
  if (model.head().kind() != proto::Head::NOISE) {
    if (model.head().learned_variance())
      return wrong("head.learned_variance", "needs a head of kind NOISE");
    return std::nullopt;
  }
  const proto::Patches &patches = model.patches();
  if (patches.height() % patches.patch_height() != 0)
    return wrong("patches.patch_height", "a head of noise needs a divisor of the image's ",
                 patches.height(), ", found ", patches.patch_height());
  if (patches.width() % patches.patch_width() != 0)
    return wrong("patches.patch_width", "a head of noise needs a divisor of the image's ",
                 patches.width(), ", found ", patches.patch_width());
  if (2 * PatchGrid(patches).pixels() > kMaxDimension)
    return wrong("patches.patch_height", "a patch of more than ", kMaxDimension / 2, " numbers");
  return std::nullopt;
}

Found checkCondition(const proto::ModelDef &model) {
  const proto::Conditioning &condition = model.condition();
  if (model.has_condition() && !condition.has_timestep() && !condition.has_classes())
    return wrong("condition", "has no part: expected timestep, classes or both");
  if (model.has_condition() && !model.has_patches())
    return wrong("condition", "needs patches");
  if (model.has_condition() && !model.norm().adaln_zero())
    return wrong("condition", "nothing reads it: expected norm.adaln_zero");
  const proto::TimestepEmbedding &timestep = condition.timestep();
  if (timestep.frequencies() < 2 || timestep.frequencies() % 2 != 0 ||
      timestep.frequencies() > kMaxFrequencies)
    return wrong("condition.timestep.frequencies", "expected an even number from 2 to ",
                 kMaxFrequencies, ", found ", timestep.frequencies());
  if (!(timestep.theta() > 0) || !std::isfinite(timestep.theta()))
    return wrong("condition.timestep.theta", "expected a positive number, found ",
                 timestep.theta());
  if (timestep.steps() < 1 || timestep.steps() > kMaxSequence)
    return wrong("condition.timestep.steps", "expected a number from 1 to ", kMaxSequence,
                 ", found ", timestep.steps());
  if (!condition.has_classes())
    return std::nullopt;
  const proto::ClassEmbedding &classes = condition.classes();
  if (Found found = checkSize("condition.classes.count", classes.has_count(), classes.count()))
    return found;
  if (!(classes.dropout() >= 0 && classes.dropout() < 1))
    return wrong("condition.classes.dropout", "expected a number from 0 to less than 1, found ",
                 classes.dropout());
  if (classes.dropout() > 0 && !classes.none())
    return wrong("condition.classes.dropout", "needs a row for no class (none: true)");
  return std::nullopt;
}

Found checkNorm(const proto::ModelDef &model) {
  const proto::Norm &norm = model.norm();
  if (!norm.weight() && (norm.has_bias() ? norm.bias() : normsHaveBias(model)))
    return wrong("norm.bias", "expected false: the norms have no weights");
  if (!norm.weight() && norm.unit_offset())
    return wrong("norm.unit_offset", "needs norm.weight");
  if (!norm.adaln_zero())
    return std::nullopt;
  if (!model.has_condition())
    return wrong("norm.adaln_zero", "needs a condition");
  if (norm.placement() != proto::Norm::PRE || norm.residual_from_norm())
    return wrong("norm.adaln_zero", "needs norm.placement PRE");
  if (model.residual() != proto::ModelDef::SEQUENTIAL)
    return wrong("norm.adaln_zero", "needs residual SEQUENTIAL");
  if (model.attention().causal())
    return wrong("norm.adaln_zero", "needs attention.causal: false");
  if (6 * model.width() > kMaxDimension)
    return wrong("width", "modulations of more than ", kMaxDimension, " numbers");
  return std::nullopt;
}

} // namespace

std::optional<FieldError> findImageError(const proto::ModelDef &definition) {
  for (const Found &found :
       {checkPatches(definition), checkCondition(definition), checkNorm(definition)})
    if (found)
      return found;
  return checkNoise(definition); // its patches are sound
}

} // namespace heddle::frontend
