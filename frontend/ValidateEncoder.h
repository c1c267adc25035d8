// SPDX-License-Identifier: Apache-2.0
// What must hold between a decoder and its encoder.

#ifndef HEDDLE_FRONTEND_VALIDATEENCODER_H
#define HEDDLE_FRONTEND_VALIDATEENCODER_H

#include "frontend/Validate.h"

namespace heddle::frontend {

/// The first thing wrong, if any, of a definition that is right as a single stack. The encoder's
/// own fields are checked too.
std::optional<FieldError> findEncoderError(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_VALIDATEENCODER_H
