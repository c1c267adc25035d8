// SPDX-License-Identifier: Apache-2.0
// JSON as a stream of events, with every limit of Json.h except those of a particular document. For
// documents too large to hold as a tree (the header of a safetensors file).

#ifndef HEDDLE_RUNTIME_IO_JSONEVENTS_H
#define HEDDLE_RUNTIME_IO_JSONEVENTS_H

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/Status.h"

namespace heddle::runtime {

/// What a reader of events makes of them. Each method's error ends the reading; the file's name and
/// the byte are put before its message. Calls nest properly: a key comes before each member.
class JsonEvents {
public:
  virtual ~JsonEvents() = default;
  virtual Status null() = 0;
  virtual Status boolean(bool value) = 0;
  virtual Status integer(int64_t value) = 0; // |value| <= 2^53
  virtual Status real(double value) = 0;     // finite
  virtual Status string(std::string &value) = 0;
  virtual Status key(std::string &key) = 0; // the reader looks for duplicates itself
  virtual Status beginObject() = 0;
  virtual Status endObject() = 0;
  virtual Status beginArray() = 0;
  virtual Status endArray() = 0;
};

/// Reads one JSON value and nothing after it but white space. `base` is added to the offsets in
/// messages. Iterative: depth costs no stack.
Status readJsonEvents(std::string_view text, const std::string &file, int depthLimit,
                      JsonEvents &events, uint64_t base = 0);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_JSONEVENTS_H
