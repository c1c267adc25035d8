// SPDX-License-Identifier: Apache-2.0
// What MODEL on the command line means: a definition with its parameters, and the files that belong
// to it.

#ifndef HEDDLE_FRONTEND_MODEL_H
#define HEDDLE_FRONTEND_MODEL_H

#include <optional>
#include <string>
#include <vector>

#include "frontend/ModelDef.pb.h"
#include "frontend/Parameters.h"
#include "runtime/io/FileLayer.h"

namespace heddle::frontend {

inline constexpr char kModelFile[] = "model.textproto";

/// A small file that goes with the model: config.json or model.textproto, tokenizer files.
struct ModelFile {
  std::string name;
  std::string content;
};

/// A value class without IR.
struct Model {
  /// As the user gave it, for messages.
  std::string path;
  /// Validated. Its vocab_size may be missing: see bindVocabulary().
  proto::ModelDef definition;
  /// In the order of the entries' arguments; empty while vocab_size is missing.
  std::vector<ParameterSpec> parameters;
  /// Tensors that a checkpoint may hold and that mean nothing: names with `*` for any text.
  std::vector<std::string> ignoredTensors;
  /// What an executable and a checkpoint carry along.
  std::vector<ModelFile> files;
  /// Hugging Face's model_type; empty for a ModelDef.
  std::string family;
  /// `labels` at t + 1 are the targets at t.
  bool shiftLabels = true;
  /// A folder or file with weights; empty: there are none yet.
  std::string weightsPath;
  /// Folders beside the weights that hold more: the parameters "FOLDER/NAME".
  std::vector<std::string> weightFolders;
  /// Message fields of the definition that go with a tensor (by name without prefix): weights that
  /// do not hold it are of a model without that part.
  std::vector<std::pair<std::string, std::string>> optionalParts; // tensor, field

  /// Null where the model brings no such file.
  const ModelFile *file(const std::string &name) const;
};

struct ModelOverrides {
  /// --weights
  std::optional<std::string> weightsPath = {};
  /// --family
  std::optional<std::string> familyFile = {};
  /// --dropout: all shares.
  std::optional<double> dropout = {};
  /// --label-smoothing
  std::optional<double> labelSmoothing = {};
  /// --objective contrastive: a model without a head gives embeddings of texts, the mean of their
  /// tokens' vectors.
  bool embeds = false;
  /// --freeze: patterns beside those of the definition.
  std::vector<std::string> frozen = {};
  /// --lora: see parseAdapters().
  std::optional<std::string> adapters = {};
};

/// Reads a `.textproto`, or a folder with model.textproto or config.json. An `--out` folder of
/// checkpoints is resolved by the caller first (runtime/train/Checkpoint.h). InvalidArgument with
/// file, key or field where something is wrong.
StatusOr<Model> loadModel(runtime::FileLayer &layer, const std::string &path,
                          const ModelOverrides &overrides = {});

/// The model with a tokenizer of `vocabSize` ids: sets a vocab_size that was left out and checks
/// one that is there, which may be larger than the tokenizer's. Afterwards `parameters` is filled,
/// and a ModelDef's own file says the size.
Status bindVocabulary(Model &model, int64_t vocabSize);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_MODEL_H
