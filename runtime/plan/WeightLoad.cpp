// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "runtime/base/NamePattern.h"
#include "runtime/io/Weights.h"
#include "runtime/plan/Session.h"

namespace heddle::runtime {
namespace {

StatusOr<bool> areEqual(const TensorView &a, const TensorView &b) {
  if (a.shape() != b.shape())
    return false;
  if (a.dtype() == b.dtype())
    return a.content() == b.content();
  std::vector<float> left(a.elements()), right(b.elements());
  HEDDLE_RETURN_IF_ERROR(copyToF32(a, left.data()));
  HEDDLE_RETURN_IF_ERROR(copyToF32(b, right.data()));
  return left == right;
}

/// The tensor under the parameter's name, else under another that it may have. What is stored more
/// than once, as tied weights may be, must be the same each time: one of them would count for
/// nothing.
StatusOr<std::optional<TensorView>> findParameter(const Weights &weights,
                                                  const proto::Parameter &parameter) {
  std::optional<TensorView> first = weights.find(parameter.name());
  for (const std::string &alias : parameter.aliases()) {
    auto found = weights.find(alias);
    if (!found || alias == parameter.name())
      continue;
    if (!first) {
      first = found;
      continue;
    }
    HEDDLE_ASSIGN_OR_RETURN(bool equal, areEqual(*first, *found));
    if (!equal)
      return found->error(absl::StrCat("differs from \"", first->name(),
                                       "\", and the model has one parameter for the two; if they "
                                       "are not tied, config.json must say so "
                                       "(\"tie_word_embeddings\": false)"));
  }
  return first;
}

/// Under whatever name the writer would have stored it.
Status missing(const Weights &weights, const proto::Parameter &parameter) {
  std::string others;
  for (const std::string &alias : parameter.aliases())
    absl::StrAppend(&others, ", nor \"", alias, "\"");
  return invalidInput(weights.path(), ": holds no tensor \"", parameter.name(), "\" ",
                      shapeText(parameter.shape()), others);
}

Status refuseUnknown(const Weights &weights, const proto::Manifest &manifest) {
  std::set<std::string> known;
  for (const proto::Parameter &parameter : manifest.parameters()) {
    known.insert(parameter.name());
    known.insert(parameter.aliases().begin(), parameter.aliases().end());
  }
  for (const std::string &name : weights.names()) {
    bool ignored = false;
    for (const std::string &pattern : manifest.ignored_tensors())
      ignored |= matchesPattern(pattern, name);
    if (!ignored && !known.count(name))
      return invalidInput(weights.path(), ": tensor \"", name,
                          "\" belongs to no parameter of the model");
  }
  return absl::OkStatus();
}

} // namespace

std::vector<std::string> weightFolders(const proto::Manifest &manifest) {
  return {manifest.weight_folders().begin(), manifest.weight_folders().end()};
}

std::string folderOfParameter(const proto::Manifest &manifest, const std::string &name) {
  for (const std::string &folder : manifest.weight_folders())
    if (name.starts_with(folder + "/"))
      return folder;
  return "";
}

Status Session::loadWeights(const Weights &weights) {
  HEDDLE_RETURN_IF_ERROR(refuseUnknown(weights, manifest()));
  std::vector<std::optional<TensorView>> sources;
  for (const proto::Parameter &parameter : manifest().parameters()) {
    HEDDLE_ASSIGN_OR_RETURN(std::optional<TensorView> source, findParameter(weights, parameter));
    if (!source && parameter.of_adapter()) {
      sources.emplace_back();
      continue;
    }
    if (!source)
      return missing(weights, parameter);
    std::vector<int64_t> expected(parameter.shape().begin(), parameter.shape().end());
    if (source->shape() != expected)
      return source->error(absl::StrCat("has shape ", shapeText(source->shape()), ", expected ",
                                        shapeText(expected)));
    sources.push_back(source);
  }
  filled_ = true;
  // Everything is checked before the first parameter changes.
  for (size_t i = 0; i < sources.size(); ++i) {
    if (!sources[i])
      continue;
    const StoredTensor &tensor = parameters_[i];
    if (device_->sharesHostMemory()) {
      HEDDLE_RETURN_IF_ERROR(copyToF32(*sources[i], static_cast<float *>(tensor.data())));
      continue;
    }
    std::vector<float> staging(sources[i]->elements());
    HEDDLE_RETURN_IF_ERROR(copyToF32(*sources[i], staging.data()));
    HEDDLE_RETURN_IF_ERROR(device_->upload(tensor.data(), staging.data(), tensor.bytes()));
  }
  return absl::OkStatus();
}

} // namespace heddle::runtime
