// SPDX-License-Identifier: Apache-2.0
// config.json becomes a ModelDef, as the model type's family says.

#ifndef HEDDLE_FRONTEND_CONFIGREADER_H
#define HEDDLE_FRONTEND_CONFIGREADER_H

#include "frontend/Family.pb.h"
#include "frontend/ModelDef.pb.h"
#include "runtime/io/Json.h"

namespace heddle::frontend {

/// A validated definition, of a family by familyOf (ConfigFamily.h). Errors name the file, the key,
/// its value and what is supported: an unknown key, a missing one, a value outside of the family's,
/// two spellings that disagree.
StatusOr<proto::ModelDef> readConfig(const runtime::JsonRef &config, const proto::Family &family);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_CONFIGREADER_H
