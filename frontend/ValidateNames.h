// SPDX-License-Identifier: Apache-2.0
// The part of Validate.h that looks at parameter names.

#ifndef HEDDLE_FRONTEND_VALIDATENAMES_H
#define HEDDLE_FRONTEND_VALIDATENAMES_H

#include "frontend/Parameters.h"
#include "frontend/Validate.h"
#include "runtime/base/Limits.h"

namespace heddle::frontend {

/// Room for the prefix's and the layer's digits and ".weight" within a checkpoint's limit.
inline constexpr uint64_t kMaxModuleName = limits::kTensorNameBytes / 4;

/// Valid UTF-8 without control characters, of at most kMaxModuleName bytes.
bool isPlainText(const std::string &text);

/// Names of layers' parameters must tell layers apart, and no two parameters may share a name, with
/// whichever of the prefixes a checkpoint has them. The definition has a valid number of layers.
std::optional<FieldError> findNameError(const proto::ModelDef &definition);

/// The same between a decoder and its encoder, or an image tower (see Stacks.h), each without fault
/// by itself. `stack` is the field that the other one is in.
std::optional<FieldError> findStackNameError(const proto::ModelDef &decoder,
                                             const proto::ModelDef &other,
                                             const std::string &stack);

/// What the names of modules do not tell: whole names, and other names that a checkpoint may have.
/// InvalidArgument where two of all parameters share one.
Status checkDistinctNames(const std::vector<ParameterSpec> &parameters);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_VALIDATENAMES_H
