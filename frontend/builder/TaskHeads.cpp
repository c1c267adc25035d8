// SPDX-License-Identifier: Apache-2.0
// What models are asked for, by the kind of their head, and the losses.
#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// x [B, T, C] -> [B, C]
Tensor firstToken(Wiring &w, Tensor x) {
  Tensor first = w.graph.slice(x, {0, 0, 0}, {w.batch, 1, w.dims.width});
  return w.graph.reshape(first, {w.batch, w.dims.width});
}

/// x [B, T, C] -> [B, C]
Tensor pool(Wiring &w, Tensor x) {
  LayerScope scope(w.graph, kPoolerPath);
  Tensor y = linear(w, *w.parameters.pooler, firstToken(w, x));
  return activate(w.graph, w.definition.pooler().activation(), y);
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
  if (w.parameters.pooler)
    return classify(w, pool(w, x));
  Tensor first = firstToken(w, x);
  return classify(w, dropout(w, first, w.definition.dropout().pooled(), kPooledDropoutId));
}

/// Column `index` of logits [B, T, 2] as [B, T].
Tensor column(Wiring &w, Tensor logits, int64_t index) {
  Tensor one = w.graph.slice(logits, {0, 0, index}, {w.batch, w.seq, 1});
  return w.graph.reshape(one, {w.batch, w.seq});
}

/// logits [..., classes] against an input of class numbers [...].
Tensor lossAgainst(Wiring &w, Tensor logits, const char *name) {
  Shape shape = logits.shape();
  if (!logits)
    return {};
  const int64_t classes = shape.back();
  shape.pop_back();
  Tensor targets = w.graph.input(name, shape, Element::i32);
  if (!isLanguageModel(w.definition)) // the vocabulary, which the manifest says
    w.graph.limitInput(name, classes);
  int64_t rows = 1;
  for (int64_t size : shape)
    rows *= size;
  LayerScope scope(w.graph, kHeadPath);
  logits = w.graph.reshape(logits, {rows, classes});
  targets = w.graph.reshape(targets, {rows});
  return w.graph.meanCrossEntropy(logits, targets, w.definition.loss().label_smoothing());
}

} // namespace

Outputs taskOutputs(Wiring &w, Tensor x) {
  switch (w.definition.head().kind()) {
  case proto::Head::LANGUAGE_MODEL:
    return {{"logits", head(w, x)}};
  case proto::Head::NONE: {
    Outputs outputs = {{"last_hidden_state", x}};
    if (w.parameters.pooler)
      outputs.emplace_back("pooler_output", pool(w, x));
    return outputs;
  }
  case proto::Head::SEQUENCE_CLASSES:
    return {{"logits", classifySequence(w, x)}};
  case proto::Head::TOKEN_CLASSES:
    return {{"logits", classify(w, x)}};
  case proto::Head::SPAN: {
    Tensor logits = classify(w, x);
    Tensor start = column(w, logits, 0);
    Tensor end = column(w, logits, 1);
    return {{"start_logits", start}, {"end_logits", end}};
  }
  }
  return {};
}

Tensor taskLoss(Wiring &w, const Outputs &outputs) {
  if (w.definition.head().kind() != proto::Head::SPAN)
    return lossAgainst(w, outputs.front().second, "targets");
  // The mean of both ends, as for SQuAD (arXiv:1810.04805).
  Tensor start = lossAgainst(w, outputs[0].second, "start_positions");
  Tensor end = lossAgainst(w, outputs[1].second, "end_positions");
  LayerScope scope(w.graph, kHeadPath);
  Tensor sum = start + end;
  return sum * 0.5;
}

} // namespace heddle::frontend
