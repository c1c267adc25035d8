// SPDX-License-Identifier: Apache-2.0
// What a checkpoint of a training run holds: a model folder, and beside it all that is needed to go
// on bit for bit.

#ifndef HEDDLE_RUNTIME_TRAIN_TRAININGSTATE_H
#define HEDDLE_RUNTIME_TRAIN_TRAININGSTATE_H

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/train/Checkpoint.h"

namespace heddle::runtime {

class Session;
class Tokenizer;

inline constexpr char kWeightsFile[] = "model.safetensors";
inline constexpr char kMomentsFile[] = "training_state.safetensors";
inline constexpr char kStateFile[] = "training_state.json";
// Of a run that trains adapters: in place of the weights and their definition, as PEFT has them.
inline constexpr char kAdapterFile[] = "adapter_model.safetensors";
inline constexpr char kAdapterConfigFile[] = "adapter_config.json";

/// Random numbers depend on seed and step alone, so there is no generator to save.
struct TrainingState {
  uint64_t step = 0;    // the next one
  uint64_t updates = 0; // of the optimizer; fewer than steps where some were skipped
  uint64_t skipped = 0;
  uint64_t seed = 0;
  int64_t batch = 0, seq = 0, gradAccum = 1;
  double valSplit = 0;
  std::string data;      // TrainingData::fingerprint()
  std::string objective; // its name; empty in older checkpoints
  std::string lora;      // proto::Manifest::lora()
};

std::string printTrainingState(const TrainingState &state);
StatusOr<TrainingState> readTrainingState(FileLayer &layer, const std::string &path);

/// The files of a checkpoint: weights, the definition and other files that the executable carries,
/// the tokenizer (null: the executable's own, if any), Adam's moments, the state. They read the
/// session when they are written: it outlives them and stays as it is. Of a run that trains
/// adapters they hold those apart, or the weights with the adapters added, as the executable says;
/// `whole`: the weights and the adapters, each by itself.
std::vector<CheckpointFile> checkpointFiles(const Session &session, const Tokenizer *tokenizer,
                                            const TrainingState &state, bool whole = false);

/// Takes Adam's moments from a checkpoint's folder. The session has its training entries prepared,
/// so that the moments have buffers. Nothing may be missing or left over.
Status restoreMoments(FileLayer &layer, const std::string &folder, Session &session);
/// The same, and the weights; where adapters train, those in place of the weights, which stay as
/// they are.
Status restoreCheckpoint(FileLayer &layer, const std::string &folder, Session &session);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_TRAININGSTATE_H
