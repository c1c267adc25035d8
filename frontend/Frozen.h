// SPDX-License-Identifier: Apache-2.0
// Which parameters training leaves as they are.

#ifndef HEDDLE_FRONTEND_FROZEN_H
#define HEDDLE_FRONTEND_FROZEN_H

#include <string>
#include <vector>

#include "frontend/Parameters.h"

namespace heddle::frontend {

/// Whether the parameter is none that trains in any model of the kind, one of the definition's
/// patterns is for a name of it, or only adapters train and it is of none.
bool isFrozen(const proto::ModelDef &definition, const ParameterSpec &parameter);

/// InvalidArgument where a pattern matches no parameter, with those that look like it, and where
/// nothing is left to train.
Status checkFrozen(const proto::ModelDef &definition, const std::vector<ParameterSpec> &parameters);

/// "; near it: a, b, c" of the names with a part that differs least from `text`, or "" where none
/// has one that is alike.
std::string namesNear(const std::string &text, const std::vector<std::string> &names);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_FROZEN_H
