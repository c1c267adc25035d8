// SPDX-License-Identifier: Apache-2.0
// Texts beside images (arXiv:2103.00020).
#include <numeric>

#include "frontend/LayerNames.h"
#include "frontend/PatchGrid.h"
#include "frontend/Stacks.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// Rows of length 1.
Tensor normalized(Wiring &w, Tensor rows) {
  const Shape shape = rows.shape();
  if (!rows)
    return {};
  Tensor squares = w.graph.sum(rows * rows, {1});
  return rows * w.graph.rsqrt(w.graph.reshape(squares, {shape[0], 1}));
}

} // namespace

Tensor projection(Wiring &w, Tensor x) {
  Tensor vector = w.definition.has_pooler() ? pool(w, x) : firstToken(w, x);
  LayerScope scope(w.graph, kHeadPath);
  Tensor y = w.graph.matmul(vector, w.graph.parameter(*w.parameters.headWeight),
                            /*transposeB=*/true);
  return w.parameters.headBias ? y + w.graph.parameter(*w.parameters.headBias) : y;
}

Outputs contrastiveOutputs(Wiring &w, Tensor x) {
  Tensor texts = projection(w, x);
  const proto::ModelDef definition = imageOf(w.definition);
  Wiring tower = wiringOf(w.graph, definition, *w.parameters.image, w.batch,
                          fixedSequence(definition), w.number);
  tower.stack = kImageStack;
  tower.firstRngId = rngStreams(w.dims.layers);
  tower.rng = w.rng;
  Tensor images = projection(tower, imageVectors(tower));
  LayerScope scope(w.graph, kHeadPath);
  texts = normalized(w, texts);
  images = normalized(w, images);
  Tensor scale = w.graph.exp(w.graph.parameter(*w.parameters.logitScale));
  Tensor perText = w.graph.matmul(texts, images, /*transposeB=*/true) * scale;
  Tensor perImage = w.graph.transpose(perText, {1, 0});
  return {{"logits_per_image", perImage},
          {"logits_per_text", perText},
          {"text_embeds", texts},
          {"image_embeds", images}};
}

Tensor contrastiveLoss(Wiring &w, Tensor perImage, Tensor perText) {
  LayerScope scope(w.graph, kHeadPath);
  std::vector<int32_t> own(w.batch);
  std::iota(own.begin(), own.end(), 0);
  Tensor targets = w.graph.constant({w.batch}, own);
  const double smoothing = w.definition.loss().label_smoothing();
  Tensor ofImages = w.graph.meanCrossEntropy(perImage, targets, smoothing);
  Tensor ofTexts = w.graph.meanCrossEntropy(perText, targets, smoothing);
  return (ofImages + ofTexts) * 0.5;
}

} // namespace heddle::frontend
