// SPDX-License-Identifier: Apache-2.0
#include "frontend/ValidateNames.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "google/protobuf/descriptor.h"

#include "frontend/LayerNames.h"
#include "frontend/PatchGrid.h"
#include "runtime/base/Utf8.h"

namespace heddle::frontend {

bool isPlainText(const std::string &text) {
  for (unsigned char c : text)
    if (c < 0x20 || c == 0x7F)
      return false;
  return isValidUtf8(text) && text.size() <= kMaxModuleName;
}

namespace {

/// Whether the field names a part that every layer has: its default says so.
bool isOfLayer(const google::protobuf::FieldDescriptor &field) {
  return field.default_value_string().find(kLayerMark) != std::string::npos;
}

/// Heads stand beside the model that the prefix is of.
bool isOfHead(const std::string &path) {
  return path == "names.head" || path == "names.head_transform" || path == "names.head_norm" ||
         path == "names.next_sentence";
}

/// Whole names or endings of names, and no modules.
bool isNoModule(const std::string &field) {
  return field == "prefix" || field == "head_bias" || field == "head_constant_bias" ||
         field == "class_token" || field == "mask_embedding" || field == "position_table" ||
         field == "logit_scale" || field.starts_with("other_norm_");
}

/// Only decoders have it.
bool isOfCross(const std::string &field) { return field.starts_with("cross_"); }

std::optional<FieldError> findPrefixError(const proto::ParameterNames &names) {
  constexpr char kField[] = "names.other_prefixes";
  if (names.other_prefixes_size() > kMaxOtherPrefixes)
    return FieldError{kField,
                      absl::StrCat(names.other_prefixes_size(),
                                   " prefixes, more than the limit of ", kMaxOtherPrefixes)};
  std::map<std::string, int> count;
  for (const std::string &prefix : names.other_prefixes()) {
    if (!isPlainText(prefix))
      return FieldError{kField,
                        absl::StrCat("expected plain text of at most ", kMaxModuleName, " bytes")};
    if (++count[prefix] > 1)
      return FieldError{kField, absl::StrCat("\"", prefix, "\" is there twice")};
  }
  return std::nullopt;
}

/// All modules of a definition as checkpoints call them, without prefix, found by their text. Kept
/// as hashes: a definition of a hundred bytes may have a hundred thousand modules.
class Modules {
public:
  struct Module {
    size_t hash;
    const std::string *pattern;
    const std::string *field;
    int64_t layer;
    std::string text() const { return withLayer(*pattern, layer); }
  };

  /// `fieldOf`, by pattern, outlives this.
  Modules(const std::map<std::string, std::string> &fieldOf, int64_t layers) {
    add(fieldOf, layers);
    sort();
  }
  /// Those of two stacks.
  Modules(const std::map<std::string, std::string> &fieldOf, int64_t layers,
          const std::map<std::string, std::string> &otherFieldOf, int64_t otherLayers) {
    add(fieldOf, layers);
    add(otherFieldOf, otherLayers);
    sort();
  }

  const std::vector<Module> &all() const { return all_; }
  /// A module of that text other than `self`; null if there is none.
  const Module *find(const std::string &text, const Module *self = nullptr) const {
    size_t hash = hashOf(text);
    auto at = std::lower_bound(all_.begin(), all_.end(), hash,
                               [](const Module &module, size_t h) { return module.hash < h; });
    for (; at != all_.end() && at->hash == hash; ++at)
      if (&*at != self && at->text() == text)
        return &*at;
    return nullptr;
  }

private:
  void add(const std::map<std::string, std::string> &fieldOf, int64_t layers) {
    for (const auto &[pattern, field] : fieldOf) {
      bool marked = pattern.find(kLayerMark) != std::string::npos;
      for (int64_t layer = 0; layer < (marked ? layers : 1); ++layer)
        all_.push_back({hashOf(withLayer(pattern, layer)), &pattern, &field, layer});
    }
  }
  void sort() {
    std::sort(all_.begin(), all_.end(), [](const Module &a, const Module &b) {
      return std::tie(a.hash, *a.pattern, *a.field, a.layer) <
             std::tie(b.hash, *b.pattern, *b.field, b.layer);
    });
  }

