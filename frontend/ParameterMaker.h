// SPDX-License-Identifier: Apache-2.0
// One parameter, or one module's: its names in checkpoints, shape and first values.

#ifndef HEDDLE_FRONTEND_PARAMETERMAKER_H
#define HEDDLE_FRONTEND_PARAMETERMAKER_H

#include <string_view>

#include "frontend/Dimensions.h"
#include "frontend/Parameters.h"

namespace heddle::frontend {

/// Of one stack of a definition, which outlives this.
class ParameterMaker {
protected:
  ParameterMaker(const proto::ModelDef &definition, std::string_view stack)
      : definition_(definition), names_(definition.names()), dims_(definition), stack_(stack) {}

  static Initializer zeros() { return {}; }
  static Initializer ones() { return {Initializer::Kind::ones, 0}; }
  Initializer normal() const {
    return {Initializer::Kind::normal, definition_.initializer().scale()};
  }
  Initializer weightInitializer(int64_t in, int64_t out, bool endsInResidual) const;
  /// The one that is written, then those that are read too.
  std::vector<std::string> prefixes() const;
  ParameterSpec parameter(const std::string &module, const std::string &suffix,
                          std::vector<int64_t> shape, Initializer initializer,
                          const std::string &layerPath) const;
  /// The head's weight or bias: its names are whole.
  ParameterSpec headParameter(const std::string &name, const std::string &suffix,
                              std::vector<int64_t> shape, Initializer initializer) const;
  NormParameters norm(const std::string &module, int64_t size, const std::string &layerPath) const;
  LinearParameters linear(const std::string &module, int64_t in, int64_t out, bool bias,
                          const std::string &layerPath, bool endsInResidual = false) const;
  /// A weight [C, H, D] under its whole name.
  LinearParameters byHead(const std::string &name, const std::string &layerPath) const;

  const proto::ModelDef &definition_;
  const proto::ParameterNames &names_;
  Dimensions dims_;
  std::string_view stack_;
};

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_PARAMETERMAKER_H
