// SPDX-License-Identifier: Apache-2.0
// Fields of a message by their path as text ("attention.heads"), so that files can say which field
// they mean.

#ifndef HEDDLE_FRONTEND_FIELDPATH_H
#define HEDDLE_FRONTEND_FIELDPATH_H

#include <string>

#include "google/protobuf/message.h"

#include "runtime/io/Json.h"

namespace heddle::frontend {

/// A field below a message; `message` owns what is written.
class FieldPath {
public:
  /// InvalidArgument where there is no such field, or it is repeated or a message.
  static StatusOr<FieldPath> find(const google::protobuf::Descriptor &descriptor,
                                  const std::string &path);
  /// A repeated field of truths or enumerators.
  static StatusOr<FieldPath> findRepeated(const google::protobuf::Descriptor &descriptor,
                                          const std::string &path);

  /// From the text of a textproto: a number, true or false, an enumerator, a string without quotes.
  Status setText(google::protobuf::Message &message, const std::string &text) const;
  /// From a JSON value of the field's own type; the error names its key.
  Status setJson(google::protobuf::Message &message, const runtime::JsonRef &value) const;

  /// Of a repeated field.
  void clear(google::protobuf::Message &message) const;
  /// Adds true, false or an enumerator to a repeated field of those.
  Status addText(google::protobuf::Message &message, const std::string &text) const;

private:
  static StatusOr<FieldPath> findAny(const google::protobuf::Descriptor &descriptor,
                                     const std::string &path, bool repeated);
  google::protobuf::Message &parent(google::protobuf::Message &message) const;
  /// The messages on the way, then the field.
  std::vector<const google::protobuf::FieldDescriptor *> fields_;
};

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_FIELDPATH_H
