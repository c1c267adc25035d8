// SPDX-License-Identifier: Apache-2.0
#include "frontend/ParameterMaker.h"

#include <cmath>

#include "frontend/Adapters.h"
#include "frontend/LayerNames.h"

namespace heddle::frontend {

Initializer ParameterMaker::weightInitializer(int64_t in, int64_t out, bool endsInResidual) const {
  const proto::Initializer &initializer = definition_.initializer();
  Initializer result = normal();
  switch (initializer.kind()) {
  case proto::Initializer::NORMAL:
    break;
  case proto::Initializer::XAVIER_UNIFORM: // deviation sqrt(2 / (in + out))
    result = {Initializer::Kind::uniform, std::sqrt(6.0 / (in + out))};
    break;
  case proto::Initializer::XAVIER_NORMAL:
    result = {Initializer::Kind::normal, std::sqrt(2.0 / (in + out))};
    break;
  case proto::Initializer::KAIMING_UNIFORM: // deviation sqrt(2 / in)
    result = {Initializer::Kind::uniform, std::sqrt(6.0 / in)};
    break;
  case proto::Initializer::KAIMING_NORMAL:
    result = {Initializer::Kind::normal, std::sqrt(2.0 / in)};
    break;
  }
  if (endsInResidual && initializer.scale_residual())
    result.scale /= std::sqrt(2.0 * static_cast<double>(dims_.layers));
  return result;
}

std::vector<std::string> ParameterMaker::prefixes() const {
  std::vector<std::string> all = {names_.prefix()};
  for (const std::string &prefix : names_.other_prefixes())
    if (prefix != names_.prefix())
      all.push_back(prefix);
  return all;
}

ParameterSpec ParameterMaker::parameter(const std::string &module, const std::string &suffix,
                                        std::vector<int64_t> shape, Initializer initializer,
                                        const std::string &layerPath) const {
  ParameterSpec spec{"", std::move(shape), initializer, {}, layerPath};
  for (const std::string &prefix : prefixes())
    spec.aliases.push_back(prefix + module + suffix);
  spec.name = spec.aliases.front();
  spec.aliases.erase(spec.aliases.begin());
  return spec;
}

ParameterSpec ParameterMaker::headParameter(const std::string &name, const std::string &suffix,
                                            std::vector<int64_t> shape,
                                            Initializer initializer) const {
  ParameterSpec spec{name, std::move(shape), initializer, {}, kHeadPath};
  if (name != names_.head() + suffix)
    spec.aliases.push_back(names_.head() + suffix);
  for (const std::string &other : names_.other_heads())
    spec.aliases.push_back(other + suffix);
  return spec;
}

NormParameters ParameterMaker::norm(const std::string &module, int64_t size,
                                    const std::string &layerPath) const {
  auto otherNames = [&](ParameterSpec spec, bool given, const std::string &ending) {
    if (given)
      for (const std::string &prefix : prefixes())
        spec.aliases.push_back(prefix + module + "." + ending);
    return spec;
  };
  if (!definition_.norm().weight())
    return {};
  Initializer first = definition_.norm().unit_offset() ? zeros() : ones();
  NormParameters result{otherNames(parameter(module, ".weight", {size}, first, layerPath),
                                   names_.has_other_norm_weight(), names_.other_norm_weight()),
                        {}};
  if (normsHaveBias(definition_))
    result.bias = otherNames(parameter(module, ".bias", {size}, zeros(), layerPath),
                             names_.has_other_norm_bias(), names_.other_norm_bias());
  return result;
}

LinearParameters ParameterMaker::linear(const std::string &module, int64_t in, int64_t out,
                                        bool bias, const std::string &layerPath,
                                        bool endsInResidual) const {
  std::vector<int64_t> shape = {in, out};
  if (definition_.weight_layout() == proto::OUT_IN)
    shape = {out, in};
  LinearParameters result{
      parameter(module, ".weight", shape, weightInitializer(in, out, endsInResidual), layerPath),
      {}};
  if (bias)
    result.bias = parameter(module, ".bias", {out}, zeros(), layerPath);
  result.adapter = adapterOf(definition_, result.weight, in, out);
  return result;
}

LinearParameters ParameterMaker::byHead(const std::string &name,
                                        const std::string &layerPath) const {
  const Initializer first = weightInitializer(dims_.width, dims_.queryWidth(), false);
  LinearParameters result{
      parameter(name, "", {dims_.width, dims_.heads, dims_.headDim}, first, layerPath), {}};
  result.byHead = true;
  return result;
}

} // namespace heddle::frontend
