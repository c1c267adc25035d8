// SPDX-License-Identifier: Apache-2.0
#include "frontend/ValidateTowers.h"

#include <cmath>

#include "frontend/Dimensions.h"
#include "frontend/PatchGrid.h"
#include "frontend/Stacks.h"
#include "frontend/ValidateNames.h"

namespace heddle::frontend {
namespace {

Found checkPooler(const proto::ModelDef &model) {
  const proto::Pooler &pooler = model.pooler();
  if (pooler.has_width() && !pooler.dense())
    return wrong("pooler.width", "needs pooler.dense");
  if (pooler.token() == proto::Pooler::FIRST)
    return std::nullopt;
  if (readsImages(model))
    return wrong("pooler.token", "expected FIRST: an image has no tokens");
  // Ids are compared in f32.
  if (model.vocab_size() > kMaxSequence)
    return wrong("pooler.token", "needs a vocabulary of at most ", kMaxSequence);
  if (pooler.token() == proto::Pooler::HIGHEST_ID)
    return std::nullopt;
  if (!pooler.has_token_id())
    return wrong("pooler.token_id", "is missing");
  if (pooler.token_id() < 0 || pooler.token_id() > kMaxSequence)
    return wrong("pooler.token_id", "expected a token's id up to ", kMaxSequence, ", found ",
                 pooler.token_id());
  return std::nullopt;
}

Found checkProjection(const proto::ModelDef &model) {
  const proto::Head &head = model.head();
  const bool contrastive = head.kind() == proto::Head::CONTRASTIVE;
  if (!contrastive && head.kind() != proto::Head::PROJECTION) {
    if (head.has_width())
      return wrong("head.width", "needs a head of kind PROJECTION or CONTRASTIVE");
    return std::nullopt;
  }
  if (!head.has_width())
    return wrong("head.width", "is missing");
  if (head.width() < 1 || head.width() > kMaxDimension)
    return wrong("head.width", "expected a size from 1 to ", kMaxDimension, ", found ",
                 head.width());
  if (head.has_transform())
    return wrong("head.transform", "does not go with ", proto::Head::Kind_Name(head.kind()));
  if (model.has_encoder())
    return wrong("head.kind", "does not go with an encoder");
  if (contrastive && !(head.logit_scale() > 0 && std::isfinite(head.logit_scale())))
    return wrong("head.logit_scale", "expected a positive number, found ", head.logit_scale());
  return std::nullopt;
}

/// What an image tower may not say of itself.
Found checkTowerFields(const proto::ModelDef &image) {
  const std::pair<const char *, bool> fields[] = {
      {"image.image", image.has_image()},
      {"image.encoder", image.has_encoder()},
      {"image.condition", image.has_condition()},
      {"image.loss", image.has_loss()},
      {"image.adapters", image.has_adapters()},
      {"image.frozen", image.frozen_size() > 0},
      {"image.weight_layout", image.has_weight_layout()}};
  for (const auto &[field, given] : fields)
    if (given)
      return wrong(field, "does not go with an image tower");
  if (!image.has_patches())
    return wrong("image.patches", "is missing");
  return std::nullopt;
}

Found checkTower(const proto::ModelDef &model) {
  if (Found found = checkTowerFields(model.image()))
    return found;
  const proto::ModelDef tower = imageOf(model);
  if (Found found = findFieldError(tower)) {
    found->field = "image." + found->field;
    return found;
  }
  if (tower.head().kind() != proto::Head::PROJECTION)
    return wrong("image.head.kind", "expected PROJECTION");
  if (tower.head().width() != model.head().width())
    return wrong("image.head.width", "expected the texts' ", model.head().width(), ", found ",
                 tower.head().width());
  const int64_t streams = rngStreams(model.layers()) + rngStreams(tower.layers());
  if (streams > kMaxRngStreams)
    return wrong("layers", "the ", model.layers(), " layers and the image tower's ", tower.layers(),
                 " have ", streams, " random streams, more than the limit of ", kMaxRngStreams);
  return findStackNameError(model, tower, "image");
}

} // namespace

std::optional<FieldError> findTowerError(const proto::ModelDef &definition) {
  for (const Found &found : {checkPooler(definition), checkProjection(definition)})
    if (found)
      return found;
  const bool contrastive = definition.head().kind() == proto::Head::CONTRASTIVE;
  if (definition.has_image() != contrastive)
    return contrastive ? wrong("image", "is missing: a head of kind CONTRASTIVE compares with it")
                       : wrong("image", "needs a head of kind CONTRASTIVE");
  return contrastive ? checkTower(definition) : std::nullopt;
}

} // namespace heddle::frontend
