// SPDX-License-Identifier: Apache-2.0
// Does a definition hold together? Everything behind this check (parameters, builder) relies on it.

#ifndef HEDDLE_FRONTEND_VALIDATE_H
#define HEDDLE_FRONTEND_VALIDATE_H

#include <cstdint>
#include <optional>
#include <string>

#include "frontend/FieldError.h"
#include "frontend/ModelDef.pb.h"
#include "runtime/base/Status.h"

namespace heddle::frontend {

inline constexpr int64_t kMaxDimension = (int64_t{1} << 31) - 1; // token ids are i32
/// Each layer has three random streams, and a stream's number has 16 bits.
inline constexpr int64_t kMaxLayers = 16'384;
/// Of those with disentangled attention, which have a fourth.
inline constexpr int64_t kMaxDistanceLayers = 8'192;
/// Of the stacks together; the numbers above are those of heads.
inline constexpr int64_t kMaxRngStreams = 65'534;
/// Positions are counted in f32 somewhere on their way.
inline constexpr int64_t kMaxSequence = int64_t{1} << 24;
/// Where text is generated with caches for windows: the tokens of a batch are counted in f32, and
/// the positions of a sequence in halves.
inline constexpr int64_t kMaxRingRows = int64_t{1} << 24;
inline constexpr int64_t kMaxRingSequence = int64_t{1} << 22;
inline constexpr int64_t kMaxHeads = 65'536;
inline constexpr int64_t kMaxRelativeBuckets = 65'536;
/// Names a checkpoint may put before all parameters, in place of names.prefix.
inline constexpr int kMaxOtherPrefixes = 8;
/// Of an embedding's head.
inline constexpr int kMaxDenseLayers = 64;
/// In one tensor, and of all parameters together: what the IR can address.
inline constexpr int64_t kMaxElements = int64_t{1} << 48;

/// Whether a field that must be there is a size that a tensor may have.
Found checkSize(const char *field, bool given, int64_t value, int64_t limit = kMaxDimension);
Found checkRange(const char *field, int64_t value, int64_t from, int64_t to);

/// The first thing wrong, if any. A missing vocab_size is fine here.
std::optional<FieldError> findFieldError(const proto::ModelDef &definition);

/// The same as a status: `file: field "attention.heads": problem`.
Status validateModel(const proto::ModelDef &definition, const std::string &file);

/// Whether the model runs on `batch` sequences of `seq` tokens.
Status validateShape(const proto::ModelDef &definition, int64_t batch, int64_t seq);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_VALIDATE_H
