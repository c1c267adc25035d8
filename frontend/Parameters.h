// SPDX-License-Identifier: Apache-2.0
// Which parameters a definition has: their names in checkpoints, shapes, first values. No MLIR
// here, so that a model of any size is counted without building it.

#ifndef HEDDLE_FRONTEND_PARAMETERS_H
#define HEDDLE_FRONTEND_PARAMETERS_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/ModelDef.pb.h"
#include "runtime/base/Status.h"

namespace heddle::frontend {

/// Values before training. Normal has mean 0 and standard deviation `scale`, uniform is in
/// [-scale, scale), constant is `scale`.
struct Initializer {
  enum class Kind { zeros, ones, normal, uniform, constant };
  Kind kind = Kind::zeros;
  double scale = 0;
  bool operator==(const Initializer &) const = default;
};

/// One tensor of a checkpoint.
struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;
  Initializer initializer;
  /// Other names under which a checkpoint may hold it.
  std::vector<std::string> aliases;
  /// Where it is used first: "decoder.layers.7.attention".
  std::string layerPath;
  /// Training leaves it as it is.
  bool frozen = false;
  /// Whether it is of an adapter: no checkpoint of the model itself holds it.
  bool ofAdapter = false;

  int64_t elements() const;
};

/// A [rank, in] and B [out, rank] beside a linear layer, and what their product is multiplied by.
struct AdapterParameters {
  ParameterSpec a, b;
  double scale = 1;
};

/// Weight [in, out], or [out, in] as the definition's layout says, and bias [out].
struct LinearParameters {
  ParameterSpec weight;
  std::optional<ParameterSpec> bias;
  std::optional<AdapterParameters> adapter = {};
  /// The weight is [C, H, D], whatever the layout: from C to H D, or back.
  bool byHead = false, intoModel = false;
};
/// Of scores that depend on distances through sines: w_r, u and v; s and e of token types.
struct DistanceParameters {
  LinearParameters projection;
  ParameterSpec contentBias, distanceBias;          // [H, D]
  std::optional<ParameterSpec> typeBias, typeTable; // [H, D], [2, H, D]
};
struct NormParameters {
  /// Absent where the model's norms have none.
  std::optional<ParameterSpec> weight;
  std::optional<ParameterSpec> bias;
};

struct AttentionParameters {
  NormParameters attentionNorm;
  std::optional<NormParameters> queryNorm, keyNorm; // [D]
  /// Either qkv, or query, key and value.
  std::optional<LinearParameters> qkv, query, key, value;
  LinearParameters attentionOutput;
  std::optional<LinearParameters> distanceKey, distanceQuery; // from C to H D
  std::optional<DistanceParameters> distances;
  std::optional<NormParameters> attentionPostNorm;
};

struct LayerParameters : AttentionParameters {
  /// To the encoder, in the layers of a decoder that has one.
  std::optional<AttentionParameters> cross;
  /// Absent where both parts share one norm.
  std::optional<NormParameters> ffnNorm;
  LinearParameters ffnIn;
  std::optional<LinearParameters> ffnGate;
  LinearParameters ffnOut;
  std::optional<NormParameters> ffnPostNorm;
  std::optional<LinearParameters> modulation; // C to 6C
};

/// The parameters of a stack and of what stands behind it, by their role.
struct ModelParameters {
  /// Null where the model is one stack.
  std::shared_ptr<const ModelParameters> encoder;
  /// Null where there is no image tower beside the texts'.
  std::shared_ptr<const ModelParameters> image;
  /// Of an encoder that has none of its own: it reads frames, or the decoder's.
  bool lacksTokenTable = false;
  std::optional<ParameterSpec> tokenEmbedding;    // [V, E]; absent where images are read
  std::optional<LinearParameters> patchEmbedding; // [C, channels, patch height, patch width]
  std::optional<ParameterSpec> classToken;        // [C] or [1, 1, C]
  std::optional<LinearParameters> timestepIn, timestepOut;   // R to C, C to C
  std::optional<ParameterSpec> classEmbedding;               // [classes (+ 1), C]
  std::optional<LinearParameters> embeddingIn, embeddingOut; // E to C, C to E
  std::optional<ParameterSpec> positionEmbedding;  // [max_positions + offset, C] or [1, T, C]
  std::optional<ParameterSpec> tokenTypeEmbedding; // [token types, C]
  std::optional<ParameterSpec> relativeBias;       // [buckets, H]
  /// Weights [C, bins, 3] and [C, C, 3], biases [C].
  std::optional<LinearParameters> convolutionIn, convolutionOut;
  std::optional<ParameterSpec> distanceEmbedding; // [distances, C]
  std::optional<NormParameters> distanceNorm, embeddingNorm;
  std::optional<ParameterSpec> maskEmbedding; // [1, 1, C], which nothing reads
  /// From Dimensions::embeddingSum to C; the rows above are of that size where it is there.
  std::optional<LinearParameters> embeddingProjection;
  std::vector<LayerParameters> layers;
  std::optional<LinearParameters> finalModulation; // C to 2C
  std::optional<NormParameters> finalNorm;
  std::optional<NormParameters> poolerNorm;
  std::optional<LinearParameters> pooler, headTransform;
  std::vector<LinearParameters> dense; // of an embedding's head; weights [out, in]
  std::optional<NormParameters> headNorm;
  std::optional<LinearParameters> nextSentence; // from C to 2
  /// [V, E], or [classes, C]; absent when tied, and in models without a head.
  std::optional<ParameterSpec> headWeight;
  std::optional<ParameterSpec> headBias;         // [V] or [classes]
  std::optional<ParameterSpec> headConstantBias; // [1, V]
  std::optional<ParameterSpec> logitScale;       // []

  /// In the order of the entries' arguments; the encoder's come first.
  std::vector<ParameterSpec> all() const;
};

/// The parameters of a definition that validateModel() accepts, with its vocab_size set where it
/// reads tokens.
ModelParameters parametersOf(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_PARAMETERS_H
