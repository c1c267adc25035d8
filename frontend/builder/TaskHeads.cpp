// SPDX-License-Identifier: Apache-2.0
// What models are asked for, by the kind of their head.
#include "frontend/LayerNames.h"
#include "frontend/PatchGrid.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// x [B, T, C] -> [B, C]
Tensor tokenAt(Wiring &w, Tensor x, int64_t place) {
  Tensor token = w.graph.slice(x, {0, place, 0}, {w.batch, 1, w.dims.width});
  return w.graph.reshape(token, {w.batch, w.dims.width});
}

/// [..., C] -> [..., classes]
Tensor classify(Wiring &w, Tensor x) {
  LayerScope scope(w.graph, kHeadPath);
  x = headTransform(w, x);
  x = dropout(w, x, w.definition.dropout().classifier(), kClassifierDropoutId);
  Tensor logits = w.graph.matmul(x, w.graph.parameter(*w.parameters.headWeight),
                                 /*transposeB=*/true);
  return w.parameters.headBias ? logits + w.graph.parameter(*w.parameters.headBias) : logits;
}

Tensor classifySequence(Wiring &w, Tensor x) {
  const bool last = w.definition.head().summary() == proto::Head::LAST_TOKEN;
  Tensor token = w.definition.has_pooler() ? pool(w, x) : tokenAt(w, x, last ? w.seq - 1 : 0);
  return classify(w, dropout(w, token, w.definition.dropout().pooled(), kPooledDropoutId));
}

/// Whether the second text follows the first: [B, 2]
Tensor followsOrNot(Wiring &w, Tensor x) {
  Tensor pooled = pool(w, x);
  LayerScope scope(w.graph, kHeadPath);
  return linear(w, *w.parameters.nextSentence, pooled);
}

/// Column `index` of logits [B, T, columns] as [B, T].
Tensor column(Wiring &w, Tensor logits, int64_t index) {
  Tensor one = w.graph.slice(logits, {0, 0, index}, {w.batch, w.seq, 1});
  return w.graph.reshape(one, {w.batch, w.seq});
}

} // namespace

Outputs taskOutputs(Wiring &w, Tensor x) {
  switch (w.definition.head().kind()) {
  case proto::Head::LANGUAGE_MODEL: {
    Tensor logits = head(w, x);
    if (!w.parameters.nextSentence)
      return {{"logits", logits}};
    Tensor follows = followsOrNot(w, x);
    return {{"prediction_logits", logits}, {"seq_relationship_logits", follows}};
  }
  case proto::Head::NONE: {
    Outputs outputs = {{"last_hidden_state", x}};
    if (w.definition.has_pooler())
      outputs.emplace_back("pooler_output", pool(w, x));
    return outputs;
  }
  case proto::Head::SEQUENCE_CLASSES:
    return {{"logits", classifySequence(w, x)}};
  case proto::Head::TOKEN_CLASSES:
    return {{"logits", classify(w, x)}};
  case proto::Head::REPLACED_TOKEN_DETECTION:
    return {{"logits", column(w, classify(w, x), 0)}};
  case proto::Head::NOISE:
    return noiseOutputs(w, x);
  case proto::Head::PROJECTION: {
    Tensor projected = projection(w, x);
    const char *name = readsImages(w.definition) ? "image_embeds" : "text_embeds";
    return {{name, projected}, {"last_hidden_state", x}};
  }
  case proto::Head::CONTRASTIVE:
    return contrastiveOutputs(w, x);
  case proto::Head::SPAN: {
    Tensor logits = classify(w, x);
    Tensor start = column(w, logits, 0);
    Tensor end = column(w, logits, 1);
    return {{"start_logits", start}, {"end_logits", end}};
  }
  case proto::Head::EMBEDDING: {
    Tensor embedding = sentenceEmbedding(w, x);
    Outputs outputs = {{"sentence_embedding", embedding}, {"last_hidden_state", x}};
    if (w.definition.has_pooler())
      outputs.emplace_back("pooler_output", pool(w, x));
    return outputs;
  }
  }
  return {};
}

} // namespace heddle::frontend
