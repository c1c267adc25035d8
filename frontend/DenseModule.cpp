// SPDX-License-Identifier: Apache-2.0
#include "frontend/DenseModule.h"

#include "absl/strings/str_cat.h"

#include "frontend/Validate.h"

namespace heddle::frontend {
namespace {

using runtime::JsonRef;

/// Where the module finds the vector and leaves it, as files of later versions say.
constexpr char kVectorName[] = "sentence_embedding";

struct TorchActivation {
  const char *name; // of torch's class
  proto::Ffn::Activation activation;
};
constexpr TorchActivation kActivations[] = {
    {"torch.nn.modules.activation.Tanh", proto::Ffn::TANH},
    {"torch.nn.modules.linear.Identity", proto::Ffn::IDENTITY},
    {"torch.nn.modules.activation.ReLU", proto::Ffn::RELU},
    {"torch.nn.modules.activation.GELU", proto::Ffn::GELU},
    {"torch.nn.modules.activation.SiLU", proto::Ffn::SILU},
};

StatusOr<proto::Ffn::Activation> readActivation(const JsonRef &value) {
  HEDDLE_ASSIGN_OR_RETURN(std::string name, value.asString());
  std::string known;
  for (const TorchActivation &row : kActivations) {
    if (name == row.name)
      return row.activation;
    absl::StrAppend(&known, known.empty() ? "" : ", ", row.name);
  }
  return value.error(
      absl::StrCat(value.value().describe(), " is not supported; supported: ", known));
}

Status readMember(const std::string &key, const JsonRef &value, int64_t width,
                  proto::DenseLayer &layer) {
  if (key == "in_features") {
    HEDDLE_ASSIGN_OR_RETURN(int64_t in, value.asInteger());
    if (in != width)
      return value.error(absl::StrCat(in, ", but the vector before it has ", width));
  } else if (key == "out_features") {
    HEDDLE_ASSIGN_OR_RETURN(int64_t out, value.asInteger(1, kMaxDimension));
    layer.set_width(out);
  } else if (key == "bias") {
    HEDDLE_ASSIGN_OR_RETURN(bool bias, value.asBool());
    layer.set_bias(bias);
  } else if (key == "activation_function") {
    HEDDLE_ASSIGN_OR_RETURN(proto::Ffn::Activation activation, readActivation(value));
    layer.set_activation(activation);
  } else if (key == "module_input_name" || key == "module_output_name") {
    if (value.isNull())
      return absl::OkStatus();
    HEDDLE_ASSIGN_OR_RETURN(std::string name, value.asString());
    if (name != kVectorName)
      return value.error(absl::StrCat(value.value().describe(), " is not supported, expected \"",
                                      kVectorName, "\""));
  } else {
    return value.error("is not known");
  }
  return absl::OkStatus();
}

} // namespace

StatusOr<proto::DenseLayer> readDenseModule(const JsonRef &config, const std::string &folder,
                                            int64_t width) {
  HEDDLE_ASSIGN_OR_RETURN(auto members, config.asObject());
  proto::DenseLayer layer;
  layer.set_name(folder + "/linear");
  for (const char *key : {"in_features", "out_features"})
    HEDDLE_RETURN_IF_ERROR(config.at(key).status());
  for (const auto &[key, value] : members)
    HEDDLE_RETURN_IF_ERROR(readMember(key, value, width, layer));
  return layer;
}

} // namespace heddle::frontend
