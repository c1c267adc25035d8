// SPDX-License-Identifier: Apache-2.0
#include "frontend/HuggingFace.h"

#include <algorithm>

#include "frontend/ConfigFamily.h"
#include "frontend/ConfigReader.h"
#include "frontend/PatchGrid.h"
#include "runtime/io/Json.h"

namespace heddle::frontend {

Status readHuggingFace(runtime::FileLayer &layer, const std::string &folder,
                       const Families &families, Model &model) {
  HEDDLE_ASSIGN_OR_RETURN(runtime::JsonDocument document,
                          runtime::readJsonFile(layer, folder + "/" + kConfigFile));
  runtime::JsonRef config = document.ref();
  HEDDLE_ASSIGN_OR_RETURN(proto::Family family, familyOf(config, families));
  HEDDLE_ASSIGN_OR_RETURN(model.definition, readConfig(config, family));
  model.family = family.model_type();
  model.shiftLabels = family.shift_labels();
  for (const proto::OptionalPart &part : family.optional_parts())
    model.optionalParts.emplace_back(part.tensor(), part.field());
  const proto::ParameterNames &names = model.definition.names();
  std::vector<std::string> prefixes(names.other_prefixes().begin(), names.other_prefixes().end());
  prefixes.insert(prefixes.begin(), names.prefix());
  if (model.definition.has_image())
    prefixes.push_back(model.definition.image().names().prefix());
  for (const std::string &pattern : family.ignored_tensors())
    for (const std::string &prefix : prefixes)
      model.ignoredTensors.push_back(prefix + pattern);
  return absl::OkStatus();
}

namespace {

/// The head's name is the one that the checkpoint has.
void takeHeadOf(const std::vector<std::string> &sorted, proto::ParameterNames &names) {
  auto has = [&](const std::string &head) {
    return std::binary_search(sorted.begin(), sorted.end(), head + ".weight");
  };
  if (has(names.head()))
    return;
  for (std::string &other : *names.mutable_other_heads())
    if (has(other)) {
      std::string head = names.head();
      names.set_head(other);
      other = head;
      return;
    }
}

} // namespace

void takePrefixOf(const std::vector<std::string> &tensors, proto::ModelDef &definition) {
  proto::ParameterNames &names = *definition.mutable_names();
  std::vector<std::string> prefixes(names.other_prefixes().begin(), names.other_prefixes().end());
  prefixes.insert(prefixes.begin(), names.prefix());
  std::vector<std::string> sorted = tensors;
  std::sort(sorted.begin(), sorted.end());
  // A definition for counting: the vocabulary changes no name.
  proto::ModelDef candidate = definition;
  if (!candidate.has_vocab_size() && !readsImages(candidate))
    candidate.set_vocab_size(1);
  size_t best = 0, bestHits = 0;
  for (size_t i = 0; i < prefixes.size(); ++i) {
    candidate.mutable_names()->set_prefix(prefixes[i]);
    size_t hits = 0;
    for (const ParameterSpec &spec : parametersOf(candidate).all())
      hits += std::binary_search(sorted.begin(), sorted.end(), spec.name);
    if (hits > bestHits) {
      best = i;
      bestHits = hits;
    }
  }
  names.set_prefix(prefixes[best]);
  takeHeadOf(sorted, names);
  proto::Head &head = *definition.mutable_head();
  if (head.untied_if_stored() &&
      std::binary_search(sorted.begin(), sorted.end(), names.head() + ".weight"))
    head.set_tied(false);
  if (bestHits > 0 && head.constant_bias() &&
      !std::binary_search(sorted.begin(), sorted.end(), names.head_constant_bias()))
    head.set_constant_bias(false);
  names.clear_other_prefixes();
  for (size_t i = 0; i < prefixes.size(); ++i)
    if (i != best)
      names.add_other_prefixes(prefixes[i]);
}

void dropAbsentParts(const std::vector<std::string> &tensors,
                     const std::vector<std::pair<std::string, std::string>> &parts,
                     proto::ModelDef &definition) {
  const proto::ParameterNames &names = definition.names();
  std::vector<std::string> prefixes(names.other_prefixes().begin(), names.other_prefixes().end());
  prefixes.push_back(names.prefix());
  for (const auto &[tensor, field] : parts) {
    const bool isThere =
        std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string &prefix) {
          return std::find(tensors.begin(), tensors.end(), prefix + tensor) != tensors.end();
        });
    if (!isThere)
      definition.GetReflection()->ClearField(&definition,
                                             definition.GetDescriptor()->FindFieldByName(field));
  }
}

} // namespace heddle::frontend
