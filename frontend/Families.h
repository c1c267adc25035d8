// SPDX-License-Identifier: Apache-2.0
// The families of models that we can read: those of frontend/families/, which are embedded in the
// binary, and what the user adds with --family.

#ifndef HEDDLE_FRONTEND_FAMILIES_H
#define HEDDLE_FRONTEND_FAMILIES_H

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/Family.pb.h"
#include "runtime/io/FileLayer.h"

namespace heddle::frontend {

/// Keys that a family file may have.
inline constexpr int kMaxFamilyKeys = 1'000;
/// Values, aliases and conditions of all keys, those of every family and those of tables included.
inline constexpr int kMaxFamilyValues = 10'000;

/// Immutable after load().
class Families {
public:
  /// An error names the file, the key and what is wrong with it. A family of `extraFile` takes the
  /// place of an embedded one of the same model type.
  static StatusOr<Families> load(runtime::FileLayer &layer,
                                 const std::optional<std::string> &extraFile = {});

  /// Null where there is none.
  const proto::Family *find(std::string_view modelType) const;
  /// "gpt2, llama"
  std::string known() const;

private:
  Status add(const std::string &text, const std::string &file, const proto::Family &common);
  std::vector<proto::Family> families_;
};

/// The files of frontend/families/, generated at build time.
struct EmbeddedText {
  const char *file;
  const char *text;
};
extern const EmbeddedText kEmbeddedFamilies[];
extern const size_t kEmbeddedFamilyCount;

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_FAMILIES_H
