// SPDX-License-Identifier: Apache-2.0
// The part of Validate.h that looks at what stands around the layers: token types, padding, the
// embeddings' size, pooler and head.

#ifndef HEDDLE_FRONTEND_VALIDATEHEAD_H
#define HEDDLE_FRONTEND_VALIDATEHEAD_H

#include "frontend/Validate.h"

namespace heddle::frontend {

/// Of a definition whose sizes, attention and numbers are valid.
std::optional<FieldError> findHeadError(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_VALIDATEHEAD_H
