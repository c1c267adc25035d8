// SPDX-License-Identifier: Apache-2.0
// A folder as one input, in the way of Go's txtar: a line `-- NAME --` before each file. The line
// break before such a line belongs to it, so that a file's last byte is free.

#ifndef HEDDLE_TESTS_FUZZ_FOLDER_H
#define HEDDLE_TESTS_FUZZ_FOLDER_H

#include <map>
#include <string>
#include <string_view>

namespace heddle::fuzz {

/// Contents by name ("out/step-00000002/manifest.json").
using Folder = std::map<std::string, std::string>;

/// Any text is a folder: what stands before the first name is the file "input", a name that cannot
/// be one (absolute, "..", empty parts) is left out with its content.
Folder parseFolder(std::string_view text);
std::string printFolder(const Folder &folder);

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_FOLDER_H
