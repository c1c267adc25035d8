// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_FRONTEND_CONFIGFAMILY_H
#define HEDDLE_FRONTEND_CONFIGFAMILY_H

#include "frontend/Families.h"
#include "runtime/io/Json.h"

namespace heddle::frontend {

inline constexpr char kModelType[] = "model_type";
inline constexpr char kArchitectures[] = "architectures";

/// The family that config.json's "model_type" names, with what the variant adds that its
/// "architectures" names; an error lists what is supported.
StatusOr<proto::Family> familyOf(const runtime::JsonRef &config, const Families &families);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_CONFIGFAMILY_H
