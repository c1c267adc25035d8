// SPDX-License-Identifier: Apache-2.0
// English names of languages.

#ifndef HEDDLE_RUNTIME_CLI_LANGUAGENAMES_H
#define HEDDLE_RUNTIME_CLI_LANGUAGENAMES_H

#include <string_view>

namespace heddle::runtime {

/// The code of ISO 639 ("de", or of three letters where there is no shorter one) of a name in small
/// letters ("german"); "" for one that is not known.
std::string_view languageCode(std::string_view name);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_CLI_LANGUAGENAMES_H
