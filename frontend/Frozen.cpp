// SPDX-License-Identifier: Apache-2.0
#include "frontend/Frozen.h"

#include <algorithm>

#include "runtime/base/NamePattern.h"

namespace heddle::frontend {
namespace {

constexpr char kFreezeFlag[] = "--freeze ";

bool matchesName(const std::string &pattern, const ParameterSpec &parameter) {
  const auto &aliases = parameter.aliases;
  return matchesPattern(pattern, parameter.name) ||
         std::any_of(aliases.begin(), aliases.end(),
                     [&](const std::string &alias) { return matchesPattern(pattern, alias); });
}

/// How many insertions, deletions and replacements make `text` a part of `whole`.
size_t distanceToPart(const std::string &text, const std::string &whole) {
  std::vector<size_t> row(whole.size() + 1, 0); // of the empty text, which is a part anywhere
  for (size_t i = 1; i <= text.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= whole.size(); ++j) {
      const size_t replaced = diagonal + (text[i - 1] != whole[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return *std::min_element(row.begin(), row.end());
}

} // namespace

bool isFrozen(const proto::ModelDef &definition, const ParameterSpec &parameter) {
  if (parameter.frozen || (definition.has_adapters() && !parameter.ofAdapter))
    return true;
  return std::any_of(definition.frozen().begin(), definition.frozen().end(),
                     [&](const std::string &pattern) { return matchesName(pattern, parameter); });
}

std::string namesNear(const std::string &text, const std::vector<std::string> &names) {
  constexpr size_t kShown = 3, kLongest = 256;
  std::string plain = text.substr(0, kLongest);
  std::erase(plain, '*');
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string &name : names)
    if (const size_t distance = distanceToPart(plain, name); 3 * distance <= plain.size())
      near.emplace_back(distance, name);
  std::stable_sort(near.begin(), near.end(),
                   [](const auto &a, const auto &b) { return a.first < b.first; });
  std::string list;
  for (size_t i = 0; i < std::min(near.size(), kShown); ++i)
    absl::StrAppend(&list, i == 0 ? "; near it: " : ", ", near[i].second);
  return list;
}

Status checkFrozen(const proto::ModelDef &definition,
                   const std::vector<ParameterSpec> &parameters) {
  for (const std::string &pattern : definition.frozen()) {
    if (std::any_of(parameters.begin(), parameters.end(),
                    [&](const ParameterSpec &spec) { return matchesName(pattern, spec); }))
      continue;
    std::vector<std::string> names;
    for (const ParameterSpec &spec : parameters)
      names.push_back(spec.name);
    std::string near = namesNear(pattern, names);
    if (near.empty() && !names.empty())
      near = absl::StrCat("; the first of its ", names.size(), " is ", names.front());
    return invalidInput(kFreezeFlag, "\"", pattern, "\": no parameter of the model has such a name",
                        near, " (* stands for any text)");
  }
  if (!definition.frozen().empty() &&
      std::all_of(parameters.begin(), parameters.end(),
                  [&](const ParameterSpec &spec) { return isFrozen(definition, spec); }))
    return invalidInput(kFreezeFlag, "\"", definition.frozen(definition.frozen_size() - 1),
                        "\": no parameter is left to train");
  return absl::OkStatus();
}

} // namespace heddle::frontend
