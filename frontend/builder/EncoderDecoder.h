// SPDX-License-Identifier: Apache-2.0
// Entries of models of two stacks.

#ifndef HEDDLE_FRONTEND_BUILDER_ENCODERDECODER_H
#define HEDDLE_FRONTEND_BUILDER_ENCODERDECODER_H

#include <string>

#include "frontend/builder/Wiring.h"

namespace heddle::frontend {

/// Writes the entry of that name behind its parameters. `decoder` is of the definition with the
/// encoder; the source has `sourceLength` tokens.
void encoderDecoderEntry(Wiring &decoder, const std::string &name, int64_t sourceLength);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_BUILDER_ENCODERDECODER_H
