// SPDX-License-Identifier: Apache-2.0
// Caches of layers with a window: as many rows as the window has positions, written round.
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// The length of the rings, 0 where no layer has one.
int64_t ringSlots(Wiring &w) {
  for (int64_t layer = 0; layer < w.dims.layers; ++layer)
    if (int64_t slots = cacheLength(w.definition, layer, w.seq); slots < w.seq)
      return slots; // all windows of a model are equal
  return 0;
}

/// The multiples of `step` up to whole numbers from 0 to kMaxRingSequence, in f32. Half a number
/// more keeps quotients off the next whole number, however they are rounded.
Tensor multiplesBelow(GraphBuilder &graph, Tensor numbers, int64_t step) {
  Tensor size = graph.scalar(static_cast<double>(step), Element::f32);
  Tensor quotient = (numbers + graph.scalar(0.5, Element::f32)) / size;
  Tensor whole = graph.cast(graph.cast(quotient, Element::i32), Element::f32);
  return whole * size;
}

/// The newest position up to last [B] that belongs in each slot: [B, C] in f32. A slot that nothing
/// belongs in yet has its own number.
Tensor positionsOfSlots(Wiring &w, Tensor last, int64_t slots) {
  Tensor slot = w.graph.cast(countUp(w.graph, slots), Element::f32);
  Tensor newest = w.graph.cast(w.graph.reshape(last, {w.batch, 1}), Element::f32);
  Tensor rounds = multiplesBelow(w.graph, w.graph.relu(newest - slot), slots);
  return slot + rounds;
}

} // namespace

Status checkRings(const proto::ModelDef &definition, int64_t batch, int64_t seq) {
  if (!hasWindows(definition) || definition.attention().window() >= seq)
    return absl::OkStatus();
  if (seq > kMaxRingSequence || batch > kMaxRingRows / seq)
    return invalidInput("batch ", batch, " and seq ", seq, ": generation with a window of ",
                        definition.attention().window(), " has at most ", kMaxRingRows,
                        " tokens in a batch, and ", kMaxRingSequence, " in a sequence");
  return absl::OkStatus();
}

void fillRing(Wiring &w, Tensor last) {
  const int64_t slots = ringSlots(w);
  if (slots == 0)
    return;
  std::vector<float> starts;
  for (int64_t row = 0; row < w.batch; ++row)
    starts.push_back(static_cast<float>(row * w.seq));
  Tensor positions = positionsOfSlots(w, last, slots);
  Tensor rows = positions + w.graph.floats({w.batch, 1}, starts);
  w.ring = Wiring::Ring{.slots = slots, .rows = w.graph.cast(rows, Element::i32)};
}

void extendRing(Wiring &w, Tensor positions) {
  const int64_t slots = ringSlots(w);
  if (slots == 0)
    return;
  Wiring::Ring ring{.slots = slots};
  Tensor position = w.graph.cast(positions, Element::f32);
  Tensor slot = position - multiplesBelow(w.graph, position, slots);
  ring.slot = w.graph.cast(slot, Element::i32);
  // From position C - 1 on there is something in every slot.
  ring.visible = w.graph.lengthMask(shifted(w.graph, positions, 1), slots);
  const proto::Positions &encoding = w.definition.positions();
  if (encoding.has_alibi() || encoding.has_relative_bias()) {
    Tensor keys = positionsOfSlots(w, positions, slots);
    ring.scoreBias = encoding.has_alibi() ? alibiBias(w, keys) : relativeBiasAt(w, positions, keys);
  }
  w.ring = ring;
}

Tensor ringOf(Wiring &w, Tensor x) {
  const int64_t groups = w.dims.kvHeads, size = w.dims.headDim, slots = w.ring->slots;
  Tensor table =
      w.graph.reshape(w.graph.transpose(x, {0, 2, 1, 3}), {w.batch * w.seq, groups * size});
  Tensor kept =
      w.graph.reshape(w.graph.embedding(table, *w.ring->rows), {w.batch, slots, groups, size});
  return w.graph.transpose(kept, {0, 2, 1, 3});
}

} // namespace heddle::frontend
