// SPDX-License-Identifier: Apache-2.0
// The half of validateModel() that looks at how a layer's parts go together.

#ifndef HEDDLE_FRONTEND_VALIDATEBLOCKS_H
#define HEDDLE_FRONTEND_VALIDATEBLOCKS_H

#include "frontend/Validate.h"

namespace heddle::frontend {

/// The first field that goes with no other, if there is one.
std::optional<FieldError> findBlockError(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_VALIDATEBLOCKS_H
