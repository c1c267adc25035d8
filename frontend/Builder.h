// SPDX-License-Identifier: Apache-2.0
// From a definition to IR: the one place that knows how a transformer is wired. It writes the
// mathematics as the papers do, in primitive ops; passes lift it into attention and FFN.
//
//   forward     (parameters, input_ids, attention_mask, position_ids [B, T], and token_type_ids
//               [B, T] where the model has token types) -> what its head gives: logits [B, T, V],
//               [B, classes], [B, T, classes] or [B, T]; start_logits and end_logits [B, T];
//               last_hidden_state [B, T, C] and pooler_output [B, C]
//   loss        (as forward, targets [B, T] or [B], or start_positions and end_positions [B], and
//               next_sentence_label [B] where the head has one) -> loss []. A model without a head
//               has none, and no training; one of embeddings takes no targets, and an even B: the
//               second half of the batch belongs to the first
//   eval        (parameters, input_ids, targets) -> loss []; as loss where models look ahead
//   train_loss  as eval with dropout, and with `rng` where there is any
//   encode      (as forward) -> sentence_embedding [B, C], pooled as the head says, or the mean
//   prefill     (parameters, input_ids [B, T], last_index [B]) -> logits [B, V] of those positions,
//               cache.k.<layer> and cache.v.<layer> [B, G, T, D]; of a layer with a window of
//               C < T positions [B, G, C, D], a ring: position p is in row p mod C
//   decode      (parameters, the caches, input_ids [B, 1], positions [B]) -> logits [B, V], caches
//
// A model with an encoder has other inputs: input_ids and attention_mask [B, S] are the source's,
// decoder_input_ids and decoder_attention_mask [B, T] what the decoder reads; forward gives
// encoder_last_hidden_state [B, S, C'] too, eval and train_loss take what loss takes, prefill takes
// input_ids, attention_mask, decoder_input_ids and last_index and fills cache.cross_k.<layer> and
// cache.cross_v.<layer> [B, G, S, D] too, and decode takes decoder_input_ids [B, 1], positions and
// attention_mask. Where the encoder reads frames, input_features [B, bins, 2 S] stand for
// input_ids, and there is no attention_mask: all frames count. A decoder that reads the source
// takes the inputs of the source alone, and targets as a single stack does.
//
// Models of images take pixel_values [B, channels, height, width] in place of what is of tokens,
// and timesteps and class_labels [B] where their condition has them. A head of noise gives noise
// and variance [B, channels, height, width], and its targets are of that shape, in f32. A model of
// texts and images takes both and gives logits_per_image and logits_per_text [B, B], text_embeds
// and image_embeds [B, width]; its loss has no targets: text b belongs to image b.
//
// Inputs other than images are i32. targets[b, t] is what follows input_ids[b, t], or what belongs
// there in a model that looks ahead; -100 counts for nothing, in positions too.

#ifndef HEDDLE_FRONTEND_BUILDER_H
#define HEDDLE_FRONTEND_BUILDER_H

#include <string>
#include <vector>

#include "frontend/GraphBuilder.h"
#include "frontend/ModelDef.pb.h"

namespace heddle::frontend {

inline constexpr char kForwardEntry[] = "forward";
inline constexpr char kLossEntry[] = "loss";
inline constexpr char kEvalEntry[] = "eval";
inline constexpr char kTrainLossEntry[] = "train_loss";
inline constexpr char kPrefillEntry[] = "prefill";
inline constexpr char kDecodeEntry[] = "decode";
inline constexpr char kEncodeEntry[] = "encode";

/// The entries that a definition has; those for training only when asked for. Models that look
/// ahead do not generate: they have no prefill and decode. Every model can be asked for `encode`;
/// it is listed where there are vectors and no logits.
std::vector<std::string> entriesOf(const proto::ModelDef &definition, bool training);

struct BuildOptions {
  int64_t batch = 1;
  int64_t seq = 1;
  /// Some of entriesOf(), and `encode`.
  std::vector<std::string> entries;
  /// The type of parameters and activations. f64 is for exact comparisons in the interpreter.
  Element number = Element::f32;
  /// S, of a model with an encoder. 0: as `seq`.
  int64_t sourceSeq = 0;
};

/// The verified module, its functions in the order of `entries`. InvalidArgument where the shape
/// does not fit the model or an entry is unknown; the definition itself was validated before, and
/// has its vocab_size.
StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> buildModule(mlir::MLIRContext &context,
                                                        const proto::ModelDef &definition,
                                                        const BuildOptions &options);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_BUILDER_H