  static size_t hashOf(const std::string &text) { return std::hash<std::string>()(text); }
  std::vector<Module> all_;
};

/// Patterns that differ may still meet: "a{layer}" in layer 11 and "a1{layer}" in layer 1.
std::optional<FieldError> findClash(const Modules &modules) {
  for (const Modules::Module &module : modules.all())
    if (const Modules::Module *other = modules.find(module.text(), &module))
      return FieldError{*module.field, absl::StrCat("\"", module.text(), "\" is a name of ",
                                                    *other->field, " too")};
  return std::nullopt;
}

/// A prefix makes a name longer, and the longer name may be another one. The head has no prefix.
std::optional<FieldError> findPrefixClash(const proto::ParameterNames &names,
                                          const Modules &modules) {
  std::vector<std::string> prefixes(names.other_prefixes().begin(), names.other_prefixes().end());
  prefixes.push_back(names.prefix());
  auto clash = [](const std::string &name, const std::string &one, const std::string &two) {
    return FieldError{
        one, absl::StrCat("with one of the prefixes \"", name, "\" is a name of ", two, " too")};
  };
  for (const std::string &longer : prefixes) {
    for (const Modules::Module &module : modules.all()) {
      if (!isOfHead(*module.field) || !module.text().starts_with(longer))
        continue;
      const Modules::Module *found = modules.find(module.text().substr(longer.size()));
      if (found && !isOfHead(*found->field))
        return clash(module.text(), *module.field, *found->field);
    }
    for (const std::string &shorter : prefixes) {
      if (longer.size() <= shorter.size() || !longer.starts_with(shorter))
        continue;
      std::string between = longer.substr(shorter.size());
      for (const Modules::Module &module : modules.all()) {
        if (isOfHead(*module.field))
          continue;
        const Modules::Module *other = modules.find(between + module.text());
        if (other && !isOfHead(*other->field))
          return clash(longer + module.text(), *module.field, *other->field);
      }
    }
  }
  return std::nullopt;
}

/// Names that stand for one parameter, as they are.
std::optional<FieldError> findWholeNameError(const proto::ParameterNames &names,
                                             const Modules &modules) {
  const std::pair<const char *, const std::string *> whole[] = {
      {"names.class_token", &names.class_token()},
      {"names.logit_scale", &names.logit_scale()},
      {"names.position_table", names.has_position_table() ? &names.position_table() : nullptr}};
  std::map<std::string, std::string> seen; // fields by name
  for (const auto &[field, name] : whole) {
    if (!name)
      continue;
    if (name->empty())
      return FieldError{field, "is empty"};
    if (auto [other, added] = seen.emplace(*name, field); !added)
      return FieldError{field, absl::StrCat("\"", *name, "\" is ", other->second, " too")};
    for (const std::string ending : {".weight", ".bias"})
      if (name->ends_with(ending))
        if (const auto *module = modules.find(name->substr(0, name->size() - ending.size())))
          return FieldError{field,
                            absl::StrCat("\"", *name, "\" is a name of ", *module->field, " too")};
  }
  return std::nullopt;
}

} // namespace

std::optional<FieldError> findNameError(const proto::ModelDef &definition) {
  const proto::ParameterNames &names = definition.names();
  const auto *reflection = names.GetReflection();
  const auto *descriptor = names.GetDescriptor();
  std::map<std::string, std::string> fieldOf; // by name
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto *field = descriptor->field(i);
    if (field->is_repeated())
      continue;
    std::string value = reflection->GetString(names, field), path = "names." + field->name();
    if (!isPlainText(value))
      return FieldError{path,
                        absl::StrCat("expected plain text of at most ", kMaxModuleName, " bytes")};
    bool marked = value.find(kLayerMark) != std::string::npos;
    if (isNoModule(field->name()))
      continue;
    if (value.empty())
      return FieldError{path, "is empty"};
    if (isOfLayer(*field) && !marked)
      return FieldError{path, absl::StrCat("\"", value, "\" has no {layer}: every layer needs ",
                                           "names of its own")};
    if (!isOfLayer(*field) && marked)
      return FieldError{path, absl::StrCat("\"", value, "\" has {layer} but is in no layer")};
    auto [other, added] = fieldOf.emplace(value, path);
    if (!added)
      return FieldError{path, absl::StrCat("\"", value, "\" is ", other->second, " too")};
  }
  if (std::optional<FieldError> error = findPrefixError(names))
    return error;
  Modules modules(fieldOf, definition.layers());
  if (std::optional<FieldError> error = findClash(modules))
    return error;
  if (std::optional<FieldError> error = findWholeNameError(names, modules))
    return error;
  return findPrefixClash(names, modules);
}

std::optional<FieldError> findStackNameError(const proto::ModelDef &decoder,
                                             const proto::ModelDef &other,
                                             const std::string &stack) {
  std::map<std::string, std::string> ofDecoder, ofOther; // fields by name with prefix
  const auto *descriptor = proto::ParameterNames::descriptor();
  const auto *reflection = decoder.names().GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto *field = descriptor->field(i);
    const std::string path = "names." + field->name();
    if (field->is_repeated() || isNoModule(field->name()))
      continue;
    const std::string name = reflection->GetString(decoder.names(), field);
    ofDecoder.emplace((isOfHead(path) ? "" : decoder.names().prefix()) + name, path);
    const bool tokens = field->name() == "token_embedding" &&
                        (readsImages(other) || decoder.share_token_embedding());
    const bool pooler = path == "names.pooler" || path == "names.pooler_norm";
    const bool head = other.head().kind() != proto::Head::NONE && path == "names.head";
    if (tokens || isOfCross(field->name()) || (isOfHead(path) && !head) ||
        (pooler && !other.has_pooler()))
      continue;
    ofOther.emplace((head ? "" : other.names().prefix()) +
                        reflection->GetString(other.names(), field),
                    stack + "." + path);
  }
  return findClash(Modules(ofDecoder, decoder.layers(), ofOther, other.layers()));
}

Status checkDistinctNames(const std::vector<ParameterSpec> &parameters) {
  absl::flat_hash_map<std::string_view, const ParameterSpec *> known;
  for (const ParameterSpec &spec : parameters) {
    auto clash = [&](const std::string &name) {
      auto [at, added] = known.emplace(name, &spec);
      return !added && at->second != &spec ? at->second : nullptr;
    };
    auto wrong = [&](const std::string &name, const ParameterSpec &other) {
      return invalidInput("field \"names\": \"", name, "\" is a tensor of ", spec.layerPath,
                          " and of ", other.layerPath);
    };
    if (const ParameterSpec *other = clash(spec.name))
      return wrong(spec.name, *other);
    for (const std::string &alias : spec.aliases)
      if (const ParameterSpec *other = clash(alias))
        return wrong(alias, *other);
  }
  return absl::OkStatus();
}

} // namespace heddle::frontend
