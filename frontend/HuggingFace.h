// SPDX-License-Identifier: Apache-2.0
// Hugging Face folders: config.json, read by its family, and the names of the tensors beside it.

#ifndef HEDDLE_FRONTEND_HUGGINGFACE_H
#define HEDDLE_FRONTEND_HUGGINGFACE_H

#include "frontend/Families.h"
#include "frontend/Model.h"

namespace heddle::frontend {

inline constexpr char kConfigFile[] = "config.json";

/// Fills in the definition, the family and what a checkpoint may hold beside the parameters.
Status readHuggingFace(runtime::FileLayer &layer, const std::string &folder,
                       const Families &families, Model &model);

/// Sets names.prefix to the accepted prefix that most of the definition's parameters have in
/// `tensors`, so that gradients go under the checkpoint's own names. Without any of them it stays
/// what the family writes. A head that may have a weight of its own (head.untied_if_stored) has one
/// if `tensors` does, and one that is stored, not trained (head.constant_bias), may be missing:
/// zeros.
void takePrefixOf(const std::vector<std::string> &tensors, proto::ModelDef &definition);

/// Leaves out the message fields whose tensor (first; by name without prefix) is not among
/// `tensors`.
void dropAbsentParts(const std::vector<std::string> &tensors,
                     const std::vector<std::pair<std::string, std::string>> &parts,
                     proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_HUGGINGFACE_H
