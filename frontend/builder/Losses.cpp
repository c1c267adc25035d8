// SPDX-License-Identifier: Apache-2.0
// What the outputs of a head are compared with, and how.
#include <numeric>

#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// The mean cross entropy of logits [..., classes] against an input of class numbers [...].
Tensor crossEntropy(Wiring &w, Tensor logits, const char *name) {
  Shape shape = logits.shape();
  if (!logits)
    return {};
  const int64_t classes = shape.back();
  shape.pop_back();
  Tensor targets = w.graph.input(name, shape, Element::i32);
  if (classes != w.dims.vocab || !isLanguageModel(w.definition)) // which the manifest says
    w.graph.limitInput(name, classes);
  int64_t rows = 1;
  for (int64_t size : shape)
    rows *= size;
  LayerScope scope(w.graph, kHeadPath);
  logits = w.graph.reshape(logits, {rows, classes});
  targets = w.graph.reshape(targets, {rows});
  return w.graph.meanCrossEntropy(logits, targets, w.definition.loss().label_smoothing());
}

/// (z - y)^2
Tensor squaredError(Tensor z, Tensor y) {
  Tensor difference = z - y;
  return difference * difference;
}

/// -y ln s - (1 - y) ln(1 - s) with s = 1 / (1 + e^-z), as max(z, 0) - y z + ln(1 + e^-|z|): no
/// exponential of a large number.
Tensor binaryCrossEntropy(GraphBuilder &graph, Tensor z, Tensor y) {
  Tensor above = graph.relu(z);
  Tensor below = graph.relu(z * -1);
  Tensor magnitude = above + below;
  Tensor tail = graph.log(graph.exp(magnitude * -1) + graph.scalar(1));
  Tensor product = y * z;
  return above - product + tail;
}

/// The mean over the elements of [B, ...] of a loss against numbers of the same shape, [B] for
/// [B, 1].
Tensor elementwiseLoss(Wiring &w, Tensor logits, proto::Loss::Kind kind) {
  Shape shape = logits.shape();
  if (!logits)
    return {};
  if (shape.size() == 2 && shape[1] == 1)
    shape.pop_back();
  Tensor targets = w.graph.input("targets", shape);
  LayerScope scope(w.graph, kHeadPath);
  logits = w.graph.reshape(logits, shape);
  Tensor losses = kind == proto::Loss::MEAN_SQUARED_ERROR
                      ? squaredError(logits, targets)
                      : binaryCrossEntropy(w.graph, logits, targets);
  Shape axes(shape.size());
  std::iota(axes.begin(), axes.end(), 0);
  double count = 1;
  for (int64_t size : shape)
    count *= static_cast<double>(size);
  Tensor sum = w.graph.sum(losses, axes);
  return sum * (1 / count);
}

/// The mean of both ends, as for SQuAD (arXiv:1810.04805).
Tensor spanLoss(Wiring &w, const Outputs &outputs) {
  Tensor start = crossEntropy(w, outputs[0].second, "start_positions");
  Tensor end = crossEntropy(w, outputs[1].second, "end_positions");
  LayerScope scope(w.graph, kHeadPath);
  Tensor sum = start + end;
  return sum * 0.5;
}

/// Of logits z [B, T]. The binary cross entropy of z is the cross entropy of 0 and z, and a token
/// that is hidden counts as little as one without a target.
Tensor replacedTokenLoss(Wiring &w, Tensor logits) {
  constexpr double kIgnored = -100;
  Tensor targets = w.graph.input("targets", {w.batch, w.seq}, Element::i32);
  w.graph.limitInput("targets", 2);
  LayerScope scope(w.graph, kHeadPath);
  const int64_t rows = w.batch * w.seq;
  Tensor seen = w.graph.notEqual(*w.keyMask, w.graph.integer(0));
  targets = w.graph.select(seen, w.graph.cast(targets, Element::f32),
                           w.graph.scalar(kIgnored, Element::f32));
  targets = w.graph.cast(targets, Element::i32);
  logits = w.graph.reshape(logits, {rows, 1});
  logits = w.graph.pad(logits, {0, 1}, {0, 0});
  return w.graph.meanCrossEntropy(logits, w.graph.reshape(targets, {rows}));
}

} // namespace

Tensor taskLoss(Wiring &w, const Outputs &outputs) {
  if (w.definition.head().kind() == proto::Head::SPAN)
    return spanLoss(w, outputs);
  if (detectsReplacedTokens(w.definition))
    return replacedTokenLoss(w, outputs.front().second);
  if (w.definition.head().kind() == proto::Head::EMBEDDING)
    return textPairLoss(w, outputs.front().second);
  if (w.definition.head().kind() == proto::Head::CONTRASTIVE)
    return contrastiveLoss(w, outputs[0].second, outputs[1].second);
  Tensor logits = outputs.front().second;
  if (const proto::Loss::Kind kind = lossKind(w.definition); kind != proto::Loss::CROSS_ENTROPY)
    return elementwiseLoss(w, logits, kind);
  Tensor loss = crossEntropy(w, logits, "targets");
  if (!w.parameters.nextSentence)
    return loss;
  Tensor second = crossEntropy(w, outputs.back().second, "next_sentence_label");
  LayerScope scope(w.graph, kHeadPath);
  return loss + second;
}

} // namespace heddle::frontend
