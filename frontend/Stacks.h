// SPDX-License-Identifier: Apache-2.0
// The stacks of layers of a definition: one, or a decoder and the encoder that it attends to.

#ifndef HEDDLE_FRONTEND_STACKS_H
#define HEDDLE_FRONTEND_STACKS_H

#include <cstdint>

#include "frontend/ModelDef.pb.h"

namespace heddle::frontend {

/// The encoder of a definition that has one, as a definition of its own: with what it leaves out
/// filled in, looking ahead, without a head.
proto::ModelDef encoderOf(const proto::ModelDef &definition);

/// S, for a decoder of `seq` tokens: `seq` where it reads the source, else `asked`, or (0) all
/// positions of an encoder of frames, else as many as the decoder has where the encoder's positions
/// reach so far.
int64_t sourceLength(const proto::ModelDef &definition, int64_t seq, int64_t asked);

/// Whether there is a decoder behind an encoder that is given tokens of its own.
bool decoderReadsTokens(const proto::ModelDef &definition);

/// The image tower of a definition that has one, likewise: with a head of kind PROJECTION.
proto::ModelDef imageOf(const proto::ModelDef &definition);

/// Whether the encoder reads the decoder's token table.
bool sharesTokenTable(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_STACKS_H
