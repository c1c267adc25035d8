// SPDX-License-Identifier: Apache-2.0
// Low-rank adapters (arXiv:2106.09685): which layers have one, what --lora says, and how a folder
// of PEFT describes them.

#ifndef HEDDLE_FRONTEND_ADAPTERS_H
#define HEDDLE_FRONTEND_ADAPTERS_H

#include <optional>
#include <string>
#include <vector>

#include "frontend/Parameters.h"

namespace heddle::frontend {

struct Model;

/// "r=8,alpha=16,targets=q_proj,v_proj,dropout=0.1,save=merged"; InvalidArgument names the part
/// that is wrong.
StatusOr<proto::LowRankAdapters> parseAdapters(const std::string &text);
/// The same text for the same adapters, however they were said; how they are saved is left out.
std::string printAdapters(const proto::LowRankAdapters &adapters);

/// The adapter of the linear layer with this weight; nothing where the definition has none for it.
std::optional<AdapterParameters> adapterOf(const proto::ModelDef &definition,
                                           const ParameterSpec &weight, int64_t in, int64_t out);

/// Whether `target` is the end of a layer's name, from a dot on.
bool isAdapterTarget(const std::string &module, const std::string &target);

/// InvalidArgument where a target is the end of no layer's name, with those that look like it.
Status checkAdapters(const proto::ModelDef &definition,
                     const std::vector<ParameterSpec> &parameters);

/// The weight that an adapter's parameter belongs to: "transformer.h.0.attn.c_attn.weight".
std::string weightOfAdapter(const ParameterSpec &parameter);

/// The text of adapter_config.json.
std::string adapterConfig(const Model &model);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_ADAPTERS_H
