// SPDX-License-Identifier: Apache-2.0
// What the parts of the builder share. One file a part: embeddings, attention, FFN, head;
// Entries.cpp joins them. Calls that write ops stand in statements of their own unless one is the
// other's operand: the order of ops must not depend on the compiler that built us.

#ifndef HEDDLE_FRONTEND_BUILDER_WIRING_H
#define HEDDLE_FRONTEND_BUILDER_WIRING_H

#include "frontend/Dimensions.h"
#include "frontend/GraphBuilder.h"
#include "frontend/LayerNames.h"
#include "frontend/Validate.h"

namespace heddle::frontend {

/// One stack of layers being wired into the current entry of `graph`, with what stands before and
/// behind it. An entry may wire several: each has its definition, length and inputs.
struct Wiring {
  GraphBuilder &graph;
  const proto::ModelDef &definition;
  const ModelParameters &parameters;
  Dimensions dims;
  int64_t batch;                 // B
  int64_t seq;                   // T, and the length of the caches that are no rings
  Element number = Element::f32; // of parameters and activations
  std::string_view stack = kDecoderStack;
  /// The random streams of a stack begin here: every stack has its own.
  int64_t firstRngId = 0;

  // Of the entry. Tensors are absent where it has none.
  std::optional<Tensor> rng = {};          // where there is dropout
  std::optional<Tensor> inputIds = {};     // [B, t]
  std::optional<Tensor> positionIds = {};  // [B, t]; absent: 0, 1, ... for every row
  std::optional<Tensor> tokenTypeIds = {}; // [B, t], where the model has token types
  std::optional<Tensor> ropeTurns = {}; // [B, t] or [1, t]: the positions that rotary heads turn by
  std::optional<Tensor> keyMask = {};   // [B, T]
  // Where blind queries yield the mean: [B, T] in f32, how many keys a query sees, of all that are
  // not later and of those in the window.
  std::optional<Tensor> keysSeen = {}, windowKeysSeen = {};
  std::optional<Tensor> scoreBias = {}; // added to the scores [B, H, t, T], broadcast
  // Where the layers attend to an encoder: its last vectors [B, S, C'], and which of them count,
  // [B, S].
  std::optional<Tensor> source = {}, sourceMask = {};
  int64_t sourceLength = 0;             // S; 0: the layers attend to themselves only
  std::optional<Tensor> distances = {}; // [rows, C], the table of disentangled attention
  std::optional<Tensor> sines = {};     // of distances T - 1 to -(T - 1): [1 or B, 2T - 1, C]
  std::optional<Tensor> condition = {}; // SiLU(c) [B, C], where norms take it in
  /// What the layer being built makes of it.
  struct Modulation {
    Tensor shift, scale, gate; // [B, 1, C]
  };
  std::optional<Modulation> attentionModulation = {}, ffnModulation = {};
  /// What rotary pairs turn by per position.
  std::vector<double> inverseFrequencies = {};

  enum class Cache { none, fill, extend };
  Cache cache = Cache::none;
  // Where the cache is extended: the one new token of each row stands at positions [B].
  std::optional<Tensor> positions = {};
  std::optional<Tensor> visibleKeys = {}; // [B, T], the keys that the new token sees

