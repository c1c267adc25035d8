// SPDX-License-Identifier: Apache-2.0
// The sizes of a definition with the defaults that depend on other fields filled in.

#ifndef HEDDLE_FRONTEND_DIMENSIONS_H
#define HEDDLE_FRONTEND_DIMENSIONS_H

#include <cstdint>

#include "frontend/ModelDef.pb.h"

namespace heddle::frontend {

/// Sizes by their letters. Meaningful for definitions that validateModel() accepts.
struct Dimensions {
  explicit Dimensions(const proto::ModelDef &definition);

  int64_t width;          // C
  int64_t embeddingWidth; // E, a row of the token table
  int64_t embeddingSum;   // what the embeddings sum up to
  int64_t layers;
  int64_t heads;     // H
  int64_t kvHeads;   // G
  int64_t headDim;   // D
  int64_t hidden;    // F
  int64_t vocab;     // V, 0 where the definition leaves it out
  int64_t positions; // the longest sequence, 0: unbounded

  /// Of a head of classes; 2 of a head of spans: begin and end; 1 of one that detects replaced
  /// tokens; of a head of noise the numbers that it says of a patch.
  int64_t classes;

  int64_t queryWidth() const { return heads * headDim; }
  int64_t keyWidth() const { return kvHeads * headDim; }
};

bool hasLearnedPositions(const proto::ModelDef &definition);
bool normsHaveBias(const proto::ModelDef &definition);
bool qkvHasBias(const proto::ModelDef &definition);
bool keyHasBias(const proto::ModelDef &definition);
bool attentionOutputHasBias(const proto::ModelDef &definition);
bool ffnHasBias(const proto::ModelDef &definition);
/// Whether a norm stands behind the last layer.
bool hasFinalNorm(const proto::ModelDef &definition);
/// Whether attention and FFN read one norm's result.
bool sharesNorm(const proto::ModelDef &definition);
/// Whether projections stand between the token table and the layers.
bool hasEmbeddingProjections(const proto::ModelDef &definition);

/// The rows of the table of learned positions; of an image, T.
int64_t positionRows(const proto::ModelDef &definition);

/// How many keys a query of a layer sees; 0: all.
int64_t windowOf(const proto::ModelDef &definition, int64_t layer);

/// Whether any layer has a window.
bool hasWindows(const proto::ModelDef &definition);

/// How many keys and values of a sequence a layer keeps while text is generated: T, or, where it
/// sees fewer, those of its window, in a ring.
int64_t cacheLength(const proto::ModelDef &definition, int64_t layer, int64_t seq);

/// What the scores of a layer are multiplied by.
double scoreScale(const proto::ModelDef &definition, int64_t layer);

/// What a pooler's vector has, and the vectors that a head other than a language model's reads.
int64_t pooledWidth(const proto::ModelDef &definition);
int64_t headWidth(const proto::ModelDef &definition);
bool headHasBias(const proto::ModelDef &definition);
proto::Loss::Kind lossKind(const proto::ModelDef &definition);
bool isLanguageModel(const proto::ModelDef &definition);
/// Whether each token has one logit: that it stands in place of another.
bool detectsReplacedTokens(const proto::ModelDef &definition);
/// Whether logits at t are of the token at t + 1: the model generates.
bool predictsNext(const proto::ModelDef &definition);
/// Whether one stack of layers makes vectors of a text's tokens, to be summed up as one.
bool encodesTexts(const proto::ModelDef &definition);
/// Whether the loss is contrastive: it compares texts of the batch, and takes no targets.
bool learnsFromPairs(const proto::ModelDef &definition);
/// The most tokens that the positions of a sequence reach; 0: unbounded.
int64_t longestSequence(const proto::ModelDef &definition);

/// The numbers of random streams that a stack of so many layers takes up, without those of a head.
int64_t rngStreams(int64_t layers);

/// Whether scores have terms of distances. The table they come from has distanceRows(), of which
/// distance d is distanceRow(d).
bool hasDistances(const proto::ModelDef &definition);
int64_t distanceRows(const proto::ModelDef &definition);
int64_t distanceRow(const proto::ModelDef &definition, int64_t distance);
bool hasTerm(const proto::ModelDef &definition, proto::DisentangledAttention::Term term);
/// Whether the term's product with the table is with a weight of its own.
bool hasOwnDistanceProjection(const proto::ModelDef &definition,
                              proto::DisentangledAttention::Term term);

/// The largest share of elements that any part drops in training; 0: no dropout.
double largestDropout(const proto::ModelDef &definition);
/// Whether training draws random numbers: dropout, of elements or of class labels.
bool drawsInTraining(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_DIMENSIONS_H
