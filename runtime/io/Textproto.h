// SPDX-License-Identifier: Apache-2.0
// Bounded reading of protobuf messages written as text.

#ifndef HEDDLE_RUNTIME_IO_TEXTPROTO_H
#define HEDDLE_RUNTIME_IO_TEXTPROTO_H

#include <string>

#include "runtime/io/FileLayer.h"

namespace google::protobuf {
class Message;
}

namespace heddle::runtime {

/// Fills `message` (emptied first) from at most 16 MB of UTF-8 text nested at most 64 deep. Unknown
/// fields, fields given twice and wrong types are errors: `file:line:column: what`, a line each, up
/// to ten. So is a string whose escapes are not UTF-8, by its field's name. After an error the
/// message's content is unspecified.
Status parseTextproto(const std::string &text, const std::string &file,
                      google::protobuf::Message &message);
Status readTextprotoFile(FileLayer &layer, const std::string &path,
                         google::protobuf::Message &message);

/// The message as text, in the order of the schema, so that equal messages give equal text.
std::string printTextproto(const google::protobuf::Message &message);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_TEXTPROTO_H
