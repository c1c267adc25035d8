// SPDX-License-Identifier: Apache-2.0
#include "frontend/Adapters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "frontend/Dimensions.h"
#include "frontend/Frozen.h"
#include "frontend/Model.h"
#include "runtime/io/JsonWriter.h"

namespace heddle::frontend {
namespace {

constexpr char kLoraFlag[] = "--lora ";
constexpr std::string_view kWeightEnd = ".weight";
constexpr int64_t kLargestRank = 65'536;

template <typename Number> bool readNumber(const std::string &text, Number &number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// "transformer.h.0.attn.c_attn" of its weight's name.
std::string moduleOf(const ParameterSpec &weight) {
  return weight.name.substr(0, weight.name.size() - kWeightEnd.size());
}

/// Sets what `key=value` says.
Status readPart(const std::string &text, const std::string &key, const std::string &value,
                proto::LowRankAdapters &adapters) {
  auto wrong = [&](const char *expected) {
    return invalidInput(kLoraFlag, text, ": ", key, "=", value, ": expected ", expected);
  };
  int64_t rank = 0;
  double number = 0;
  if (key == "r") {
    if (!readNumber(value, rank) || rank < 1 || rank > kLargestRank)
      return wrong("a rank from 1 to 65536");
    adapters.set_rank(rank);
  } else if (key == "alpha") {
    if (!readNumber(value, number) || !(number > 0) || !std::isfinite(number))
      return wrong("a positive number");
    adapters.set_alpha(number);
  } else if (key == "dropout") {
    if (!readNumber(value, number) || !(number >= 0 && number < 1))
      return wrong("a number from 0 to less than 1");
    adapters.set_dropout(number);
  } else if (key == "save") {
    if (value != "merged" && value != "apart")
      return wrong("apart or merged");
    adapters.set_merged(value == "merged");
  } else if (key == "targets") {
    if (value.empty())
      return wrong("names of layers");
    adapters.add_targets(value);
  } else {
    return invalidInput(kLoraFlag, text, ": \"", key, "\" is unknown; expected r, alpha, targets, ",
                        "dropout and save, as in r=8,alpha=16,targets=q_proj,v_proj");
  }
  return absl::OkStatus();
}

} // namespace

StatusOr<proto::LowRankAdapters> parseAdapters(const std::string &text) {
  proto::LowRankAdapters adapters;
  std::vector<std::string> seen;
  for (const std::string &part : std::vector<std::string>(absl::StrSplit(text, ','))) {
    const size_t equals = part.find('=');
    // A further name of the list that `targets` began.
    if (equals == std::string::npos && !seen.empty() && seen.back() == "targets") {
      HEDDLE_RETURN_IF_ERROR(readPart(text, "targets", part, adapters));
      continue;
    }
    if (equals == std::string::npos)
      return invalidInput(kLoraFlag, text, ": \"", part, "\": expected name=value, as in ",
                          "r=8,alpha=16,targets=q_proj,v_proj");
    const std::string key = part.substr(0, equals);
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      return invalidInput(kLoraFlag, text, ": ", key, " is there twice");
    seen.push_back(key);
    HEDDLE_RETURN_IF_ERROR(readPart(text, key, part.substr(equals + 1), adapters));
  }
  if (adapters.targets().empty())
    return invalidInput(kLoraFlag, text, ": targets is missing, the layers to adapt, as in ",
                        "r=8,alpha=16,targets=q_proj,v_proj");
  return adapters;
}

std::string printAdapters(const proto::LowRankAdapters &adapters) {
  std::vector<std::string> targets(adapters.targets().begin(), adapters.targets().end());
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  return absl::StrCat("r=", adapters.rank(), ",alpha=", runtime::jsonNumber(adapters.alpha()),
                      ",targets=", absl::StrJoin(targets, ","),
                      ",dropout=", runtime::jsonNumber(adapters.dropout()));
}

Status checkAdapters(const proto::ModelDef &definition,
                     const std::vector<ParameterSpec> &parameters) {
  if (!definition.has_adapters())
    return absl::OkStatus();
  std::vector<std::string> adapted, layers;
  for (const ParameterSpec &spec : parameters) {
    if (spec.ofAdapter)
      adapted.push_back(weightOfAdapter(spec));
    else if (spec.shape.size() == 2 && spec.name.ends_with(kWeightEnd))
      layers.push_back(moduleOf(spec));
  }
  for (const std::string &target : definition.adapters().targets()) {
    if (std::any_of(adapted.begin(), adapted.end(), [&](const std::string &weight) {
          return isAdapterTarget(weight.substr(0, weight.size() - kWeightEnd.size()), target);
        }))
      continue;
    const bool known = std::any_of(layers.begin(), layers.end(), [&](const std::string &module) {
      return isAdapterTarget(module, target);
    });
    if (known)
      return invalidInput(kLoraFlag, "targets=", target,
                          ": is a table or a head; only linear layers ",
                          "within the model can have adapters");
    return invalidInput(kLoraFlag, "targets=", target, ": no layer's name ends so",
                        namesNear(target, layers));
  }
  constexpr size_t kMostWithDropout = 4'096; // each draws a mask of its own
  if (definition.adapters().dropout() > 0 && adapted.size() / 2 > kMostWithDropout)
    return invalidInput(kLoraFlag, "dropout: ", adapted.size() / 2,
                        " adapters, more than the limit of ", kMostWithDropout);
  return absl::OkStatus();
}

std::string adapterConfig(const Model &model) {
  const proto::LowRankAdapters &adapters = model.definition.adapters();
  const std::vector<std::string> targets(adapters.targets().begin(), adapters.targets().end());
  const bool causal = isLanguageModel(model.definition) && model.shiftLabels;
  runtime::JsonWriter json(2);
  json.beginObject();
  json.key("alpha_pattern").beginObject().endObject();
  json.key("auto_mapping").null();
  json.member("base_model_name_or_path", model.path);
  json.member("bias", "none");
  json.member("fan_in_fan_out", model.definition.weight_layout() == proto::IN_OUT);
  json.member("inference_mode", true);
  json.member("init_lora_weights", true);
  json.member("lora_alpha", adapters.alpha());
  json.member("lora_dropout", adapters.dropout());
  json.key("modules_to_save").null();
  json.member("peft_type", "LORA");
  json.member("r", adapters.rank());
  json.key("rank_pattern").beginObject().endObject();
  json.member("target_modules", targets);
  json.key("task_type");
  causal ? json.value("CAUSAL_LM") : json.null();
  json.member("use_dora", false).member("use_rslora", false);
  json.endObject();
  return json.take() + "\n";
}

} // namespace heddle::frontend
