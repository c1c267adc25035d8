// SPDX-License-Identifier: Apache-2.0
// config.json becomes a ModelDef, as the model type's family says.

#ifndef HEDDLE_FRONTEND_CONFIGREADER_H
#define HEDDLE_FRONTEND_CONFIGREADER_H

#include "frontend/Families.h"
#include "runtime/io/Json.h"

namespace heddle::frontend {

/// The family that config.json's "model_type" names; an error lists those there are.
StatusOr<const proto::Family *> familyOf(const runtime::JsonRef &config, const Families &families);

/// The family with what the variant adds that config.json's "architectures" names; an error lists
/// what is supported.
StatusOr<proto::Family> withArchitecture(const runtime::JsonRef &config,
                                         const proto::Family &family);

/// A validated definition. Errors name the file, the key, its value and what is supported: an
/// unknown key, a missing one, a value outside of the family's, two spellings that disagree.
StatusOr<proto::ModelDef> readConfig(const runtime::JsonRef &config, const proto::Family &family);

/// Whether `text` is `pattern`, in which `*` stands for any text.
bool matchesPattern(std::string_view pattern, std::string_view text);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_CONFIGREADER_H