  /// The caches of layers with a window of C < T: position p is in slot p mod C, so that a new
  /// token takes the place of the one that the window has left behind, and what is there is what
  /// it sees.
  struct Ring {
    int64_t slots; // C
    // Where the cache is filled: which of the B * T rows of keys each slot takes, [B, C].
    std::optional<Tensor> rows = {};
    // Where it is extended: the slots [B] of the new tokens, those that hold anything [B, C], and
    // what is added to the scores [B, H, 1, C], broadcast.
    std::optional<Tensor> slot = {}, visible = {}, scoreBias = {};
  };
  std::optional<Ring> ring = {};
};

/// Wires a stack of its own definition: what does not depend on the entry.
Wiring wiringOf(GraphBuilder &graph, const proto::ModelDef &definition,
                const ModelParameters &parameters, int64_t batch, int64_t seq, Element number);

/// An input [B, T] of integers.
Tensor idsInput(Wiring &w, const char *name);
/// Positions 0, 1, ... in every row, where nothing says otherwise.
void useDefaultPositions(Wiring &w);
/// The caches are filled up to the positions `last` [B].
void fillUpTo(Wiring &w, Tensor last);
/// The caches are extended by one token of each row, at positions [B].
void extendAt(Wiring &w, Tensor positions);

/// Whether rings can be written for `batch` sequences of `seq` tokens.
Status checkRings(const proto::ModelDef &definition, int64_t batch, int64_t seq);
/// Sets w.ring where layers have one, for filling and for extending.
void fillRing(Wiring &w, Tensor last);
void extendRing(Wiring &w, Tensor positions);
/// What slots hold of keys or values [B, G, T, D]: [B, G, C, D].
Tensor ringOf(Wiring &w, Tensor x);

/// 0, 1, ... as [1, count].
Tensor countUp(GraphBuilder &graph, int64_t count);
/// All layers of the stack, x [B, t, C] -> [B, t, C].
Tensor layersOf(Wiring &w, Tensor x);

/// input_features [B, bins, 2 T] -> [B, T, C]
Tensor embedFrames(Wiring &w, Tensor features);

/// The input pixel_values [B, channels, height, width] through all layers: [B, T, C]. Nothing is
/// hidden, and every patch has its place.
Tensor imageVectors(Wiring &w);

/// Declares what the layers are told, and sets `condition` to SiLU of it.
void embedCondition(Wiring &w);
/// Sets both modulations of a layer, where there is a condition.
void modulateLayer(Wiring &w, int64_t layer);
/// x (1 + scale) + shift
Tensor modulate(Wiring &w, const Wiring::Modulation &modulation, Tensor x);
/// Of the final norm, without gate.
Wiring::Modulation finalModulation(Wiring &w);

/// What sums the sequence up: x [B, T, C] -> [B, C], or the pooler's width.
Tensor pool(Wiring &w, Tensor x);
Tensor firstToken(Wiring &w, Tensor x);

/// x [B, T, C] -> [B, head.width], from the pooler's vector, else the first.
Tensor projection(Wiring &w, Tensor x);
/// x [B, T, C] of the texts beside the images of the same batch: logits_per_image and
/// logits_per_text [B, B], text_embeds and image_embeds.
std::vector<std::pair<std::string, Tensor>> contrastiveOutputs(Wiring &w, Tensor x);
/// Logits [B, B] of texts against images: text b belongs to image b.
Tensor contrastiveLoss(Wiring &w, Tensor perImage, Tensor perText);

/// x [B, T, C] -> noise [B, channels, height, width], and variance where the head has it.
std::vector<std::pair<std::string, Tensor>> noiseOutputs(Wiring &w, Tensor x);

/// input_ids [B, t] -> [B, t, C]; the table of distances is ready behind it, where there is one.
Tensor embedTokens(Wiring &w, Tensor ids);

/// x [B, t, C] -> [B, t, C]: one layer's attention with its norm, dropout and residual sum.
Tensor attentionBlock(Wiring &w, int64_t layer, Tensor x);

/// The same for the attention to the encoder's vectors.
Tensor crossAttentionBlock(Wiring &w, int64_t layer, Tensor x);

/// The same for the feed-forward network.
Tensor ffnBlock(Wiring &w, int64_t layer, Tensor x);

/// x + attention(norm(x)) + ffn(norm'(x)): both at once.
Tensor parallelBlock(Wiring &w, int64_t layer, Tensor x);

/// What the two compute within their blocks, on x already normed where norms come first.
Tensor attentionOf(Wiring &w, int64_t layer, Tensor x);
Tensor feedForwardOf(Wiring &w, int64_t layer, Tensor x);

/// The table of distances as layers read it, with its norm.
Tensor distanceTable(Wiring &w);
/// What disentangled attention adds to the scores of q and k [B, H, T, D]: [B, H, T, T].
Tensor distanceScores(Wiring &w, int64_t layer, Tensor q, Tensor k);

/// The sines and cosines of all distances, where scores depend on them.
Tensor distanceSines(Wiring &w);
/// What they add to the scores of q [B, H, T, D], with what token types do: [B, H, T, T].
Tensor sineScores(Wiring &w, const DistanceParameters &parameters, int64_t layer, Tensor q);
/// -1e30 for keys that attention_mask hides, unless they are the query itself: [B, 1, T, T].
Tensor hiddenButSelf(Wiring &w);
/// x [B, H, T, 2T - 1] to y[., ., i, j] = x[., ., i, T - 1 - i + j].
Tensor skewed(Wiring &w, Tensor x);

/// What ALiBi adds to the scores of keys at positions [B, T] or [1, T]: [B or 1, H, 1, T].
Tensor alibiBias(Wiring &w, Tensor positions);
/// What relative positions add to the scores of a whole text: [1, H, T, T].
Tensor relativeBias(Wiring &w);
/// The same for one token of each row, at positions [B], and keys at positions [B, S] or [1, S]:
/// [B, H, 1, S].
Tensor relativeBiasAt(Wiring &w, Tensor positions, Tensor keys);
/// Sines and cosines of this entry's positions, to be added to [B, t, C].
Tensor sinusoids(Wiring &w);
/// How many keys attention_mask [B, T] lets each query see, of the last `window` or (0) of all up
/// to its own: [B, T] in f32.
Tensor countKeysSeen(Wiring &w, Tensor mask, int64_t window = 0);

/// [..., C] -> [..., C]; x itself where the definition has no final norm.
Tensor finalNorm(Wiring &w, Tensor x);

/// What a forward pass gives, by name.
using Outputs = std::vector<std::pair<std::string, Tensor>>;

/// x [B, T, C], the last vectors, to what the definition's head makes of them.
Outputs taskOutputs(Wiring &w, Tensor x);

/// Declares the targets and compares the outputs with them: [].
Tensor taskLoss(Wiring &w, const Outputs &outputs);

/// x [B, T, C] under keyMask -> [B, C], pooled as a head of kind EMBEDDING says, else the mean.
Tensor sentenceEmbedding(Wiring &w, Tensor x);
/// embedding [B, C], B even -> []: each text of the first half finds its own in the second.
Tensor textPairLoss(Wiring &w, Tensor embedding);

/// [..., C] -> logits [..., V], or [..., classes], with what comes before the last product.
Tensor head(Wiring &w, Tensor x);
Tensor headTransform(Wiring &w, Tensor x);

// Small parts.

/// x w + b under the definition's weight layout.
Tensor linear(Wiring &w, const LinearParameters &parameters, Tensor x);
Tensor norm(Wiring &w, const NormParameters &parameters, Tensor x);
/// x itself where p is 0 or the entry has no dropout.
Tensor dropout(Wiring &w, Tensor x, double p, int64_t rngId);
Tensor activate(GraphBuilder &graph, proto::Ffn::Activation activation, Tensor x);
/// What stands around attention and FFN: x + f(norm(x)) or norm(x + f(x)), with dropout of a share
/// of f's result, and perhaps another norm on that. A modulation stands around f.
template <typename Function>
Tensor residual(Wiring &w, const NormParameters &parameters,
                const std::optional<NormParameters> &postNorm,
                const std::optional<Wiring::Modulation> &modulation, Tensor x, double share,
                int64_t rngId, Function function) {
  const bool post = w.definition.norm().placement() == proto::Norm::POST;
  Tensor normed = post ? x : norm(w, parameters, x);
  if (modulation)
    normed = modulate(w, *modulation, normed);
  Tensor added = function(normed);
  if (postNorm)
    added = norm(w, *postNorm, added);
  added = dropout(w, added, share, rngId);
  if (modulation)
    added = modulation->gate * added;
  Tensor sum = (w.definition.norm().residual_from_norm() ? normed : x) + added;
  return post ? norm(w, parameters, sum) : sum;
}

/// Integers plus `by`. Arithmetic is on floating-point numbers; f32 is exact up to kMaxSequence.
Tensor shifted(GraphBuilder &graph, Tensor integers, int64_t by);

// The numbers of the random streams, within those of the stack. They are part of a model's meaning:
// a resumed run and another build draw the same masks.
inline constexpr int64_t kEmbeddingDropoutId = 0;
inline constexpr int64_t kClassLabelDropoutId = 65'533; // of models of one stack
inline constexpr int64_t kPooledDropoutId = 65'534;
inline constexpr int64_t kClassifierDropoutId = 65'535;
// Of models of one stack, too.
inline constexpr int64_t kSinesDropoutId = 65'532;
inline int64_t distanceDropoutId(int64_t layer) { return kSinesDropoutId - 1 - layer; }
inline int64_t attentionDropoutId(int64_t layer) { return 1 + 3 * layer; }
inline int64_t attentionResidualDropoutId(int64_t layer) { return 2 + 3 * layer; }
inline int64_t ffnResidualDropoutId(int64_t layer) { return 3 + 3 * layer; }
/// Behind those of all layers.
inline int64_t crossDropoutId(int64_t layers, int64_t layer) { return 1 + 3 * layers + 2 * layer; }
inline int64_t crossResidualDropoutId(int64_t layers, int64_t layer) {
  return crossDropoutId(layers, layer) + 1;
}
inline int64_t hiddenDropoutId(int64_t layers, int64_t layer) { return 1 + 5 * layers + layer; }
inline int64_t outputDropoutId(int64_t layers) { return 1 + 6 * layers; }

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_BUILDER_WIRING_H
