// SPDX-License-Identifier: Apache-2.0
#include "frontend/Adapters.h"

#include <algorithm>
#include <cmath>

namespace heddle::frontend {
namespace {

constexpr std::string_view kWeightEnd = ".weight";
// What PEFT puts around the name of a layer.
constexpr char kBefore[] = "base_model.model.";
constexpr char kEndA[] = ".lora_A.weight", kEndB[] = ".lora_B.weight";

} // namespace

bool isAdapterTarget(const std::string &module, const std::string &target) {
  return module == target || module.ends_with("." + target);
}

std::optional<AdapterParameters> adapterOf(const proto::ModelDef &definition,
                                           const ParameterSpec &weight, int64_t in, int64_t out) {
  const proto::LowRankAdapters &adapters = definition.adapters();
  const std::string module = weight.name.substr(0, weight.name.size() - kWeightEnd.size());
  if (std::none_of(adapters.targets().begin(), adapters.targets().end(),
                   [&](const std::string &target) { return isAdapterTarget(module, target); }))
    return std::nullopt;
  // Kaiming's uniform distribution with the slope sqrt(5), as PEFT draws it.
  const Initializer uniform{Initializer::Kind::uniform, 1 / std::sqrt(static_cast<double>(in))};
  const int64_t rank = adapters.rank();
  AdapterParameters result;
  result.a = {
      absl::StrCat(kBefore, module, kEndA), {rank, in}, uniform, {}, weight.layerPath, true};
  result.b = {absl::StrCat(kBefore, module, kEndB), {out, rank}, {}, {}, weight.layerPath, true};
  result.scale = adapters.alpha() / static_cast<double>(rank);
  return result;
}

std::string weightOfAdapter(const ParameterSpec &parameter) {
  const size_t before = sizeof kBefore - 1;
  return parameter.name.substr(before, parameter.name.size() - before - (sizeof kEndA - 1)) +
         std::string(kWeightEnd);
}

} // namespace heddle::frontend
