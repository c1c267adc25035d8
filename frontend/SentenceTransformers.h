// SPDX-License-Identifier: Apache-2.0
// Folders of sentence-transformers: beside a transformer they say how its vectors become one for
// the whole text.

#ifndef HEDDLE_FRONTEND_SENTENCETRANSFORMERS_H
#define HEDDLE_FRONTEND_SENTENCETRANSFORMERS_H

#include "frontend/Model.h"

namespace heddle::frontend {

inline constexpr char kModulesFile[] = "modules.json";

/// Takes in `modules.json` of `folder` and the `config.json` of pooling and Dense modules: the
/// model's head becomes one of kind EMBEDDING, and the files go along with it. What a head before
/// it had is tensors that a checkpoint may hold. Nothing happens where the folder has no
/// modules.json. The error names file, key and value that are not supported.
Status readSentenceTransformers(runtime::FileLayer &layer, const std::string &folder, Model &model);

/// The model with a head that gives the mean of the tokens' vectors, and with the files that say
/// so, for a model without a head.
void addMeanPooling(Model &model);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_SENTENCETRANSFORMERS_H
